/** Every wait, size and count of operators' dealings with us, with its unit. */
export const OPS_LIMITS = {
  /** A session ends so long after its last request, and so long after its login whatever happens. */
  session_idle_ms: 30 * 60_000,
  session_absolute_ms: 8 * 3_600_000,
  /** Logins that may fail before each further one waits, twice as long each time, and the longest such wait. */
  tries_per_operator: 5,
  tries_per_address: 20,
  longest_lock_ms: 15 * 60_000,
  /** Failures are forgotten so long after the last one. */
  failures_kept_ms: 3_600_000,
  /** Passwords being checked at once: each takes 32 MiB and a core for a while. */
  password_checks: 4,
  /** How long a payment waits for its rail before operators are shown it. */
  waiting_after_ms: 10_000,
  waiting_shown: 200,
  /** Of a payment, refund or recovery, as it is asked for. */
  id_letters: 80,
  body_bytes: 64 * 1024,
  /** A page of history is decoded in one request; Temporal's own limit for one payload is 2 MiB. */
  codec_body_bytes: 8 * 1024 * 1024,
  codec_payloads: 2_000,
  header_bytes: 16 * 1024,
  request_timeout_ms: 10_000,
  database_connections: 4,
  sweep_every_ms: 60_000,
  drain_ms: 8_000,
} as const
