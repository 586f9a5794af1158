import { expect, test } from 'vitest'
import { setTimeout as delay } from 'node:timers/promises'
import { random } from '../support/raw-key.ts'
import { codeOf } from '../support/raw-phone.ts'
import type { Stage } from '../support/raw-stage.ts'

const WITHIN_MS = 5_000
const POLL_MS = 100

type Seen = { before: unknown; atItsTime: string; expiredAfter_ms: number }

/** Watches a bill that can be paid for a minute, the shortest there is, while the other tests run. */
export async function watchExpiry(stage: Stage): Promise<Seen> {
  const { shortBill } = stage
  const due_ms = Date.parse(shortBill.expires_at)
  const late = await stage.phone()
  const body = await stage.confirmBody(late, shortBill)
  await delay(due_ms - Date.now() - 1_000)
  const before = (await stage.stateOfBill(shortBill))['status']
  await delay(due_ms - Date.now() + 200)
  // Past its time it cannot be paid, whether or not anybody has marked it so.
  const atItsTime = codeOf(await late.ask('payment.confirm', body, random(18)))
  while ((await stage.stateOfBill(shortBill))['status'] !== 'expired' && Date.now() < due_ms + 2 * WITHIN_MS)
    await delay(POLL_MS)
  const expiredAfter_ms = Date.now() - due_ms
  await late.socket.close()
  return { before, atItsTime, expiredAfter_ms }
}

export function expiry(stage: () => Stage, watched: () => Promise<Seen>): void {
  test('a bill nobody pays is expired within 5 s of its time, and not before', async () => {
    const { before, atItsTime, expiredAfter_ms } = await watched()
    expect(before).toBe('requires_confirmation')
    expect(atItsTime).toBe('payment_expired')
    expect(expiredAfter_ms).toBeLessThan(WITHIN_MS)
    const ended = await stage().stateOfBill(stage().shortBill)
    expect(ended).toMatchObject({ status: 'expired', version: 2, failure: null, payer: null })
  }, 90_000)

  test('who comes late is told payment_expired, before what else is wrong, and not_found without a claim', async () => {
    const { anna, shortBill } = stage()
    const late = await stage().confirmBody(anna, shortBill, 'operator', { amount: '1' })
    const { claim: _claim, ...without } = late
    await stage().unchanged([anna], [shortBill], async () => {
      expect(codeOf(await anna.ask('payment.confirm', late, random(18)))).toBe('payment_expired')
      expect(codeOf(await anna.ask('payment.confirm', without, random(18)))).toBe('not_found')
      expect(codeOf(await anna.ask('payment.cancel', { payment: shortBill.id }, random(18)))).toBe('not_found')
    })
  })
}
