import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { Log } from '../observe/log.ts'
import type { Feeds } from './feed.ts'
import type { HubLink } from './hub-link.ts'
import type { EdgeLimits } from './limits.ts'
import type { EdgeMetrics } from './metrics.ts'
import type { TokenBuckets } from './token-bucket.ts'

/** What the sessions of one edge share. */
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
  /** What is going on right now, against its limits. */
  load: { hellos: number; commands: number }
}
