/** Every wait, count and cache of identity, with its unit. */
export const IDENTITY_LIMITS = {
  access_token_ttl_s: 900,
  socket_token_ttl_s: 900,
  nonce_ttl_ms: 180_000,
  /** How long a password may be entered; the operator's own limit may be shorter. */
  enrolment_ttl_ms: 300_000,
  otp_tries: 5,
  passwords_per_number_per_hour: 3,
  /** Counts also those the operator did not send. */
  enrolments_per_number_per_hour: 10,
  enrolments_per_address_per_hour: 20,
  /** Of a /24 or a /48: what five addresses may, so that nobody's network is more than a fiftieth of all. */
  enrolments_per_address_prefix_per_hour: 100,
  /** Of ten thousand neighbouring numbers: no more of all than a sixteenth, and to shut a range takes fifteen addresses. */
  enrolments_per_number_prefix_per_hour: 300,
  sms_per_hour: 5_000,
  /** Sign-ups counted at once by this hub, each with a connection to the database; of neighbouring numbers one. */
  enrolment_lanes: 2,
  /** Ranges of numbers whose sign-ups wait for that; behind it their further ones, of one range and of all. */
  enrolments_waiting: 200,
  enrolments_waiting_of_prefix: 400,
  enrolments_waiting_behind: 500,
  /** Who found no place comes back in this time. */
  enrolments_at_once_ms: 1_000,
  /** A further device of a user is read-only this long unless approved. */
  device_restriction_ms: 72 * 3_600_000,
  /** After any new device the user's limits are low this long, and this long after a new SIM card. */
  low_limits_ms: 24 * 3_600_000,
  sim_swap_ms: 72 * 3_600_000,
  /** A sign-up waits for the date this long, so that with the operator's own deadline it ends within its lease. */
  sim_date_ms: 3_000,
  /** Limits looked at in one go, and until when another hub leaves them alone. */
  raise_rows: 100,
  raise_lease_ms: 60_000,
  raise_parallel: 4,
  tier_cache_entries: 50_000,
  tier_stale_ms: 1_000,
  pin_tries: 5,
  /** The first lock; each further failure doubles it, so many times: 30 s to 34 h. */
  pin_lock_ms: 30_000,
  pin_lock_doublings: 12,
  /** PINs judged at once: each takes a core some 40 ms. */
  pin_lanes: 2,
  /** Users whose PIN waits for that; behind it their further ones, of one user and of all: all of them are commands in the hub. */
  pins_waiting: 200,
  pins_waiting_of_user: 64,
  pins_waiting_behind: 400,
  /** Of a user, newest first. */
  devices_listed: 100,
  operator_deadline_ms: 8_000,
  /** Longer than the operator's deadline: past it the asker is taken for dead. */
  verify_lease_ms: 12_000,
  enrol_commit_tries: 3,
  enrol_commit_gap_ms: 200,
  token_cache_entries: 50_000,
  device_cache_entries: 50_000,
  merchant_cache_entries: 10_000,
  /** How old a cached device, merchant key or payers' fee plan may be: a change is honoured within this (and must be within 2 s). */
  device_stale_ms: 1_000,
  merchant_stale_ms: 1_000,
  fee_plan_cache_entries: 10_000,
  fee_plan_stale_ms: 1_000,
  /** last_seen_at is not rewritten more often than this. */
  last_seen_gap_s: 60,
  proof_bytes: 4_096,
  token_bytes: 4_096,
  /** Enrolments are kept this long for the caps and for repeated verifies. */
  enrolment_kept_ms: 24 * 3_600_000,
  /** Deleted in one go, and the pause after it. */
  sweep_rows: 1_000,
  sweep_gap_ms: 25,
} as const
