/** Every bound of refunds, with its unit. */
export const REFUND_LIMITS = {
  /** A rail that cannot be reached for this long ends the refund; the merchant may make a new one. */
  send_within_ms: 3_600_000,
  /** A merchant has this long to have the money. */
  funds_within_ms: 7 * 86_400_000,
  /** How often it is looked whether merchants have it now. */
  funds_every_ms: 1_000,
  /** Commands that wait while another refund of their payment is decided, and those of all payments together. */
  asked_of_payment: 128,
  asked: 400,
  retry_after_ms: 300,
  sweep_every_ms: 1_000,
  /** A start gets this long to happen before the sweeper makes it again. */
  start_grace_ms: 2_000,
  /** Without an outcome at a rail this long it is called to operators' attention. */
  needs_operator_after_ms: 3_600_000,
  patrol_every_ms: 30_000,
  /** A refund untouched this long is looked at by the patrol. */
  patrol_idle_ms: 30_000,
  /** Of one page of a round; rounds go through all of them. */
  rows: 200,
} as const
