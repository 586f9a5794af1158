import type { EventName, FeedCursor, FeedMode, SnapshotBody, WireError } from '../contract/index.ts'

/**
 * What crosses NATS between our own processes: JSON, one shape a subject. The
 * hub believes none of it about who the user is: it verifies the credential.
 */

/** `device`: the token that a socket was opened with, a phone's or a merchant's; the hub tells by the token. */
export type Credential = { type: 'device'; token: string } | { type: 'merchant'; secretKey: string } | { type: 'none' }

/** Any request to the hub (`cmd.<area>.<verb>`). */
export type HubRequest = {
  requestId: string
  credential: Credential
  /** Idempotency key as the client sent it, unchecked; absent where none was sent. */
  key?: unknown
  body: unknown
  /** Wall time, ms, after which the asker no longer listens; the hub drops what is older. */
  deadline: number
  /** Where the client comes from, as the front door saw it; for caps per address only. */
  address?: string
  /** W3C Trace Context of the client's request, where it sent a well-formed one. */
  traceparent?: string
}

export type HubReply =
  | { ok: true; body: unknown; replayed?: true }
  | { ok: false; error: WireError; replayed?: true; payment?: string }

/** `cmd.session.open`: the edge asks who speaks; body of the request and of the positive reply. */
export type SessionOpen = { nonce: string; proof?: string; origin?: string }
export type SessionOpened = { expiresAt: string; env: 'test' | 'live' } & (
  | { user: string; device: string }
  /** `store`: null where it hears of all of the merchant's. */
  | { merchant: string; store: string | null }
)

/** One event of a feed as it is stored, published and pushed. */
export type FeedEvent = { feed: string; seq: number; id: string; name: EventName; at: string; body: unknown }

/** `cmd.feed.open`: the state of a feed against a cursor, read in one REPEATABLE READ transaction. */
export type FeedOpen = { feed: string; cursor?: FeedCursor }
export type FeedOpened = { mode: FeedMode; epoch: string; seq: number; pos: string; snapshot?: SnapshotBody }

/** `cmd.feed.page`: committed events with after < seq ≤ upto, in order, at most a page. */
export type FeedPage = { feed: string; after: number; upto: number }
export type FeedPaged = { epoch: string; events: (FeedEvent & { pos: string })[] }

/** `cmd.feed.heads`: true heads of this session's feeds, from Postgres. */
export type FeedHeads = { feeds: string[] }
export type FeedHeadsAnswer = { heads: Record<string, number> }

/** `rail.<rail>.callback`: a rail's HTTP request, raw, for the hub to verify, store and act on. */
export type RailCallback = {
  method: string
  targetUri: string
  headers: Record<string, string>
  /** The raw body, base64. */
  body: string
}
export type RailCallbackReply = { status: 204 | 400 | 401 | 404 | 503 }

/** `ctl.edge.<id>`: what the relay tells edges. */
export type EdgeControl = { type: 'revoke'; device: string }

/** `ctl.device.replaced`: what edges tell each other: `session` took over from older ones of `device`. */
export type DeviceReplaced = { device: string; session: string }
