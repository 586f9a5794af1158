import { setTimeout as delay } from 'node:timers/promises'

/** Waits for a condition; fails naming it when it does not come true. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  options: { timeout_ms?: number; what?: string } = {},
): Promise<void> {
  const end = Date.now() + (options.timeout_ms ?? 10_000)
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not come true in time: ${options.what ?? String(condition)}`)
    await delay(10)
  }
}
