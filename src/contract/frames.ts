import { z } from 'zod'
import { WireError } from './errors.ts'
import { EVENT_NAMES } from './names.ts'
import { BalanceView, PaymentView } from './objects.ts'
import { FeedId, Timestamp } from './primitives.ts'

/** Limits of the socket, shared by edge and clients. */
export const SOCKET_LIMITS = {
  frame_bytes: 16 * 1024,
  json_depth: 32,
  fragments: 64,
  hello_timeout_ms: 5_000,
  heartbeat_ms: 25_000,
  pong_timeout_ms: 10_000,
  out_queue_bytes: 256 * 1024,
  replay_events: 1_000,
  replay_page: 200,
  snapshot_open_payments: 200,
  snapshot_ended_payments: 50,
  snapshot_part_bytes: 64 * 1024,
} as const

export const FeedCursor = z.strictObject({
  epoch: z.string().min(1).max(64),
  seq: z.number().int().nonnegative(),
  pos: z.string().max(64).optional(),
})
export type FeedCursor = z.infer<typeof FeedCursor>

// Client → server. Strict: an extra field in the frame itself closes 4500.

export const HelloFrame = z.strictObject({
  t: z.literal('hello'),
  token: z.string().min(1).max(4096),
  proof: z.string().min(1).max(4096).optional(),
  agent: z.string().max(128).optional(),
  feeds: z.record(FeedId, FeedCursor).optional(),
})
export type HelloFrame = z.infer<typeof HelloFrame>

export const CmdFrame = z.strictObject({
  t: z.literal('cmd'),
  id: z.string().min(1).max(64),
  /** Checked with its own code (`idempotency_key_missing`), so any value passes the frame. */
  key: z.unknown().optional(),
  name: z.string().min(1).max(64),
  /** Checked by the command's own schema. */
  body: z.unknown().optional(),
})
export type CmdFrame = z.infer<typeof CmdFrame>

/** A new token on a socket that is open; `proof` as in hello, over the nonce of the last ping or, before it, of ready. */
export const TokenFrame = z.strictObject({
  t: z.literal('token'),
  token: z.string().min(1).max(4096),
  proof: z.string().min(1).max(4096).optional(),
})
export type TokenFrame = z.infer<typeof TokenFrame>

export const PongFrame = z.strictObject({ t: z.literal('pong'), n: z.number().int().nonnegative() })
export const AckFrame = z.strictObject({ t: z.literal('ack'), feed: FeedId, seq: z.number().int().nonnegative() })

export const ClientFrame = z.discriminatedUnion('t', [HelloFrame, CmdFrame, TokenFrame, PongFrame, AckFrame])
export type ClientFrame = z.infer<typeof ClientFrame>

// Server → client.

export const FEED_MODES = ['live', 'replay', 'snapshot'] as const
export type FeedMode = (typeof FEED_MODES)[number]

export const ChallengeFrame = z.object({ t: z.literal('challenge'), nonce: z.string(), time: Timestamp })
export const ReadyFrame = z.object({
  t: z.literal('ready'),
  session: z.string(),
  user: z.string(),
  device: z.string(),
  heartbeat_ms: z.number().int(),
  time: Timestamp,
  expires_at: Timestamp,
  env: z.enum(['test', 'live']),
  nonce: z.string(),
  feeds: z.record(
    z.string(),
    z.object({ mode: z.enum(FEED_MODES), epoch: z.string(), seq: z.number().int().nonnegative() }),
  ),
})
export type ReadyFrame = z.infer<typeof ReadyFrame>

/** In its place to a merchant's socket; `store`: null where it hears of all of the merchant's. */
export const MerchantReadyFrame = ReadyFrame.omit({ user: true, device: true }).extend({
  merchant: z.string(),
  store: z.string().nullable(),
})
export type MerchantReadyFrame = z.infer<typeof MerchantReadyFrame>

export const ReplyFrame = z.union([
  z.object({
    t: z.literal('reply'),
    id: z.string(),
    ok: z.literal(true),
    body: z.unknown(),
    replayed: z.literal(true).optional(),
  }),
  z.object({
    t: z.literal('reply'),
    id: z.string(),
    ok: z.literal(false),
    error: WireError,
    replayed: z.literal(true).optional(),
  }),
])
export type ReplyFrame = z.infer<typeof ReplyFrame>

export const EventFrame = z.object({
  t: z.literal('event'),
  feed: z.string(),
  seq: z.number().int().positive(),
  pos: z.string(),
  id: z.string(),
  name: z.enum(EVENT_NAMES),
  at: Timestamp,
  body: z.unknown(),
})
export type EventFrame = z.infer<typeof EventFrame>

export const SnapshotBody = z.object({
  payments: z.array(PaymentView).optional(),
  balances: z.array(BalanceView).optional(),
  more: z.boolean().optional(),
})
export type SnapshotBody = z.infer<typeof SnapshotBody>

export const SnapshotFrame = z.object({
  t: z.literal('snapshot'),
  feed: z.string(),
  epoch: z.string(),
  seq: z.number().int().nonnegative(),
  pos: z.string(),
  part: z.number().int().positive(),
  last: z.boolean(),
  body: SnapshotBody,
})
export type SnapshotFrame = z.infer<typeof SnapshotFrame>

export const PingFrame = z.object({
  t: z.literal('ping'),
  n: z.number().int().nonnegative(),
  nonce: z.string(),
  heads: z.record(z.string(), z.number().int().nonnegative()),
})
export const TokenTakenFrame = z.object({ t: z.literal('token'), expires_at: Timestamp })
export const GoawayFrame = z.object({
  t: z.literal('goaway'),
  reconnect_after_ms: z.number().int(),
  reason: z.string(),
})
export const ErrorFrame = z.object({ t: z.literal('error'), error: WireError })

export const ServerFrame = z.union([
  ChallengeFrame,
  ReadyFrame,
  ReplyFrame,
  EventFrame,
  SnapshotFrame,
  PingFrame,
  TokenTakenFrame,
  GoawayFrame,
  ErrorFrame,
])
export type ServerFrame = z.infer<typeof ServerFrame>
