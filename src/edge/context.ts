import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { Log } from '../observe/log.ts'
import type { Feeds } from './feed.ts'
import type { HubLink } from './hub-link.ts'
import type { EdgeLimits } from './limits.ts'
import type { EdgeMetrics } from './metrics.ts'
import type { Slots } from './slots.ts'
import type { TokenBuckets } from './token-bucket.ts'

/** What the sessions of one edge are given. What changes in it is changed by its owner alone, one call at a time. */
export type EdgeContext = {
  limits: EdgeLimits
  clock: Clock
  ids: Ids
  /** 32 random bytes, base64url. */
  nonce: () => string
  log: Log
  hub: HubLink
  feeds: Feeds
  userRates: TokenBuckets
  metrics: EdgeMetrics
  /** Test only: called with the amount of each event handed to a socket. */
  pushed: ((amount: string) => void) | null
  /** What is going on right now over all sessions. */
  hellos: Slots
  commands: Slots
}
