import { rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { identify } from '../../../tools/process/identity.mjs'
import type { World } from '../../e2e/support/world.ts'
import type { Stack } from '../../support/stack.ts'
import { firedAt, type Hit } from '../failpoint.ts'

/** Longer than a workflow task given to a hub that stands still is kept from the others (`TASK_TIMEOUT_MS`). */
const FROZEN_AT_LEAST_MS = 5_500
/** A payment has ended, and what it was to pass may come yet: a call that hangs is given up after 8 s. */
const PASSED_WITHIN_MS = 10_000

/** Where a payment stands; whoever moves it on changes something of this. */
export type Standing = {
  id: string
  status: string
  version: number
  step: string | null
  state: string | null
  sends: number | null
  inquiries: number | null
  next_look_at: Date | null
  dispatched_at: Date | null
}

const ENDED = new Set(['succeeded', 'failed', 'canceled', 'expired'])

/** The accepted payment over this amount, which no other has. */
export async function standing({ sql }: World, amountMinor: bigint): Promise<Standing | null> {
  const [row] = await sql<Standing[]>`
    select p.id, p.status, p.version, a.step, a.state, a.sends, a.inquiries, a.next_look_at, a.dispatched_at
    from payments p left join attempts a on a.payment = p.id
    where p.amount = ${amountMinor.toString()}::bigint and p.accepted_at is not null`
  return row ?? null
}

export const hasEnded = (at: Standing | null): boolean => at !== null && ENDED.has(at.status)

/** Waits until a hub was struck there; null where the payment has ended and nobody came by. */
export async function struckAt(stack: Stack, world: World, path: string, amountMinor: bigint): Promise<Hit | null> {
  let endedAt: number | undefined
  const hit = await world.patience.until(`a hub to reach ${path}`, async () => {
    const found = firedAt(stack, path)
    if (found !== null) return { found }
    if (!hasEnded(await standing(world, amountMinor))) return undefined
    endedAt ??= performance.now()
    return performance.now() - endedAt > PASSED_WITHIN_MS ? { found: null } : undefined
  })
  if (hit.found === null) rmSync(path, { force: true })
  return hit.found
}

/** Waits until the supervisor has brought the hub back. */
export async function backAgain(stack: Stack, world: World, { hub, pid }: Hit): Promise<void> {
  await world.patience.until(`${hub} to be back`, () => {
    const now = stack.dev().pids[hub]
    return now !== undefined && now !== pid && identify(now) !== undefined ? true : undefined
  })
}

/** Wakes the hub once others have moved the payment on, or have had time to where it had ended. */
export async function wokenLate(world: World, { hub, pid }: Hit, amountMinor: bigint): Promise<void> {
  try {
    const before = await standing(world, amountMinor)
    await delay(FROZEN_AT_LEAST_MS)
    if (hasEnded(before)) return
    await world.patience.until(`others to take over what ${hub} has begun`, async () => {
      const now = await standing(world, amountMinor)
      return JSON.stringify(now) === JSON.stringify(before) ? undefined : true
    })
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}
