/** Every wait, queue and retry of the SDK has its bound here; units are last in the name. */
export const LIMITS = {
  /** From dialling a socket to its `ready`. */
  handshake_ms: 10_000,
  /** Silence beyond the server's `heartbeat_ms` after which a socket is taken for dead. */
  heartbeat_grace_ms: 10_000,
  /** Reconnect: full jitter over `min(cap, base × 2^attempt)`. */
  reconnect_base_ms: 250,
  reconnect_cap_ms: 20_000,
  /** A session must have held this long before its loss counts as the first failure again. */
  stable_ms: 5_000,
  /** `connect()` gives up where no session came about in this time. */
  first_ready_ms: 30_000,
  /** An unanswered command is sent again after this, under the same key. */
  reply_ms: 5_000,
  retry_base_ms: 200,
  retry_cap_ms: 5_000,
  command_deadline_ms: 60_000,
  /** Commands waiting or in flight at once. */
  commands: 256,
  /** The server's own bound on a frame (protocol.md §1). */
  frame_bytes: 16 * 1024,
  /** RFC 6455 §5.5: a close frame has 125 bytes, two of them the code. */
  close_reason_bytes: 123,
  /** Events an `events()` iterator may be behind before it fails. */
  event_buffer: 1_000,
  /** Versions a `payment()` stream may be behind before the oldest of them is skipped. */
  version_buffer: 64,
  /** Payments kept in local state; the oldest ended ones leave first. */
  payments: 2_000,
  /** Payments asked for again after a snapshot that no longer names them. */
  refresh_payments: 100,
  http_ms: 10_000,
  http_deadline_ms: 45_000,
  /** A token is renewed this long before it ends. */
  token_margin_ms: 60_000,
  /** Wall time that has run further ahead of the monotonic clock than this: the device has slept. */
  asleep_ms: 3_000,
  /** Life of a confirmation; the server takes at most 300 s. */
  proof_life_s: 240,
  /** A confirmation with less than this left is signed anew before it is sent again. */
  proof_margin_s: 30,
  otp_tries: 5,
} as const
