import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { audit } from '../../src/ledger/index.ts'
import { cancel, isAskedForCode, takeCode } from '../../src/payments/asked.ts'
import type { RailOrder, RailOutcome } from '../../src/rails/port.ts'
import { ACTION_MS, type HeldStage, MINUTE_MS, ids, openStage } from './support/held.ts'
import { EVIDENCE, settled } from './support/rail.ts'

const RIGHT = '352673'

let stage: HeldStage
/** Codes as the operator got them. */
let typed: (string | null)[] = []

/** An operator that sends a code to the phone, and takes the right one. */
function operator(order: RailOrder): Promise<RailOutcome> {
  if (order.step === 'prepare') return Promise.resolve({ kind: 'settled', evidence: EVIDENCE, asks: 'code' })
  if (order.step !== 'validate') return Promise.resolve(settled())
  typed.push(order.input)
  return Promise.resolve(order.input === RIGHT ? settled() : { kind: 'wrong_code', evidence: EVIDENCE })
}

beforeAll(async () => {
  stage = await openStage()
})
beforeEach(() => {
  stage.time.aheadMs = 0
  typed = []
  stage.operator.sent = []
  stage.operator.send = operator
  stage.operator.inquire = () => Promise.resolve({ kind: 'unknown', why: 'away', alarm: false })
})
afterAll(() => stage.close())

async function asked(capture: 'automatic' | 'manual' = 'automatic'): Promise<string> {
  const id = await stage.accepted({ source: 'operator', capture_method: capture })
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'awaiting_payer' })
  return id
}

async function type(id: string, code: string): Promise<string> {
  const now = stage.clock.now()
  return (await stage.ledger.apply(takeCode(await stage.state(id), code, now + MINUTE_MS, ids, now).unit)).code
}

test('where the operator wants a code the payer is asked for it, for so long, and told where it went', async () => {
  const id = await asked()
  const { payment } = await stage.state(id)
  expect(payment).toMatchObject({ status: 'requires_action', next_action: { type: 'enter_code', hint: '··0001' } })
  const until = Date.parse(payment.next_action?.expires_at ?? '')
  expect(until).toBe(payment.expires_at?.getTime())
  expect(Math.abs(until - Date.now() - ACTION_MS)).toBeLessThan(MINUTE_MS)
  expect((await stage.standing(id)).holds).toBe(2)
})

test('the right code is sent once, and the payment goes on to its end', async () => {
  const id = await asked()
  const before = await stage.state(id)
  expect(await type(id, RIGHT)).toBe('ok')
  expect((await stage.state(id)).payment).toMatchObject({
    status: 'processing',
    next_action: null,
    version: before.payment.version + 1,
  })
  await Promise.all(Array.from({ length: 5 }, () => stage.run(id)))
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(stage.operator.sent.map((line) => line.split(' ')[0])).toEqual(['prepare', 'validate', 'confirm'])
  expect(typed).toEqual([RIGHT])
})

test('after a wrong code the payer is asked again, a version later, and may type another', async () => {
  const id = await asked()
  const { payment } = await stage.state(id)
  await type(id, '000000')
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'awaiting_payer' })
  const again = (await stage.state(id)).payment
  expect(again).toMatchObject({ status: 'requires_action', version: payment.version + 2 })
  expect(again.next_action).toMatchObject({ type: 'enter_code' })
  expect(await type(id, RIGHT)).toBe('ok')
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(typed).toEqual(['000000', RIGHT])
})

test('a code that could not be sent is asked for anew, and nothing else of the payment changes', async () => {
  const id = await asked()
  const { payment } = await stage.state(id)
  stage.operator.send = () => Promise.resolve({ kind: 'not_sent', why: 'too late to write' })
  await type(id, RIGHT)
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'awaiting_payer' })
  const again = await stage.state(id)
  expect(again.payment).toMatchObject({ status: 'requires_action', version: payment.version + 2 })
  expect(isAskedForCode(again)).toBe(true)
  expect((await stage.standing(id)).holds).toBe(2)
  stage.operator.send = operator
  expect(await type(id, RIGHT)).toBe('ok')
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(typed).toEqual([RIGHT])
})

test('what the operator says late of one code is not said of the next', async () => {
  const id = await asked()
  const wrong = (): RailOutcome => ({ kind: 'wrong_code', evidence: { ...EVIDENCE, via: 'inquiry' } })
  stage.operator.send = () => Promise.resolve({ kind: 'unknown', why: 'reset', alarm: false })
  await type(id, '000000')
  expect(await stage.run(id)).toMatchObject({ step: 'wait', ms: 0 })
  const slow = Promise.withResolvers<RailOutcome>()
  stage.operator.inquired = []
  stage.operator.inquire = () => slow.promise
  const asking = stage.steps().inquire(id)
  await expect.poll(() => stage.operator.inquired).toHaveLength(1)
  stage.operator.inquire = () => Promise.resolve(wrong())
  await stage.steps().inquire(id)
  expect(await stage.run(id)).toMatchObject({ stage: 'awaiting_payer' })

  const answer = Promise.withResolvers<RailOutcome>()
  stage.operator.send = () => answer.promise
  await type(id, RIGHT)
  const sending = stage.run(id)
  await expect.poll(async () => (await stage.state(id)).attempt?.state).toBe('dispatched')
  slow.resolve(wrong())
  await asking
  expect((await stage.state(id)).attempt).toMatchObject({ step: 'validate', state: 'dispatched' })
  stage.operator.send = operator
  answer.resolve(settled())
  await sending
  await expect.poll(() => stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
})

test('a code is kept no longer than it takes to send it, and in no journal', async () => {
  const id = await asked()
  await type(id, '918273')
  expect((await stage.state(id)).attempt?.input).toBe('918273')
  await stage.run(id)
  await type(id, RIGHT)
  await stage.run(id)
  const rows = await stage.owner<{ text: string }[]>`
    select a::text as text from attempts a where payment = ${id}
    union all select c::text from attempt_calls c where payment = ${id}
    union all select o.body::text from outbox o where o.body::text like ${`%${id}%`}
    union all select p::text from payments p where id = ${id}`
  expect(rows.length).toBeGreaterThan(5)
  expect(rows.filter(({ text }) => text.includes('918273') || text.includes(RIGHT))).toEqual([])
})

test('of codes typed at the same moment one is sent', async () => {
  const id = await asked()
  const state = await stage.state(id)
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => {
      const code = String(100_000 + i)
      const { unit } = takeCode(state, code, Date.now() + MINUTE_MS, ids, Date.now())
      return (i % 2 === 0 ? stage.ledger : stage.other).apply(unit)
    }),
  )
  expect(results.filter(({ code }) => code === 'ok')).toHaveLength(1)
  await Promise.all(Array.from({ length: 5 }, () => stage.run(id)))
  expect(typed).toHaveLength(1)
})

test('of a code, a cancel and the end of the time for it one happens, and the operator hears of one', async () => {
  const ways = new Set<string>()
  const all = await Promise.all(Array.from({ length: 30 }, () => asked()))
  await Promise.all(
    all.map(async (id, i) => {
      const state = await stage.state(id)
      const now = Date.now()
      const withdrawn = cancel(state, 'payer', ids, now)
      if (withdrawn === null) throw new Error('nothing to cancel')
      const code = () => stage.ledger.apply(takeCode(state, RIGHT, now + MINUTE_MS, ids, now).unit)
      const taken = () => stage.other.apply(withdrawn.unit)
      const [one, two] = i % 2 === 0 ? [code(), taken()] : [taken(), code()]
      const [typedFirst, canceledFirst] = i % 2 === 0 ? [await one, await two] : [await two, await one]
      expect([typedFirst.code, canceledFirst.code].filter((each) => each === 'ok')).toHaveLength(1)
      const end = await stage.run(id)
      expect(end).toEqual({ step: 'done', status: typedFirst.code === 'ok' ? 'succeeded' : 'canceled' })
      ways.add(end.step === 'done' ? end.status : '')
    }),
  )
  expect(ways.size).toBeGreaterThan(0)
})

test('nobody types a code: the reservation is given back and the payment expires', async () => {
  const id = await asked()
  stage.time.aheadMs = ACTION_MS + 1_000
  const before = await stage.state(id)
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'expired' })
  expect(await stage.standing(id)).toMatchObject({ status: 'expired', holds: 0, posted: { source: 0n } })
  expect(isAskedForCode(await stage.state(id))).toBe(false)
  const late = takeCode(before, RIGHT, Date.now() + MINUTE_MS, ids, Date.now())
  expect((await stage.ledger.apply(late.unit)).code).toBe('guard_failed')
  expect(typed).toEqual([])
})

test('past its time by the database’s clock no code is taken', async () => {
  const id = await asked()
  await stage.owner`update payments set expires_at = clock_timestamp() - interval '1 ms' where id = ${id}`
  expect(await type(id, RIGHT)).toBe('guard_failed')
})

test('a code that could not be sent in its time is not sent later: the reservation is given back', async () => {
  const id = await asked()
  await type(id, RIGHT)
  stage.time.aheadMs = 2 * MINUTE_MS
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'failed' })
  expect(typed).toEqual([])
  expect((await stage.state(id)).attempt?.input).toBeNull()
  expect(await stage.standing(id)).toMatchObject({ failure: 'rail_unavailable', holds: 0 })
})

test('a hub that died with the code on its way asks the operator, and never types it again', async () => {
  const id = await asked()
  await type(id, RIGHT)
  stage.operator.send = (order) => (order.step === 'validate' ? new Promise(() => {}) : operator(order))
  void stage.steps().dispatch(id)
  await expect.poll(() => stage.operator.sent.length).toBe(2)
  stage.time.aheadMs = 8_100
  stage.operator.inquire = () => Promise.resolve(settled())
  stage.operator.send = operator
  expect(await stage.steps().reserve(id)).toMatchObject({ step: 'wait', ms: 0 })
  expect(await stage.steps().inquire(id)).toMatchObject({ step: 'dispatch', call: 'confirm' })
  expect(await stage.run(id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(stage.operator.sent.map((line) => line.split(' ')[0])).toEqual(['prepare', 'validate', 'confirm'])
})

test('a payment that its merchant captures later is held once the code was right', async () => {
  const id = await asked('manual')
  await type(id, RIGHT)
  expect(await stage.run(id)).toMatchObject({ step: 'wait', stage: 'awaiting_merchant' })
})

test('the books are clean after all of it', async () => {
  expect((await audit(stage.owner)).breaches).toEqual([])
})
