import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { audit, ensureLedger } from '../../src/ledger/index.ts'
import { cancel, capture, isCapturable } from '../../src/payments/asked.ts'
import { patrol } from '../../src/payments/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { CAPTURE_MS, type HeldStage, MINUTE_MS, ids, openStage } from './support/held.ts'
import { settled } from './support/rail.ts'

let stage: HeldStage
beforeAll(async () => {
  stage = await openStage()
})
beforeEach(() => {
  stage.time.aheadMs = 0
  stage.operator.sent = []
  stage.operator.inquired = []
  stage.operator.send = () => Promise.resolve(settled())
  stage.operator.inquire = () => Promise.resolve(settled())
})
afterAll(() => stage.close())

/** Asks for a capture on this state of the payment; what the ledger said. */
async function captured(id: string, amountMinor: bigint, hub = stage.ledger): Promise<string> {
  const asked = await capture(stage.priced, await stage.state(id), amountMinor, ids, stage.clock.now())
  if (asked === null) throw new Error('nothing would be left after the fee')
  return (await hub.apply(asked.unit)).code
}

async function canceled(id: string, by: 'payer' | 'merchant' = 'merchant'): Promise<string> {
  const asked = cancel(await stage.state(id), by, ids, stage.clock.now())
  return asked === null ? 'too late' : (await stage.ledger.apply(asked.unit)).code
}

const authorised = async (source: 'wallet' | 'operator', amount = 1_000n, fee = 15n): Promise<string> => {
  const id = await stage.accepted({ source, amount, fee })
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'awaiting_merchant' })
  return id
}

test('a wallet payment that its merchant captures later is held, for a week', async () => {
  const id = await authorised('wallet')
  expect(await stage.standing(id)).toMatchObject({ status: 'requires_capture', held: 1_000n, left: 1_000n })
  const { payment } = await stage.state(id)
  const until = payment.expires_at?.getTime() ?? 0
  expect(Math.abs(until - Date.now() - CAPTURE_MS)).toBeLessThan(MINUTE_MS)
})

test('a part of what is held is posted with its part of the fee, and the rest is free', async () => {
  const id = await authorised('wallet')
  expect(await captured(id, 400n)).toBe('ok')
  expect(await stage.standing(id)).toMatchObject({
    status: 'succeeded',
    captured: 400n,
    fee: 6n,
    holds: 0,
    posted: { source: 400n, share: 394n, fee: 6n },
    held: 0n,
    left: 600n,
  })
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
})

test('whatever is captured of whatever is held, in any currency, is what moves, and nothing stays held', async () => {
  const books = await Promise.all(
    (
      [
        ['JPY', 0],
        ['KES', 2],
        ['KWD', 3],
      ] as const
    ).map(async ([currency, exponent]) => ({
      currency,
      ledger: (await ensureLedger(stage.owner, currency, exponent)).id,
    })),
  )
  const order = fc
    .record({
      amount: fc.oneof(fc.bigInt(1n, 60n), fc.bigInt(1n, 999_999_999_999_999n)),
      feeShare: fc.bigInt(0n, 999n),
      part: fc.bigInt(1n, 1_000n),
      of: fc.constantFrom(...books),
    })
    .map(({ amount, feeShare, part, of }) => {
      const some = (amount * part) / 1_000n
      return { amount, fee: (amount * feeShare) / 1_000n, part: some < 1n ? 1n : some, of }
    })
  await fc.assert(
    fc.asyncProperty(order, async ({ amount, fee, part, of }) => {
      const id = await stage.accepted({ source: 'wallet', amount, fee, status: 'requires_capture', ...of })
      const asked = await capture(stage.priced, await stage.state(id), part, ids, Date.now())
      if (asked === null) {
        // A part that the fee would eat up stays held.
        expect((await stage.standing(id)).held).toBe(amount)
        expect(await canceled(id)).toBe('ok')
        return
      }
      expect((await stage.ledger.apply(asked.unit)).code).toBe('ok')
      const after = await stage.standing(id)
      expect(after).toMatchObject({ status: 'succeeded', captured: part, holds: 0, held: 0n, left: amount - part })
      expect(after.posted).toEqual({ source: part, share: part - after.fee, fee: after.fee })
      expect(after.fee).toBeLessThanOrEqual(fee)
    }),
    { numRuns: 60 },
  )
})

test('a cancelled hold is free to the last minor unit, and cannot be captured', async () => {
  const id = await authorised('wallet')
  const before = await stage.state(id)
  expect(await canceled(id)).toBe('ok')
  expect(await stage.standing(id)).toMatchObject({ status: 'canceled', captured: 0n, holds: 0, held: 0n, left: 1_000n })
  const late = await capture(stage.priced, before, 1_000n, ids, Date.now())
  expect(late === null ? '' : (await stage.ledger.apply(late.unit)).code).toBe('guard_failed')
  expect(await canceled(id)).toBe('too late')
})

test('of captures of different sums and cancels at the same moment one happens', async () => {
  for (let round = 0; round < 10; round++) {
    const id = await authorised('wallet')
    const state = await stage.state(id)
    const asked = await Promise.all(
      Array.from({ length: 16 }, async (_, i) =>
        i % 4 === 3
          ? cancel(state, 'merchant', ids, Date.now())
          : capture(stage.priced, state, BigInt(100 + i), ids, Date.now()),
      ),
    )
    const results = await Promise.all(
      asked.map(async (each, i) =>
        each === null ? null : (i % 2 === 0 ? stage.ledger : stage.other).apply(each.unit),
      ),
    )
    const won = asked.filter((_, i) => results[i]?.code === 'ok')
    expect(won).toHaveLength(1)
    const moved = won[0]?.after.captured_amount ?? -1n
    expect(await stage.standing(id)).toMatchObject({
      status: won[0]?.after.status,
      posted: { source: moved },
      held: 0n,
      left: 1_000n - moved,
    })
  }
})

test('past its time by the database’s clock a hold cannot be captured, whatever the hub believes', async () => {
  const id = await authorised('wallet')
  await stage.owner`update payments set expires_at = clock_timestamp() - interval '1 ms' where id = ${id}`
  stage.time.aheadMs = -10 * MINUTE_MS
  expect(await captured(id, 1_000n)).toBe('guard_failed')
  stage.time.aheadMs = 0
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'expired' })
  expect(await stage.standing(id)).toMatchObject({ status: 'expired', failure: null, held: 0n, left: 1_000n })
})

test('a hold at an operator is captured there once, and then here', async () => {
  const id = await authorised('operator')
  expect(await captured(id, 1_000n)).toBe('ok')
  expect(await stage.standing(id)).toMatchObject({ status: 'requires_capture', holds: 2 })
  const hubs = Array.from({ length: 5 }, () => stage.run(id))
  await Promise.all(hubs)
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(stage.operator.sent.map((line) => line.split(' ')[0])).toEqual(['prepare', 'confirm'])
  expect(await stage.standing(id)).toMatchObject({ captured: 1_000n, fee: 15n, holds: 0, posted: { source: 1_000n } })
})

test('what is being captured or given back, or is over, is not captured again', async () => {
  const [asked, withdrawn, over] = [
    await authorised('operator'),
    await authorised('operator'),
    await authorised('wallet'),
  ]
  const capturable = async (id: string, atMs = Date.now()) => isCapturable(await stage.state(id), atMs)
  expect([await capturable(asked), await capturable(withdrawn), await capturable(over)]).toEqual([true, true, true])
  await captured(asked, 1_000n)
  await canceled(withdrawn)
  expect([await capturable(asked), await capturable(withdrawn)]).toEqual([false, false])
  expect(await capturable(over, Date.now() + CAPTURE_MS + MINUTE_MS)).toBe(false)
})

test('what an operator holds cannot be captured in part', async () => {
  const id = await authorised('operator')
  await expect(captured(id, 999n)).rejects.toThrow('not held like this')
})

test('an operator that cannot be reached is asked to capture until the hold is over, then it is given back', async () => {
  const id = await authorised('operator')
  await captured(id, 1_000n)
  stage.operator.send = () => Promise.resolve({ kind: 'not_sent', why: 'refused' })
  expect(await stage.run(id)).toMatchObject({ step: 'dispatch', call: 'confirm' })
  // Long past the time in which a payment must have begun.
  stage.time.aheadMs = 60 * MINUTE_MS
  expect(await stage.steps().look(id)).toMatchObject({ step: 'dispatch', call: 'confirm' })
  stage.time.aheadMs = CAPTURE_MS + 60 * MINUTE_MS
  expect(await stage.steps().look(id)).toMatchObject({ step: 'dispatch', call: 'cancel' })
  stage.operator.send = () => Promise.resolve(settled())
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'expired' })
  expect(await stage.standing(id)).toMatchObject({ status: 'expired', holds: 0, posted: { source: 0n } })
})

test('a capture that its operator refuses ends canceled, and says why', async () => {
  const id = await authorised('operator')
  await captured(id, 1_000n)
  stage.operator.send = () =>
    Promise.resolve({
      kind: 'declined',
      code: 'declined_by_rail',
      reason: 'the reservation is gone',
      evidence: { via: 'answer', id: null, status: 'denied', railReference: null },
      alarm: false,
    })
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'canceled' })
  expect(await stage.standing(id)).toMatchObject({ failure: 'declined_by_rail', holds: 0, posted: { source: 0n } })
})

test('a capture whose answer is lost is asked about, never made again, and cannot be canceled meanwhile', async () => {
  const id = await authorised('operator')
  await captured(id, 1_000n)
  stage.operator.send = () => Promise.resolve({ kind: 'unknown', why: 'reset', alarm: false })
  stage.operator.inquire = () => Promise.resolve({ kind: 'unknown', why: 'still away', alarm: false })
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'outcome_unknown' })
  expect(await stage.standing(id)).toMatchObject({ status: 'requires_capture', reason: 'awaiting_rail', holds: 2 })
  expect(await canceled(id)).toBe('too late')
  stage.operator.inquire = () => Promise.resolve(settled())
  stage.time.aheadMs = 10 * MINUTE_MS
  expect(await stage.steps().inquire(id)).toEqual({ step: 'confirm' })
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(stage.operator.sent).toHaveLength(2)
})

test('a cancelled reservation is given back at the operator before the hold is released', async () => {
  const id = await authorised('operator')
  stage.operator.send = () => Promise.resolve({ kind: 'unknown', why: 'reset', alarm: false })
  expect(await canceled(id)).toBe('ok')
  expect(await canceled(id)).toBe('too late')
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'outcome_unknown' })
  expect(await stage.standing(id)).toMatchObject({ status: 'requires_capture', holds: 2 })
  stage.operator.inquire = () => Promise.resolve(settled())
  expect(await stage.steps().inquire(id)).toMatchObject({ step: 'release' })
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'canceled' })
  expect(await stage.standing(id)).toMatchObject({ status: 'canceled', holds: 0, posted: { source: 0n } })
})

test('a hold that nobody captures is given back at the operator, and expires', async () => {
  const id = await authorised('operator')
  stage.time.aheadMs = CAPTURE_MS + MINUTE_MS
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'expired' })
  expect(stage.operator.sent.map((line) => line.split(' ')[0])).toEqual(['prepare', 'cancel'])
  expect(await stage.standing(id)).toMatchObject({ status: 'expired', holds: 0 })
})

test('of a cancel and the call that takes the money one happens', async () => {
  const payments = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const id = await stage.accepted({ source: 'operator', capture_method: 'automatic' })
      await stage.steps().reserve(id)
      await stage.steps().dispatch(id)
      return id
    }),
  )
  const ends = await Promise.all(
    payments.map(async (id) => {
      const [code] = await Promise.all([canceled(id), stage.steps().dispatch(id)])
      return { id, code, end: await stage.run(id) }
    }),
  )
  for (const { id, code, end } of ends) {
    const calls = stage.operator.sent.filter((line) => line.includes(id.slice(4))).map((line) => line.split(' ')[0])
    expect(calls).toEqual(['prepare', code === 'ok' ? 'cancel' : 'confirm'])
    expect(end).toEqual({ step: 'done', status: code === 'ok' ? 'canceled' : 'succeeded' })
  }
})

test('a payer withdraws before anything has left, and not from what is held for a merchant or under way', async () => {
  const fresh = await stage.accepted({ source: 'operator' })
  expect(await canceled(fresh, 'payer')).toBe('ok')
  expect(await stage.run(fresh)).toEqual({ step: 'done', status: 'canceled' })
  expect(stage.operator.sent).toEqual([])
  expect(await canceled(await authorised('wallet'), 'payer')).toBe('too late')
  const away = await stage.accepted({ source: 'operator' })
  stage.operator.send = () => Promise.resolve({ kind: 'unknown', why: 'reset', alarm: false })
  stage.operator.inquire = () => Promise.resolve({ kind: 'unknown', why: 'still away', alarm: false })
  await stage.run(away)
  expect([await canceled(away, 'payer'), await canceled(away)]).toEqual(['too late', 'too late'])
})

test('a held payment whose workflow is gone is found by the patrol once something is due, and not before', async () => {
  const restarted: string[] = []
  const round = () =>
    patrol({
      sql: stage.hub,
      store: stage.store,
      ledger: stage.ledger,
      ids,
      clock: { ...stage.clock, now: () => Date.now() + 2 * MINUTE_MS },
      log: makeLog({ name: 'test', level: 'silent' }),
      startLate: () => {},
      restart: (id) => void restarted.push(id),
      rails: stage.operator.book,
    })
  const waiting = await authorised('wallet')
  const [over, asked, givenBack] = [
    await authorised('wallet'),
    await authorised('operator'),
    await authorised('operator'),
  ]
  await stage.owner`update payments set expires_at = clock_timestamp() - interval '1 ms' where id = ${over}`
  await captured(asked, 1_000n)
  await canceled(givenBack)
  await round()
  expect(restarted).toEqual(expect.arrayContaining([over, asked, givenBack]))
  expect(restarted).not.toContain(waiting)
})

test('the books are clean after all of it', async () => {
  expect((await audit(stage.owner)).breaches).toEqual([])
})
