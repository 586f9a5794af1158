/** Time from outside, so that a test can hold it and the hub can follow the database's. */
export type Clock = {
  /** Wall time, milliseconds since the epoch. */
  now(): number
  /** Monotonic time, milliseconds; for measuring spans only. */
  monotonic(): number
}

/** RFC 3339 UTC with milliseconds, as every wire of ours has it. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString()
}
