/** Limits of the relay, units last. */
export const RELAY_LIMITS = {
  /** Rows read in one go; doubled while every row of a batch waits for one outside it. */
  batch_rows: 500,
  batch_rows_max: 64_000,
  /** Rows of one feed published before the others get their turn again. */
  chain_rows: 32,
  /** Feeds published to at the same time. */
  parallel_feeds: 64,
  publish_timeout_ms: 1_500,
  /** How long an idle relay sleeps when nobody wakes it. */
  idle_ms: 200,
  /** How often an idle or busy leader looks whether the stream is still the one it knows. */
  stream_check_ms: 5_000,
  /** How often a standby asks for the lock. */
  lock_poll_ms: 200,
  statement_timeout_ms: 15_000,
  restart: { first_ms: 100, max_ms: 2_000, healthy_after_ms: 5_000 },
  /** What the stream keeps, and what a new epoch publishes again (protocol.md §4). */
  stream_max_age_ms: 2 * 60 * 60 * 1_000,
  stream_max_bytes: 512 * 1024 * 1024,
  /** A crash between ack and mark must be retried within this for the stream to see the duplicate. */
  duplicate_window_ms: 5 * 60 * 1_000,
} as const

export type RelayLimits = {
  readonly [K in keyof typeof RELAY_LIMITS]: (typeof RELAY_LIMITS)[K] extends number ? number : (typeof RELAY_LIMITS)[K]
}
