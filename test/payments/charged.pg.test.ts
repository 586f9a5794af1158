import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { audit } from '../../src/ledger/index.ts'
import { capture } from '../../src/payments/asked.ts'
import type { RailOutcome } from '../../src/rails/port.ts'
import { CAPTURE_MS, type HeldStage, MINUTE_MS, ids, openStage } from './support/held.ts'
import { settled } from './support/rail.ts'

/** A reservation is to be given back, and a capture that was thought lost has taken its money. */
let stage: HeldStage
beforeAll(async () => {
  stage = await openStage()
})
beforeEach(() => {
  stage.time.aheadMs = 0
  stage.operator.send = () => Promise.resolve(settled())
  stage.operator.inquire = () => Promise.resolve(settled())
})
afterAll(async () => {
  const { breaches } = await audit(stage.owner)
  await stage.close()
  expect(breaches).toEqual([])
})

const unknown = (): RailOutcome => ({ kind: 'unknown', why: 'reset', alarm: false })

/** What an operator shows of a reservation, when it is asked. */
const shows = (kind: 'settled' | 'charged' | 'not_found', status: string): RailOutcome => ({
  kind,
  evidence: { via: 'inquiry', id: null, status, railReference: 'S1' },
})

/** A confirm was lost, seemed not to have come, could not be sent again, and the reservation is to be given back. */
async function givenBackAfterALostConfirm(): Promise<string> {
  const id = await stage.accepted({ source: 'operator' })
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'awaiting_merchant' })
  const asked = await capture(stage.priced, await stage.state(id), 1_000n, ids, stage.clock.now())
  expect(await stage.ledger.apply(asked?.unit ?? { id: '', ok: {} })).toEqual({ code: 'ok' })
  stage.operator.send = () => Promise.resolve(unknown())
  stage.operator.inquire = () => Promise.resolve(shows('not_found', 'reserved'))
  await stage.run(id)
  expect(await stage.steps().inquire(id)).toMatchObject({ step: 'dispatch', call: 'confirm' })
  stage.operator.send = () => Promise.resolve({ kind: 'not_sent', why: 'refused' })
  expect(await stage.run(id)).toMatchObject({ step: 'dispatch', call: 'confirm' })
  stage.time.aheadMs = CAPTURE_MS + 60 * MINUTE_MS
  expect(await stage.steps().look(id)).toMatchObject({ step: 'dispatch', call: 'cancel' })
  return id
}

test.each(['answer', 'inquiry'] as const)(
  'what was charged before it could be given back has succeeded, as the %s to the cancel says',
  async (by) => {
    const id = await givenBackAfterALostConfirm()
    const charged = shows('charged', 'succeeded')
    stage.operator.send = () => Promise.resolve(by === 'answer' ? charged : unknown())
    stage.operator.inquire = () => Promise.resolve(charged)
    let next = await stage.run(id)
    if (next.step === 'wait') {
      await stage.steps().inquire(id)
      next = await stage.run(id)
    }
    expect(next).toEqual({ step: 'done', status: 'succeeded' })
    expect(await stage.standing(id)).toMatchObject({ captured: 1_000n, holds: 0, posted: { source: 1_000n } })
    const { attempt } = await stage.state(id)
    expect(attempt).toMatchObject({ step: 'confirm', state: 'settled', rail_reference: 'S1' })
  },
)

test('a cancel that its operator refuses is asked about on', async () => {
  const id = await givenBackAfterALostConfirm()
  const evidence = { via: 'answer' as const, id: null, status: 'no', railReference: null }
  stage.operator.send = () =>
    Promise.resolve({ kind: 'declined', code: 'declined_by_rail', reason: 'no', evidence, alarm: false })
  stage.operator.inquire = () => Promise.resolve(unknown())
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'outcome_unknown' })
  expect(await stage.standing(id)).toMatchObject({ status: 'requires_capture', holds: 2 })
  stage.operator.inquire = () => Promise.resolve(shows('settled', 'cancelled'))
  await stage.steps().inquire(id)
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'expired' })
})

test.each([
  ['resolve_settled', 'Recorded: settled.', 'succeeded', 1_000n],
  ['resolve_not_moved', 'Recorded: declined.', 'expired', 0n],
] as const)('operators who found out about a cancel that nobody answers, %s', async (action, done, status, posted) => {
  const id = await givenBackAfterALostConfirm()
  stage.operator.send = () => Promise.resolve(unknown())
  stage.operator.inquire = () => Promise.resolve(unknown())
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'outcome_unknown' })
  const decided = await stage.decide(id, action)
  expect(decided).toEqual({ done })
  expect(await stage.run(id)).toEqual({ step: 'done', status })
  expect(await stage.standing(id)).toMatchObject({ holds: 0, posted: { source: posted } })
})
