import { setTimeout as delay } from 'node:timers/promises'

/** How often a disturbed measurement is made again, and after how long. */
const AGAIN_TIMES = 10
const AGAIN_AFTER_MS = 2_000

/** Measures again where others had more of the machine than that, from 0 to 1: judged by what they did, never by the figure. */
export async function undisturbed<T>(
  atMost: number,
  measure: () => Promise<T>,
  othersOf: (measured: T) => number,
): Promise<T> {
  for (let i = 1; ; i++) {
    const measured = await measure()
    if (othersOf(measured) <= atMost || i === AGAIN_TIMES) return measured
    await delay(AGAIN_AFTER_MS)
  }
}
