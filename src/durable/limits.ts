/** Every wait and count of the hub's dealings with Temporal, with its unit. */
export const DURABLE_LIMITS = {
  task_queue: 'payments',
  /** A start that takes longer is left to the sweeper (with Temporal frozen one took 30 s to fail). */
  start_deadline_ms: 2_000,
  starts_in_flight: 200,
  /** Of those, after starts that failed: a Temporal that has just come back is not asked for more at once than it can answer. */
  starts_in_flight_least: 8,
  /** After this many failed starts in a row none is tried for `start_pause_ms`. */
  start_failures: 5,
  start_pause_ms: 1_000,
  /** A build that is not current by then is a broken deployment. */
  promote_deadline_ms: 30_000,
  promote_gap_ms: 100,
  /** How often a hub looks whether any build is current. */
  promote_check_ms: 10_000,
  /** For what Temporal is asked about its set-up, by an administrator's call. */
  provision_deadline_ms: 10_000,
  signal_deadline_ms: 2_000,
  workflow_task_timeout_ms: 20_000,
  workflow_task_slots: 2_000,
  local_activity_slots: 2_000,
  activity_slots: 500,
  /** Workflows kept in memory between tasks; a waiting payment that falls out is replayed from a short history. */
  cached_workflows: 2_000,
  /** Above the longest rail deadline, so that drain hears every answer. */
  shutdown_grace_ms: 10_000,
} as const
