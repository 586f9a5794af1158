import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { accountId, makeAccountBook } from '../../src/ledger/index.ts'
import { type ConsumeApproval, makeDecideRecovery, recordOutcome } from '../../src/payments/index.ts'
import type { RailOutcome } from '../../src/rails/port.ts'
import { afterTheEnd } from './support/after-the-end.ts'
import { settled } from './support/rail.ts'
import { saysDeclined, saysReturned, saysSettled } from './support/recovery-stage.ts'
import { openRefundStage, RAIL, type RefundStage, type Source } from './support/refund-stage.ts'

/**
 * A refund that had failed, so that its merchant has the money again, and of which its rail says later that it paid:
 * the books say what happened, once, and the customer is never given more than was captured without somebody owing it.
 */
let stage: RefundStage
let after: ReturnType<typeof afterTheEnd>
beforeAll(async () => {
  stage = await openRefundStage()
  after = afterTheEnd(stage)
})
beforeEach(() => {
  stage.reset()
  after.begun.length = 0
  stage.rail.send = () => Promise.resolve(settled())
  stage.rail.inquire = () => Promise.resolve(saysSettled('inquiry', 'asked-1'))
})
// Nothing that any of these left is wrong.
afterAll(async () => {
  try {
    expect(await stage.breaches()).toEqual([])
  } finally {
    await stage.close()
  }
})

type Paid = Awaited<ReturnType<RefundStage['paid']>>

const says = (refund: string, outcome: RailOutcome) =>
  recordOutcome(after.outcomes, { bearer: refund, no: 1, step: 'submit', outcome })

async function recoverAll(): Promise<void> {
  const seen = new Set<string>()
  for (let each = after.begun.shift(); each !== undefined; each = after.begun.shift()) {
    seen.add(each.id)
    await after.recovery.recover(each.id)
    await after.recovery.ask(each.id)
  }
  for (const id of seen) await after.recovery.recover(id)
}

/** A refund that its rail declined: its merchant has the money again. */
async function failed(payment: Paid, amount: string): Promise<string> {
  stage.rail.send = () => Promise.resolve(saysDeclined('answer'))
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount })
  expect(await stage.live(refund.id)).toBe('failed')
  stage.rail.send = () => Promise.resolve(settled())
  return refund.id
}

async function succeeded(payment: Paid, amount: string): Promise<void> {
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount })
  expect(await stage.live(refund.id)).toBe('succeeded')
}

async function left(name: string): Promise<bigint> {
  const [row] = await stage.sql<{ left: bigint }[]>`
    select coalesce(sum(case when code < 2000 then debits_posted - credits_posted else credits_posted - debits_posted end),
      0)::bigint as left from accounts where name = ${name}`
  return row?.left ?? 0n
}

/** What the payment says, and who bears it. */
async function standing(payment: Paid) {
  const row = await stage.store.payment(payment.id)
  return {
    status: row?.status,
    recovery: row?.recovery ?? null,
    reserved: row?.refund_reserved,
    refunded: row?.refunded_amount,
    pending: await left(`merchant:${payment.merchant}:pending`),
    owes: await left(`receivable:merchant:${payment.merchant}`),
    customerOwes: await left(`receivable:user:${payment.user}`),
  }
}

const resultsOf = async (refund: string) =>
  (await after.evidence.ofAttempt(refund, 1)).map(({ kind, via, result }) => `${kind} ${via} ${result ?? 'open'}`)

const PLACE: Readonly<Record<Exclude<Source, 'wallet'>, string>> = {
  bank: `clearing:${RAIL}`,
  operator: `due:${RAIL}`,
  mobile_money: `float:${RAIL}`,
}

/** Operators' decision about what waits; `consume`: what becomes of their approval. */
const decide = (evidence: string, approval: string, consume?: ConsumeApproval) =>
  makeDecideRecovery({
    ...after.deps,
    consume: consume ?? (() => Promise.resolve({ ok: true, action: 'approve_return', operators: ['op_1'] })),
  })({ evidence, update: 'approve', approval, by: 'test' })

const waitingOf = async (refund: string): Promise<string> => {
  const waits = (await after.evidence.ofAttempt(refund, 1)).find(({ state }) => state === 'needs_operator')
  if (waits === undefined) throw new Error(`nothing of ${refund} waits`)
  return waits.id
}

async function freeze(merchant: string, set: 'freeze' | 'unfreeze'): Promise<void> {
  const account = accountId(stage.book, `merchant:${merchant}:pending`)
  const result = await stage.ledger.apply({ id: stage.ids.uuid(), flags: [{ account, set }], ok: {} })
  expect(result).toEqual({ code: 'ok' })
}

test.each(['bank', 'operator', 'mobile_money'] as const)(
  'declined, and paid after all, to %s: the merchant bears it, the payment counts it, the refund stays failed',
  async (source) => {
    const payment = await stage.paid({ source })
    const refund = await failed(payment, '400')
    const before = await left(PLACE[source])
    await says(refund, saysSettled())
    await recoverAll()
    expect(await standing(payment)).toEqual({
      status: 'succeeded',
      recovery: { kind: 'late_settlement', amount: '400', state: 'absorbed' },
      reserved: 0n,
      refunded: 400n,
      pending: 600n,
      owes: 0n,
      customerOwes: 0n,
    })
    expect(before - (await left(PLACE[source]))).toBe(400n)
    expect(await left(`receivable:break:${RAIL}`)).toBe(0n)
    expect(await stage.store.refunds.refund(refund)).toMatchObject({ status: 'failed', version: 2 })
    expect(await resultsOf(refund)).toEqual(['settled callback known', 'settled inquiry posted'])
    const [told] = await stage.sql<{ body: object }[]>`
      select body from outbox where feed = ${payment.user} and name = 'payment.updated' order by seq desc limit 1`
    expect(told?.body).toMatchObject({ refunded_amount: '400', recovery: { kind: 'late_settlement' } })
    expect(await stage.breaches()).toEqual([])
    // What is left, and not a unit more, can still be refunded.
    expect(await stage.ask(payment.merchant, 'refund.create', { payment: payment.id, amount: '601' })).toMatchObject({
      error: { code: 'amount_exceeds_refundable' },
    })
    await succeeded(payment, '600')
    expect(await standing(payment)).toMatchObject({ refunded: 1_000n, pending: 0n })
  },
)

test('the audit names what the payment does not count, and what nobody said', async () => {
  const payment = await stage.paid()
  const refund = await failed(payment, '400')
  await says(refund, saysSettled('inquiry', 'late-1'))
  await recoverAll()
  await stage.owner`update payments set refunded_amount = 399 where id = ${payment.id}`
  expect(JSON.stringify(await stage.breaches())).toContain(
    `payment ${payment.id} says that 0 and 399 is being and was refunded, and its refunds come to 0 and 400`,
  )
  await stage.owner`update payments set refunded_amount = 400 where id = ${payment.id}`
  await stage.owner`update evidence set moved = 399 where payment = ${refund}`
  expect(JSON.stringify(await stage.breaches())).toContain(
    `refund ${refund}: after its end its rail moved -399 by evidence, and -400 was posted`,
  )
  await stage.owner`update evidence set moved = 400 where payment = ${refund}`
  expect(await stage.breaches()).toEqual([])
})

test('ended by operators as not moved, and paid after all', async () => {
  const payment = await stage.paid()
  stage.rail.send = () => Promise.resolve({ kind: 'unknown', why: 'no answer', alarm: false })
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
  stage.rail.inquire = () => Promise.resolve({ kind: 'unknown', why: 'no answer', alarm: false })
  await stage.live(refund.id)
  await says(refund.id, {
    kind: 'declined',
    code: 'not_executed',
    reason: 'It was not carried out.',
    evidence: { via: 'operator', id: 'apr_1', status: 'not moved, by op_1', railReference: null },
    alarm: false,
  })
  // The rail said so before the refund had ended: it waits for that.
  await says(refund.id, saysSettled('inquiry', 'asked-1'))
  const [named] = after.begun
  expect(await after.recovery.recover(named?.id ?? '')).toMatchObject({ step: 'wait', stage: 'awaiting_rail' })
  expect(await stage.live(refund.id)).toBe('failed')
  expect(await standing(payment)).toMatchObject({ refunded: 0n, reserved: 0n, pending: 1_000n })
  await recoverAll()
  expect(await standing(payment)).toMatchObject({
    recovery: { kind: 'late_settlement', amount: '400', state: 'absorbed' },
    refunded: 400n,
    pending: 600n,
  })
})

test('said several times, and recovered by ten at once, it is one', async () => {
  const payment = await stage.paid()
  const refund = await failed(payment, '400')
  for (const id of ['late-1', 'late-2', 'late-2']) await says(refund, saysSettled('inquiry', id))
  const ids = after.begun.map(({ id }) => id)
  await Promise.all(Array.from({ length: 10 }, (_, i) => after.recovery.recover(ids[i % ids.length] ?? '')))
  await recoverAll()
  expect(await standing(payment)).toMatchObject({ refunded: 400n, pending: 600n, recovery: { amount: '400' } })
  expect((await resultsOf(refund)).toSorted()).toEqual(['settled inquiry known', 'settled inquiry posted'])
})

test('two of one payment at once are two, and add up', async () => {
  const payment = await stage.paid()
  const refunds = [await failed(payment, '300'), await failed(payment, '200')]
  for (const refund of refunds) await says(refund, saysSettled('inquiry', 'late-1'))
  await Promise.all(after.begun.splice(0).map(({ id }) => after.recovery.recover(id)))
  expect(await standing(payment)).toMatchObject({
    recovery: { kind: 'late_settlement', amount: '500', state: 'absorbed' },
    refunded: 500n,
    pending: 500n,
  })
})

test('what of our fee is due back comes back with it, its tax as well, and once', async () => {
  const tax = { authority: 'kra', amountMinor: 4n }
  Object.assign(stage.terms, { onRefund: 'proportional', tax })
  const payment = await stage.paid({ fee: 30n })
  const fees = await left('revenue:fees')
  const refund = await failed(payment, '500')
  await succeeded(payment, '300')
  expect(fees - (await left('revenue:fees'))).toBe(9n - 1n)
  await says(refund, saysSettled('inquiry', 'late-1'))
  await recoverAll()
  // Of 800: 24 of 30, and 3 of 4.
  expect(fees - (await left('revenue:fees'))).toBe(24n - 3n)
  expect(await standing(payment)).toMatchObject({ refunded: 800n, pending: 1_000n - 30n - (800n - 24n), owes: 0n })
  expect(await stage.breaches()).toEqual([])
  await succeeded(payment, '200')
  expect(fees - (await left('revenue:fees'))).toBe(30n - 4n)
  expect(await standing(payment)).toMatchObject({ refunded: 1_000n, pending: 0n, owes: 0n })
})

test('a merchant that has nothing any more owes it', async () => {
  const payment = await stage.paid()
  const refund = await failed(payment, '400')
  const [pending = '', available = '', cash = ''] = await makeAccountBook(stage.sql).ensure(stage.book, [
    {
      code: 2020,
      name: `merchant:${payment.merchant}:pending`,
      owner: payment.merchant,
      debitsMustNotExceedCredits: true,
    },
    {
      code: 2030,
      name: `merchant:${payment.merchant}:available`,
      owner: payment.merchant,
      debitsMustNotExceedCredits: true,
    },
    { code: 1010, name: 'cash:bank:trust', owner: null, debitsMustNotExceedCredits: false },
  ])
  const post = (debit: string, credit: string, amount: string) => ({
    id: stage.ids.uuid(),
    ledger: stage.book,
    kind: 'post' as const,
    debit,
    credit,
    amount,
    subject: 'settlement',
  })
  const transfers = [post(pending, available, '250'), post(pending, cash, '650')]
  expect(await stage.ledger.apply({ id: stage.ids.uuid(), transfers, ok: {} })).toEqual({ code: 'ok' })
  await says(refund, saysSettled('inquiry', 'late-1'))
  await recoverAll()
  expect(await standing(payment)).toMatchObject({ refunded: 400n, pending: 0n, owes: 50n })
  expect(await left(`merchant:${payment.merchant}:available`)).toBe(0n)
})

test('where another refund has used what was left, people decide, and what the customer has twice it owes', async () => {
  const payment = await stage.paid()
  const refund = await failed(payment, '400')
  await succeeded(payment, '700')
  await says(refund, saysSettled('inquiry', 'late-1'))
  await recoverAll()
  expect(await standing(payment)).toMatchObject({
    recovery: { kind: 'late_settlement', amount: '400', state: 'open' },
    refunded: 700n,
    pending: 300n,
    customerOwes: 0n,
  })
  expect(await left(`receivable:break:${RAIL}`)).toBe(400n)
  expect(await resultsOf(refund)).toEqual(['settled inquiry broken'])
  const incidents = await stage.sql<{ kind: string }[]>`select kind from incidents where payment = ${refund}`
  expect(incidents.map(({ kind }) => kind)).toContain('late_settlement_broken')
  // While it is open nothing more of it is refunded.
  expect(await stage.ask(payment.merchant, 'refund.create', { payment: payment.id, amount: '1' })).toMatchObject({
    error: { code: 'amount_exceeds_refundable' },
  })
  expect(await stage.breaches()).toEqual([])
  const waits = await waitingOf(refund)
  await Promise.all([decide(waits, 'apr_00000001'), decide(waits, 'apr_00000001')])
  expect(await standing(payment)).toMatchObject({
    recovery: { kind: 'late_settlement', amount: '400', state: 'absorbed' },
    refunded: 1_000n,
    pending: 0n,
    owes: 0n,
    customerOwes: 100n,
  })
  expect(await left(`receivable:break:${RAIL}`)).toBe(0n)
  expect(await resultsOf(refund)).toEqual(['settled inquiry decided'])
})

test('whichever comes first, another refund or what was paid late, no more counts than was captured', async () => {
  for (let i = 0; i < 10; i++) {
    const payment = await stage.paid()
    const refund = await failed(payment, '400')
    await says(refund, saysSettled('inquiry', 'late-1'))
    const id = after.begun.shift()?.id ?? ''
    const another = { payment: payment.id, amount: '700' }
    const [reply] = await Promise.all([
      stage.ask(payment.merchant, 'refund.create', another),
      after.recovery.recover(id),
    ])
    const { refunded, reserved, recovery } = await standing(payment)
    expect({ refunded, reserved, state: recovery?.state }).toEqual(
      reply.ok ? { refunded: 0n, reserved: 700n, state: 'open' } : { refunded: 400n, reserved: 0n, state: 'absorbed' },
    )
  }
})

test('one that waits for funds meanwhile gives way, and is not paid as well', async () => {
  const payment = await stage.paid({ fee: 100n })
  const refund = await failed(payment, '400')
  const waits = await stage.refund(payment.merchant, { payment: payment.id, amount: '950' })
  expect(waits.status).toBe('pending_funds')
  await says(refund, saysSettled('inquiry', 'late-1'))
  await recoverAll()
  await stage.paid({ merchant: payment.merchant })
  await stage.one.fundWaiting()
  expect(await stage.store.refunds.refund(waits.id)).toMatchObject({ status: 'failed', failure_code: 'not_executed' })
  await decide(await waitingOf(refund), 'apr_00000001')
  expect(await standing(payment)).toMatchObject({ reserved: 0n, refunded: 400n, pending: 1_500n, customerOwes: 0n })
})

test('a refused approval posts nothing; a good one ends each of two that stand for itself', async () => {
  const payment = await stage.paid()
  const refunds = [await failed(payment, '300'), await failed(payment, '200')]
  await freeze(payment.merchant, 'freeze')
  for (const refund of refunds) await says(refund, saysSettled('inquiry', 'late-1'))
  await recoverAll()
  expect(await standing(payment)).toMatchObject({
    recovery: { kind: 'late_settlement', amount: '500', state: 'open' },
    refunded: 0n,
    pending: 1_000n,
  })
  const [first = '', second = ''] = await Promise.all(refunds.map(waitingOf))
  const asked: object[] = []
  const consume: ConsumeApproval = (request) => {
    asked.push(request)
    return Promise.resolve({ ok: false, code: 'second_approval_missing', message: 'a second person is missing' })
  }
  await expect(decide(first, 'apr_00000001', consume)).rejects.toThrow('a second person is missing')
  expect(asked[0]).toMatchObject({ payment: `${refunds[0] ?? ''}/rec/${first}`, update: 'approve' })
  await expect(decide(first, 'apr_00000002')).rejects.toThrow(/frozen/)
  expect(await standing(payment)).toMatchObject({ refunded: 0n, pending: 1_000n, recovery: { state: 'open' } })
  await freeze(payment.merchant, 'unfreeze')
  await decide(first, 'apr_00000003')
  expect(await standing(payment)).toMatchObject({
    recovery: { kind: 'late_settlement', amount: '200', state: 'open' },
    refunded: 300n,
    pending: 700n,
  })
  expect(await stage.breaches()).toEqual([])
  await decide(second, 'apr_00000004')
  expect(await standing(payment)).toMatchObject({ recovery: { state: 'absorbed' }, refunded: 500n, pending: 500n })
})

test('what the rail then denies when it is asked moves nothing', async () => {
  const payment = await stage.paid()
  const refund = await failed(payment, '400')
  stage.rail.inquire = () => Promise.resolve(saysDeclined('inquiry', 'asked-no'))
  await says(refund, saysSettled())
  await recoverAll()
  expect(await standing(payment)).toMatchObject({ recovery: null, refunded: 0n, pending: 1_000n })
  expect(await resultsOf(refund)).toEqual(['settled callback refuted'])
})

test('that a refund which succeeded was not paid, or came back, is for people', async () => {
  const payment = await stage.paid()
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
  expect(await stage.live(refund.id)).toBe('succeeded')
  await says(refund.id, saysDeclined('inquiry', 'asked-no'))
  await says(refund.id, saysReturned(400n, 'ret-1'))
  await recoverAll()
  expect(await resultsOf(refund.id)).toEqual(['declined inquiry unpostable', 'returned callback unpostable'])
  expect(await standing(payment)).toMatchObject({ recovery: null, refunded: 400n, pending: 600n })
  await decide(await waitingOf(refund.id), 'apr_00000001')
  expect(await standing(payment)).toMatchObject({ recovery: null, refunded: 400n, pending: 600n })
})
