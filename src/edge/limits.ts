import { SOCKET_LIMITS } from '../contract/index.ts'

/** Limits of an edge, units last; those a client must know are in the contract. */
export const EDGE_LIMITS = {
  ...SOCKET_LIMITS,

  // Handshake and connections
  http_headers_timeout_ms: 5_000,
  http_headers_bytes: 8 * 1024,
  /** How often Node looks for connections whose headers are late. */
  http_check_ms: 1_000,
  socket_buffer_bytes: 16 * 1024,
  connections: 20_000,
  /** IPv4 address or IPv6 /64; many phones share one behind a carrier's NAT. */
  connections_per_address: 200,
  /** How long a closing handshake may take before the connection is cut. */
  close_timeout_ms: 3_000,
  /** How long close frames that were just sent get to arrive where nobody says that they did. */
  close_grace_ms: 200,

  // Opening
  hellos_in_progress: 200,
  /** Jittered wait suggested to a client turned away by an overloaded edge. */
  overload_retry_ms: { min: 500, max: 3_000 },
  /** Live events kept for a socket that is still opening or waits for a missing one: they go out at once, within its queue. */
  held_events: 128,

  /** A device that was revoked is remembered longer than any hello may take; so many at most. */
  revoked_kept_ms: 60_000,
  revoked_kept: 10_000,

  // Commands
  command_timeout_ms: 10_000,
  commands_per_session: 64,
  commands_in_flight: 2_000,
  /** Ids a socket may not use again: this many last ones, and all in flight. */
  remembered_ids: 1_024,
  user_rate: { per_s: 50, burst: 100 },
  /** Commands refused by rate before the socket is closed: so many at once, or this rate kept up. */
  refusal_rate: { per_s: 10, burst: 200 },
  /** Frames of any kind on one socket. */
  frame_rate: { per_s: 200, burst: 400 },

  // Feeds
  /** A missing event is waited for this long without progress, then the socket is closed to resume. */
  gap_timeout_ms: 1_000,
  gap_retry_ms: 100,
  feed_linger_ms: 30_000,
  /** Replays and fills go on while the socket's queue is below this. */
  replay_queue_bytes: 64 * 1024,
  /** Every so many pings the heads come from Postgres: 25 s apart, so at least every 60 s. */
  true_heads_every_pings: 2,
  /** Sessions whose heads are asked for at the same time after NATS came back. */
  verify_parallel: 32,
  verify_retry_ms: 250,

  rate_sweep_ms: 10_000,

  // Mailboxes: what may wait while an actor is busy with one message. One more closes the session to be opened again
  // (4005), or has all of a feed's sessions resume.
  session_mailbox: 64,
  feed_mailbox: 1_024,

  // Going away
  /** So many sockets a millisecond are told to come back elsewhere: who takes them up gets them one after the other. */
  goaway_per_ms: 2,
  /** And the last of them after this, however many there are. */
  goaway_spread_ms: 5_000,
  /** All are closed by then; a client was promised 10 s. */
  drain_timeout_ms: 8_000,
} as const

type Widen<T> = T extends number ? number : { readonly [K in keyof T]: Widen<T[K]> }
export type EdgeLimits = Widen<typeof EDGE_LIMITS>
