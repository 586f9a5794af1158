import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { accountsOf } from '../../src/payments/refunds/funding.ts'
import { REFUND_LIMITS } from '../../src/payments/refunds/limits.ts'
import { accountId } from '../../src/ledger/index.ts'
import { walletAccount } from '../../src/domain/accounting/index.ts'
import { openRefundStage, type RefundStage } from './support/refund-stage.ts'

/** What keeps one refund from standing in another's way. */

let stage: RefundStage
beforeAll(async () => {
  stage = await openRefundStage()
})
afterAll(() => stage.close())
beforeEach(() => stage.reset())

/** A hub whose units about one payment wait until they are let through. */
function slowHub(payment: string) {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const hub = stage.hub({
    ...stage.ledger,
    async apply(unit) {
      if (unit.guard?.payment?.id === payment) {
        reach()
        await gate
      }
      return stage.ledger.apply(unit)
    },
  })
  return { hub, reached, open }
}

test('who asks for a refund of another’s payment is answered at once, however long that payment’s own take', async () => {
  const payment = await stage.paid({ source: 'wallet' })
  const { hub, reached, open } = slowHub(payment.id)
  const own = stage.ask(payment.merchant, 'refund.create', { payment: payment.id, amount: '1' }, { hub })
  await reached
  const [stranger, by] = [stage.ids.make('mer'), { hub, key: stage.ids.make('key') }]
  const refused = { ok: false, error: { code: 'not_found', param: 'payment' } }
  expect(await stage.ask(stranger, 'refund.create', { payment: payment.id }, by)).toMatchObject(refused)
  expect(await stage.ask(stranger, 'refund.create', { payment: payment.id }, by)).toMatchObject({
    ...refused,
    replayed: true,
  })
  open()
  expect(await own).toMatchObject({ ok: true, body: { status: 'succeeded' } })
})

test('so many wait for a payment; one more is told to come again, and its key is free', async () => {
  const payment = await stage.paid({ source: 'wallet' })
  const { hub, reached, open } = slowHub(payment.id)
  const ask = (key = stage.ids.make('key')) =>
    stage.ask(payment.merchant, 'refund.create', { payment: payment.id, amount: '1' }, { hub, key })
  const first = ask()
  await reached
  const taken = new Array<string>()
  const waiting = Array.from({ length: REFUND_LIMITS.asked_of_payment + 1 }, async () => {
    const key = stage.ids.make('key')
    const reply = await ask(key)
    taken.push(reply.ok ? 'ok' : reply.error.code)
    return { key, reply }
  })
  const { key, reply } = await Promise.race(waiting)
  expect(reply).toMatchObject({ error: { code: 'overloaded', retryable: true, retry_after_ms: 300 } })
  expect(taken).toEqual(['overloaded'])
  open()
  await Promise.all([first, ...waiting])
  expect(taken.toSorted()).toEqual([...Array<string>(REFUND_LIMITS.asked_of_payment).fill('ok'), 'overloaded'])
  expect(await ask(key)).toMatchObject({ ok: true, body: { status: 'succeeded' } })
  expect(await stage.breaches()).toEqual([])
})

test.each(['merchant', 'wallet'] as const)(
  'while the account of the %s is shut nothing is tried, and after a week it is given up',
  async (whose) => {
    const payment = await stage.paid({ source: 'wallet', fee: 100n })
    const waits = await stage.refund(payment.merchant, { payment: payment.id })
    expect(waits.status).toBe('pending_funds')
    await stage.paid({ merchant: payment.merchant, source: 'wallet', amount: 500n })
    const [pending] = accountsOf({ ledger: stage.book, merchant: payment.merchant })
    const shut = whose === 'merchant' ? pending : accountId(stage.book, walletAccount(payment.user).name)
    await stage.owner`update accounts set frozen = true where main = ${shut}`
    const tried = new Array<string>()
    const hub = stage.hub({
      ...stage.ledger,
      apply(unit) {
        tried.push(unit.id)
        return stage.ledger.apply(unit)
      },
    })
    await hub.fundWaiting()
    expect(tried).toEqual([])
    stage.time.aheadMs = REFUND_LIMITS.funds_within_ms + 60_000
    await hub.fundWaiting()
    expect(await stage.store.refunds.refund(waits.id)).toMatchObject({ status: 'failed', failure_code: 'not_executed' })
    expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded: 0n, held: 0n })
    await stage.owner`update accounts set frozen = false where main = ${shut}`
    expect(await stage.breaches()).toEqual([])
  },
)

test('one that is refused to the end of its week, whatever for, is given up', async () => {
  const payment = await stage.paid({ source: 'wallet', fee: 100n })
  const waits = await stage.refund(payment.merchant, { payment: payment.id })
  await stage.paid({ merchant: payment.merchant, source: 'wallet', amount: 500n })
  const hub = stage.hub({
    ...stage.ledger,
    apply: (unit) =>
      unit.transfers === undefined || unit.transfers.length === 0
        ? stage.ledger.apply(unit)
        : Promise.resolve({ code: 'refused', transfer: 'account_closed', leg: 0 }),
  })
  await hub.fundWaiting()
  expect(await stage.store.refunds.refund(waits.id)).toMatchObject({ status: 'pending_funds' })
  stage.time.aheadMs = REFUND_LIMITS.funds_within_ms + 60_000
  await hub.fundWaiting()
  expect(await stage.store.refunds.refund(waits.id)).toMatchObject({ status: 'failed', failure_code: 'not_executed' })
})
