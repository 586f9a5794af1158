import { afterAll, beforeAll, expect, test } from 'vitest'
import { audit } from '../../src/ledger/index.ts'
import { cancel, capture } from '../../src/payments/asked.ts'
import { release } from '../../src/payments/moves.ts'
import { type HeldStage, ids, openStage } from './support/held.ts'

/** HELD_RACES: how many held payments are captured, cancelled and expired at the same moment; a multiple of what races at once. */
const RACES = Number(process.env['HELD_RACES'] ?? 400)
const AT_ONCE = 20
const AMOUNT = 10n
/** By how much the time of expiry is moved from one round to the next. */
const STEP_MS = 3

let stage: HeldStage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

type End = 'capture' | 'cancel' | 'expire'

test(
  `capture at one hub races expiry and a cancel at another ${String(RACES)} times: one of the three`,
  { timeout: 120_000 + RACES * 100 },
  async () => {
    await Promise.all([stage.ledger.syncClock(), stage.other.syncClock()])
    const user = await stage.payer(AMOUNT * BigInt(RACES))
    const won: Record<End, number> = { capture: 0, cancel: 0, expire: 0 }
    /** From now to the time of expiry: moved to where either may win. */
    let aheadMs = 60
    for (let n = 0; n < RACES; n += AT_ONCE) {
      const held = await Promise.all(
        Array.from({ length: AT_ONCE }, () =>
          stage.accepted({ source: 'wallet', amount: AMOUNT, fee: 1n, status: 'requires_capture' }, user),
        ),
      )
      const at = stage.ledger.now() + aheadMs
      await stage.owner`
        update payments set expires_at = ${new Date(at).toISOString()}::timestamptz where id in ${stage.owner(held)}`
      const ends = await Promise.all(held.map((id, i) => race(id, i)))
      for (const end of ends) won[end] += 1
      const captured = ends.filter((end) => end === 'capture').length
      aheadMs = Math.max(0, aheadMs + (captured > AT_ONCE / 4 ? -STEP_MS : STEP_MS))
    }
    expect(won.capture + won.cancel + won.expire).toBe(RACES)
    // Where one of them always won there was no race.
    expect(Math.min(won.capture, won.cancel + won.expire)).toBeGreaterThan(RACES / 20)
    const [wallet] = await stage.hub<{ held: bigint; left: bigint }[]>`
      select debits_pending as held, credits_posted - debits_posted as left from accounts where name = ${`wallet:${user}`}`
    expect(wallet).toEqual({ held: 0n, left: AMOUNT * BigInt(RACES - won.capture) })
    expect((await audit(stage.owner)).breaches).toEqual([])
  },
)

/** Who was first; the others are told that it is no longer as they believed. */
async function race(id: string, turn: number): Promise<End> {
  const state = await stage.state(id)
  const [now, later] = [stage.ledger.now(), stage.other.now()]
  const [captured, canceled] = [
    await capture(stage.priced, state, AMOUNT, ids, now),
    cancel(state, 'merchant', ids, later),
  ]
  if (captured === null || canceled === null) throw new Error('a hold that cannot be asked for')
  const expired = release(state, { status: 'expired' }, [], ids, later)
  const calls: (() => Promise<[End, string]>)[] = [
    async () => ['capture', (await stage.ledger.apply(captured.unit)).code],
    async () => ['expire', (await stage.other.apply(expired.unit)).code],
    async () => ['cancel', (await stage.other.apply(canceled.unit)).code],
  ]
  const ordered = [...calls.slice(turn % 3), ...calls.slice(0, turn % 3)]
  const results = await Promise.all(ordered.map((call) => call()))
  const winners = results.filter(([, code]) => code === 'ok').map(([end]) => end)
  expect(results.map(([, code]) => code).toSorted()).toEqual(['guard_failed', 'guard_failed', 'ok'])
  const [winner = 'expire'] = winners
  const status = { capture: 'succeeded', cancel: 'canceled', expire: 'expired' }[winner]
  expect((await stage.state(id)).payment.status).toBe(status)
  return winner
}
