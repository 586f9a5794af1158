import type { FeedOpened, FeedPaged, HubReply, SessionOpened } from '../bus/index.ts'
import type { CommandName } from '../contract/index.ts'
import type { Result } from '../domain/result.ts'
import type { FeedNews } from './event-frame.ts'
import type { Ending } from './faults.ts'

/** What came of comparing a session with the hub: `unanswered` may be tried again. */
export type Verified = { at: 'verified'; head: number } | { at: 'unanswered' } | { at: 'ended' }

/** What the hub said of a command. */
export type Replied = { type: 'replied'; id: string; name: CommandName; askedAt_ms: number; reply: HubReply }

/** The feed's true head, or how the session ends by what the hub said of its token. */
export type HeadRead = {
  type: 'headRead'
  token: string
  head: Result<number, Ending>
  done: (verified: Verified) => void
}

/** Everything a session hears, in the order in which it hears it. */
export type SessionMessage =
  // Its socket
  | { type: 'accepted' }
  | { type: 'text'; text: string }
  | { type: 'drained' }
  | { type: 'closed'; code: number }
  // Its edge
  | { type: 'end'; ending: Ending }
  | { type: 'drain'; reconnect_after_ms: number }
  | { type: 'verify'; done: (verified: Verified) => void }
  // Its feed
  | FeedNews
  // The hub, asked by the session: where it has gone on meanwhile, an answer is stale
  | { type: 'identified'; opened: Result<SessionOpened, Ending> }
  | { type: 'feedOpened'; feed: Result<FeedOpened, Ending> }
  | { type: 'tokenKnown'; token: string; known: Result<SessionOpened, Ending> }
  | { type: 'paged'; page: FeedPaged | null }
  | HeadRead
  | Replied
  /** A question broke: a bug. */
  | { type: 'broken'; error: unknown }
  // Its clocks
  | { type: 'helloLate' }
  | { type: 'expired'; expiresAt_ms: number }
  | { type: 'beat' }
  | { type: 'pongLate' }
  | { type: 'look' }
  | { type: 'leaveNow' }
