/** What a client was told of a feed: an event, or a snapshot that stands for all up to its seq. */
export type Told = { seq: number; id: string } | { snapshot: number }

/**
 * How what a client was told differs from the committed log of its feed, whose
 * n-th event has seq n + 1. `from`: the last seq it had when it began to listen.
 */
export function differences(told: readonly Told[], committed: readonly string[], from = 0): string[] {
  const found: string[] = []
  let at = from
  for (const one of told) {
    if ('snapshot' in one) {
      if (one.snapshot < at) found.push(`a snapshot of ${one.snapshot} came after ${at}`)
      if (one.snapshot > committed.length) found.push(`a snapshot of ${one.snapshot}, which nobody committed`)
      at = one.snapshot
      continue
    }
    if (one.seq <= at) found.push(`event ${one.seq} came again after ${at}`)
    else if (one.seq > at + 1) found.push(`event ${one.seq} came after ${at}`)
    if (committed[one.seq - 1] !== one.id) {
      found.push(`event ${one.seq} was ${one.id}, committed is ${committed[one.seq - 1] ?? 'none'}`)
    }
    at = Math.max(at, one.seq)
  }
  if (at < committed.length) found.push(`after ${at} came nothing, and ${committed.length} are committed`)
  return found
}
