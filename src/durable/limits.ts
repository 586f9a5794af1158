/** Every wait and count of the hub's dealings with Temporal, with its unit. */
export const DURABLE_LIMITS = {
  task_queue: 'payments',
  /** A start that takes longer is left to the sweeper (with Temporal frozen one took 30 s to fail). */
  start_deadline_ms: 2_000,
  /**
   * How long Temporal's answer to an eager start is listened for: the first task travels in it, and one that came too
   * late would be nobody's until the task's time-out.
   */
  eager_answer_ms: 10_000,
  /** Starts that are waited for at once: at first, at most, and at least, after some that failed or were slow (start-line.ts). */
  starts_at_first: 32,
  starts_at_most: 200,
  starts_at_least: 8,
  /** Above this one fewer is: where Temporal is busy, more at once only wait there, and its polls with them. */
  start_slow_ms: 400,
  /** How long a start waits for its turn before it is left to the sweeper. */
  start_waits_ms: 5_000,
  /** Starts that wait in each lane; what comes on top is left to the sweeper and the patrol. */
  starts_waiting: 1_000,
  /** Which turn is of those that are late. */
  late_turn: 4,
  /** Of the payments, and of the refunds, that did not begin in time, Temporal is offered the first so many: two seconds of work. */
  late_offered: 100,
  /** What Temporal has said it has is not offered to it again before: it keeps its word, and the patrol looks later. */
  start_again_ms: 10_000,
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
  /** Polls for workflow tasks: few while idle, for a hub that stands still keeps what they are given; as many as there is work for. */
  workflow_polls: { initial: 5, minimum: 2, maximum: 50 },
  local_activity_slots: 2_000,
  activity_slots: 500,
  /** Workflows kept in memory between tasks; a waiting payment that falls out is replayed from a short history. */
  cached_workflows: 2_000,
  /** Above the longest rail deadline, so that drain hears every answer. */
  shutdown_grace_ms: 10_000,
} as const
