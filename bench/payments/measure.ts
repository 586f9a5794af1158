import { z } from 'zod'

/** Rate and latencies of one run. */
export const Measured = z.object({ perSecond: z.number(), p50Ms: z.number(), p99Ms: z.number(), count: z.number() })
export type Measured = z.infer<typeof Measured>

/** Runs `once` count times, so many at a time; each call is timed from its start to its end. */
export async function measure(
  count: number,
  inFlight: number,
  once: (worker: number) => Promise<void>,
): Promise<Measured> {
  const times: number[] = []
  let left = count
  const began = performance.now()
  await Promise.all(
    Array.from({ length: inFlight }, async (_, worker) => {
      while (left > 0) {
        left -= 1
        const start = performance.now()
        await once(worker)
        times.push(performance.now() - start)
      }
    }),
  )
  const seconds = (performance.now() - began) / 1_000
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { perSecond: count / seconds, p50Ms: at(0.5), p99Ms: at(0.99), count }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}
