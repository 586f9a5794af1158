import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeIban } from '../../src/domain/iban.ts'
import type { BankRail, RailOrder } from '../../src/rails/port.ts'
import { startBankRail } from './contract/bank-subject.ts'
import { movedBy, movedOnce } from './contract/rows.ts'
import type { Running } from './contract/subject.ts'
import { inquire as ask, refundOf, send as sendTo, walk } from './contract/walk.ts'

/**
 * What of connectors.md §1 is the bank's own, the connector against the simulator as a process; what every rail does is
 * in contract/bank.test.ts. The two share no code: what either misread shows here.
 */

let running: Running & { rail: BankRail }
beforeAll(async () => {
  running = await startBankRail()
})
afterAll(() => running.stop())

const orderFor = (nn: number, more: Partial<RailOrder> = {}): RailOrder => ({
  ...running.makeOrder(more.operation ?? 'collect', nn),
  ...more,
})
const send = (order: RailOrder) => sendTo(running, order)
const inquire = (order: RailOrder) => ask(running, order)
const link = (request: { reference: string; iban: string; holder: string }) =>
  running.rail.linkMandate({ ...request, currency: 'KES' }, AbortSignal.timeout(5_000))

it.each(['JPY', 'KWD', 'EUR'])('amounts in %s mean the same on both sides', async (currency) => {
  const order = orderFor(0, { currency, amountMinor: 7n })
  expect(await send(order)).toMatchObject({ kind: 'settled', evidence: { via: 'answer', status: 'ACSC' } })
  expect(await movedBy(running, order)).toMatchObject([{ amount: '7', currency }])
})

it('a customer with a mandate is collected from, one without is not', async () => {
  const iban = makeIban('DE', '123456780000004821')
  const request = { reference: 'src4821', iban, holder: 'Zoe Muller' }
  const linked = await link(request)
  if (linked.kind !== 'active') throw new Error(`mandate is ${linked.kind}`)
  expect(await link(request)).toEqual(linked)
  const account = { type: 'iban' as const, iban, holder: 'Zoë Müller' }
  const mandate = { id: linked.mandateId, signedOn: linked.signedOn }
  expect(await send(orderFor(0, { account, mandate }))).toMatchObject({ kind: 'settled' })
  const stranger = { type: 'iban' as const, iban: makeIban('DE', '123456780000004822'), holder: 'Someone Else' }
  expect(await send(orderFor(0, { account: stranger, mandate }))).toMatchObject({
    kind: 'declined',
    code: 'source_not_usable',
    reason: 'MD01',
  })
})

it('an account that is none gets no mandate', async () => {
  const request = { reference: 'src1', iban: 'DE00123456780000004821', holder: 'Zoe' }
  expect(await link(request)).toEqual({ kind: 'refused', reason: 'AC01' })
})

it.each([
  [1, 'AM04'],
  [2, 'AC04'],
  [3, 'AC06'],
  [4, 'AM14'],
  [5, 'MS02'],
  [6, 'MD01'],
])('account %i declines with %s, and an inquiry says the same', async (nn, reason) => {
  const order = orderFor(nn)
  expect(await send(order)).toMatchObject({ kind: 'declined', reason })
  expect(await inquire(order)).toMatchObject({ kind: 'declined', reason, evidence: { via: 'inquiry' } })
})

it.each([21, 24])('after "never received" the same message, arriving late, is refused (account %i)', async (nn) => {
  const order = orderFor(nn)
  expect(await send(order)).toMatchObject({ kind: 'unknown' })
  expect(await inquire(order)).toMatchObject({ kind: 'not_found' })
  expect(await send({ ...order, sends: 2 })).toMatchObject({ kind: 'declined', reason: 'TM01' })
  expect(await movedBy(running, order)).toEqual([])
})

it('a resend is the same transaction: the same statement, one movement', async () => {
  const order = orderFor(0)
  const first = await send(order)
  expect(await send({ ...order, sends: 2 })).toEqual(first)
  expect(await movedBy(running, order)).toMatchObject([{ times_requested: 2 }])
})

it('the same reference with other content is refused, and the original stays as it was', async () => {
  const order = orderFor(0)
  await send(order)
  expect(await send({ ...order, amountMinor: order.amountMinor + 1n })).toMatchObject({ kind: 'unknown', alarm: true })
  expect(await inquire(order)).toMatchObject({ kind: 'settled' })
  expect(await movedBy(running, order)).toMatchObject(movedOnce(order))
})

it('a message first seen 30 s after it was written is not executed', async () => {
  const order = orderFor(0, { dispatchedAtMs: Date.now() - 30_000 })
  expect(await send(order)).toMatchObject({ kind: 'declined', reason: 'TM01' })
})

it('an account of ours that is empty is our trouble, not the customer’s', async () => {
  expect(await send(orderFor(1, { operation: 'payOut' }))).toMatchObject({
    kind: 'declined',
    code: 'declined_by_rail',
    reason: 'AM04',
    alarm: true,
  })
})

describe('a refund', () => {
  const refunds = async (...amounts: bigint[]) => {
    const collect = await walk(running, orderFor(0, { amountMinor: 1_000n }))
    return amounts.map((amountMinor) => refundOf(running, collect, 0, amountMinor))
  }

  it('gives back the whole or a part, under its own reference', async () => {
    const [part, rest] = await refunds(600n, 400n)
    if (part === undefined || rest === undefined) throw new Error('two refunds')
    for (const refund of [part, rest]) {
      expect(await send(refund)).toMatchObject({ kind: 'settled' })
      expect(await movedBy(running, refund)).toMatchObject([{ original: refund.original?.reference }])
      expect(await inquire(refund)).toMatchObject({ kind: 'settled', evidence: { via: 'inquiry' } })
    }
  })

  it('of more than is left is declined', async () => {
    const [part, tooMuch] = await refunds(600n, 401n)
    if (part === undefined || tooMuch === undefined) throw new Error('two refunds')
    expect(await send(part)).toMatchObject({ kind: 'settled' })
    expect(await send(tooMuch)).toMatchObject({ kind: 'declined', reason: 'AM09', code: 'declined_by_rail' })
    expect(await movedBy(running, tooMuch)).toEqual([])
  })

  it('of a collect that was never settled is declined', async () => {
    const collect = await walk(running, orderFor(2))
    const refund = refundOf(running, collect, 2)
    expect(await send(refund)).toMatchObject({ kind: 'declined', reason: 'FF12', alarm: false })
  })

  it('that got lost is never received, though its collect has the same UETR', async () => {
    const [refund] = await refunds(1_000n)
    if (refund === undefined) throw new Error('a refund')
    await running.control.rule(refund.reference, { kind: 'drop_before' }, 1)
    expect(await send(refund)).toMatchObject({ kind: 'unknown' })
    expect(await inquire(refund)).toMatchObject({ kind: 'not_found' })
    expect(await movedBy(running, refund)).toEqual([])
  })

  it('of what has come back by itself is declined', async () => {
    const collect = orderFor(0)
    await running.control.rule(collect.reference, { kind: 'return_later', after_s: 0.1 }, 1)
    const walked = await walk(running, collect)
    const returned = () => running.inbox.statements(collect.reference).map(({ says }) => says)
    await expect.poll(returned, { timeout: 10_000 }).toMatchObject([{ kind: 'returned', reason: 'MD06' }])
    expect(await send(refundOf(running, walked, 0, 1n))).toMatchObject({ kind: 'declined', reason: 'AM09' })
  })
})

it.each(['collect', 'payOut'] as const)(
  'a part of a %s comes back, once however often it is told',
  async (operation) => {
    const order = orderFor(0, { operation })
    await running.control.rule(
      order.reference,
      { kind: 'return_later', after_s: 0.1, amount: '345', reason: 'AC04' },
      1,
    )
    await walk(running, order)
    await expect.poll(() => running.inbox.statements(order.reference), { timeout: 10_000 }).toHaveLength(1)
    const [statement] = running.inbox.statements(order.reference)
    expect(statement).toMatchObject({
      reference: order.reference,
      says: { kind: 'returned', amountMinor: 345n, reason: 'AC04', evidence: { via: 'callback' } },
    })
    expect(await running.control.book(order.reference)).toMatchObject([
      { effect: 'moved', amount: '12345' },
      { effect: 'returned', amount: '345' },
    ])
  },
)
