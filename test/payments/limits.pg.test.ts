import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sweep } from '../../src/payments/index.ts'
import { confirm, release } from '../../src/payments/moves.ts'
import { ids } from '../ledger/support/books.ts'
import { type Hub, openStage, type Phone, type Stage, START_WITHIN_MS } from './support/acceptance.ts'

/** Limits reserve with the payment, end with it, and nothing slips past them. */
let stage: Stage
let hub: Hub
const LIMITS = { dayMaxMinor: 1_000n, monthMaxMinor: 2_500n, paymentMaxMinor: 800n }
beforeAll(async () => {
  stage = await openStage()
})
beforeEach(() => {
  stage.time.aheadMs = 0
  hub = stage.hub({ limits: LIMITS })
})
afterAll(() => stage.close())

const DAY_MS = 24 * 3_600_000

async function pay(phone: Phone, amount: number, at: Hub = hub) {
  const to = await stage.phone(0)
  const { ask, body } = await stage.transfer(phone, to, amount)
  return at.ask(phone, ask, body)
}

/** Day and month of now, each with what is held and what is posted. */
async function sums(phone: Phone): Promise<[held: bigint, posted: bigint][]> {
  return Object.values(await stage.used(phone)).map(({ held, posted }) => [held, posted])
}

const idOf = (answer: object): string => ('id' in answer && typeof answer.id === 'string' ? answer.id : 'refused')

async function stateOf(id: string) {
  const state = await stage.store.state(id)
  if (state === null) throw new Error(`no payment ${id}`)
  return state
}

test('of 200 payments in parallel, on two hubs, as many are accepted as the day’s limit holds', async () => {
  const phone = await stage.phone(1_000_000)
  const hubs = [hub, stage.hub({ process: 1, limits: LIMITS })]
  const to = await stage.phone(0)
  const asked = await Promise.all(Array.from({ length: 200 }, () => stage.transfer(phone, to, 30)))
  const answers = await Promise.all(asked.map(({ ask, body }, i) => (hubs[i % 2] ?? hub).ask(phone, ask, body)))
  expect(answers.filter((answer) => 'id' in answer)).toHaveLength(33)
  expect(answers.filter((answer) => 'code' in answer && answer.code === 'limit_exceeded')).toHaveLength(167)
  expect(await sums(phone)).toEqual([
    [990n, 0n],
    [990n, 0n],
  ])
  expect(await stage.wallet(phone)).toMatchObject({ held: 990n })
  expect(await stage.breaches()).toEqual([])
})

describe('a payment that ends', () => {
  test.each(['failed', 'expired', 'canceled'] as const)('%s gives back what it held of both limits', async (status) => {
    const phone = await stage.phone(5_000)
    const state = await stateOf(idOf(await pay(phone, 600)))
    expect(await sums(phone)).toEqual([
      [600n, 0n],
      [600n, 0n],
    ])
    const { unit } = release(state, { status }, [], ids, Date.now())
    expect(await stage.books.ledger.apply(unit)).toEqual({ code: 'ok' })
    expect(await sums(phone)).toEqual([
      [0n, 0n],
      [0n, 0n],
    ])
    expect(await pay(phone, 700)).toMatchObject({ status: 'processing' })
    expect(await stage.breaches()).toEqual([])
  })

  test('succeeded has used them', async () => {
    const phone = await stage.phone(5_000)
    const state = await stateOf(idOf(await pay(phone, 600)))
    expect(await stage.books.ledger.apply(confirm(state, ids, Date.now()))).toEqual({ code: 'ok' })
    expect(await sums(phone)).toEqual([
      [0n, 600n],
      [0n, 600n],
    ])
    expect(await pay(phone, 500)).toMatchObject({ code: 'limit_exceeded' })
    expect(await pay(phone, 400)).toMatchObject({ status: 'processing' })
    expect(await stage.breaches()).toEqual([])
  })

  test('canceled by its payer, or expired by the sweeper, gives them back too', async () => {
    const phone = await stage.phone(5_000)
    const first = await pay(phone, 600)
    expect(await hub.send(phone, 'payment.cancel', { payment: idOf(first) }, 'cancel-this-payment')).toMatchObject({
      ok: true,
    })
    const second = idOf(await pay(phone, 700))
    await stage.books.owner`
      update payments set accepted_at = accepted_at - interval '5 minutes', start_by = start_by - interval '5 minutes'
      where id = ${second}`
    stage.time.aheadMs = START_WITHIN_MS
    await sweep(hub.deps)
    expect((await stateOf(second)).payment.status).toBe('expired')
    expect(await sums(phone)).toEqual([
      [0n, 0n],
      [0n, 0n],
    ])
  })
})

test('a release goes to the day it was taken from, and the next day has its own', async () => {
  const phone = await stage.phone(5_000)
  const yesterday = await stateOf(idOf(await pay(phone, 800)))
  stage.time.aheadMs = DAY_MS
  expect(await pay(phone, 800)).toMatchObject({ status: 'processing' })
  const { unit } = release(yesterday, { status: 'canceled' }, [], ids, Date.now())
  expect(await stage.books.ledger.apply(unit)).toEqual({ code: 'ok' })
  const held = Object.entries(await stage.used(phone)).filter(([period]) => period.startsWith('day:'))
  expect(held.map(([, sum]) => sum.held)).toEqual([0n, 800n])
  expect(await pay(phone, 300)).toMatchObject({ code: 'limit_exceeded' })
})

test('days that are within their limits come to an end with the month’s', async () => {
  const phone = await stage.phone(10_000)
  const paid: string[] = []
  // Five days that are in one month: a day counted from its first.
  const start = new Date()
  start.setUTCMonth(start.getUTCMonth() + 1, 5)
  for (let day = 0; day < 5; day++) {
    stage.time.aheadMs = start.getTime() - Date.now() + day * DAY_MS
    const answer = await pay(phone, 700)
    paid.push('code' in answer ? answer.code : answer.status)
  }
  expect(paid).toEqual(['processing', 'processing', 'processing', 'limit_exceeded', 'limit_exceeded'])
})

test('a limit is refused before funds are, is remembered under its key, and holds nothing', async () => {
  const phone = await stage.phone(100)
  expect(await pay(phone, 700)).toMatchObject({ code: 'insufficient_funds' })
  expect(await sums(phone)).toEqual([
    [0n, 0n],
    [0n, 0n],
  ])
  const poor = stage.hub({ limits: { ...LIMITS, dayMaxMinor: 500n } })
  const other = await stage.phone(100)
  const { ask, body } = await stage.transfer(other, phone, 700)
  expect(await poor.ask(other, ask, body)).toMatchObject({ code: 'limit_exceeded' })
  const again = await hub.send(other, ask.name, body, ask.key)
  expect(again).toMatchObject({ ok: false, replayed: true, error: { code: 'limit_exceeded', param: 'amount' } })
})

test('a top-up takes nothing of them; a withdrawal and a purchase do', async () => {
  const phone = await stage.phone(5_000)
  const topup = await stage.own('topup', phone, 700)
  expect(await hub.ask(phone, topup.ask, topup.body)).toMatchObject({ status: 'processing' })
  expect(await sums(phone)).toEqual([])
  const withdrawal = await stage.own('withdrawal', phone, 200)
  expect(await hub.ask(phone, withdrawal.ask, withdrawal.body)).toMatchObject({ status: 'processing' })
  const purchase = await stage.confirm(phone, await stage.order(300))
  expect(await hub.ask(phone, purchase.ask, purchase.body)).toMatchObject({ status: 'processing' })
  expect((await sums(phone)).map(([held]) => held)).toEqual([500n, 500n])
})

test('limit.list and quote tell what the ledger would decide', async () => {
  const phone = await stage.phone(5_000)
  const list = async () => {
    const reply = await hub.send(phone, 'limit.list', {})
    return reply.ok ? reply.body : reply
  }
  const line = (name: string, max: string, used: string) => ({ name, currency: 'KES', period: name, max, used })
  expect(await list()).toEqual({
    data: [line('payment', '800', '0'), line('day', '1000', '0'), line('month', '2500', '0')],
  })
  await pay(phone, 600)
  expect(await list()).toEqual({
    data: [line('payment', '800', '0'), line('day', '1000', '600'), line('month', '2500', '600')],
  })
  const fits = async (amount: number, kind = 'transfer', source = 'wallet') => {
    const reply = await hub.send(phone, 'quote', { kind, amount: String(amount), currency: 'KES', source })
    return reply.ok && typeof reply.body === 'object' && reply.body !== null && 'limits_ok' in reply.body
      ? reply.body.limits_ok
      : reply
  }
  expect(
    await Promise.all([fits(400), fits(401), fits(800, 'topup', phone.source), fits(801, 'topup', phone.source)]),
  ).toEqual([true, false, true, false])
})

describe('while a user’s limits are low', () => {
  const LOW = { low: { paymentMaxMinor: 500n, dayMaxMinor: 600n } }
  const lower = (phone: Phone, until: string) => stage.books.owner`
    update users set low_limits_until = ${until} where id = ${phone.user}`
  const raise = (phone: Phone) => stage.books.owner`
    update users set low_limits_until = null where id = ${phone.user}`

  async function lowPhone(balance: number): Promise<{ phone: Phone; at: Hub }> {
    const phone = await stage.phone(balance)
    await lower(phone, '2099-01-01T00:00:00Z')
    return { phone, at: stage.hub({ limits: { ...LIMITS, ...LOW } }) }
  }

  test('parallel payments, on two hubs, cannot slip past the day’s', async () => {
    const { phone, at } = await lowPhone(1_000_000)
    const hubs = [at, stage.hub({ process: 1, limits: { ...LIMITS, ...LOW } })]
    const to = await stage.phone(0)
    const asked = await Promise.all(Array.from({ length: 100 }, () => stage.transfer(phone, to, 40)))
    const answers = await Promise.all(asked.map(({ ask, body }, i) => (hubs[i % 2] ?? at).ask(phone, ask, body)))
    expect(answers.filter((answer) => 'id' in answer)).toHaveLength(15)
    expect(answers.filter((answer) => 'code' in answer && answer.code === 'limit_exceeded')).toHaveLength(85)
    expect(await stage.breaches()).toEqual([])
  })

  test('one payment is bounded too, a top-up as well, and quote and limit.list tell both', async () => {
    const { phone, at } = await lowPhone(5_000)
    const topup = await stage.own('topup', phone, 501)
    expect(await at.ask(phone, topup.ask, topup.body)).toMatchObject({ code: 'limit_exceeded' })
    expect(await pay(phone, 501, at)).toMatchObject({ code: 'limit_exceeded' })
    expect(await pay(phone, 500, at)).toMatchObject({ status: 'processing' })
    const list = await at.send(phone, 'limit.list', {})
    expect(list.ok && list.body).toMatchObject({
      data: [
        { name: 'payment', max: '500', used: '0' },
        { name: 'day', max: '600', used: '500' },
        { name: 'month', max: '2500', used: '500' },
      ],
    })
    const fits = async (amount: string) => {
      const reply = await at.send(phone, 'quote', { kind: 'transfer', amount, currency: 'KES', source: 'wallet' })
      return reply.ok && reply.body
    }
    expect([await fits('100'), await fits('101')]).toMatchObject([{ limits_ok: true }, { limits_ok: false }])
  })

  test('what was spent counts in the full limit afterwards, and what was spent before bounds it still', async () => {
    const { phone, at } = await lowPhone(5_000)
    expect(await pay(phone, 500, at)).toMatchObject({ status: 'processing' })
    expect(await pay(phone, 200, at)).toMatchObject({ code: 'limit_exceeded' })
    await raise(phone)
    stage.time.aheadMs += 2_000
    expect(await pay(phone, 501, at)).toMatchObject({ code: 'limit_exceeded' })
    expect(await pay(phone, 500, at)).toMatchObject({ status: 'processing' })
    await lower(phone, '2099-01-01T00:00:00Z')
    stage.time.aheadMs += 2_000
    const list = await at.send(phone, 'limit.list', {})
    expect(list.ok && list.body).toMatchObject({ data: [{}, { name: 'day', max: '1000', used: '1000' }, {}] })
  })

  test('they hold until somebody has looked, however long that takes', async () => {
    const { phone, at } = await lowPhone(5_000)
    await lower(phone, '2020-01-01T00:00:00Z')
    stage.time.aheadMs += 2_000
    expect(await pay(phone, 501, at)).toMatchObject({ code: 'limit_exceeded' })
  })
})

test('the audit names what is left of a limit by a payment that is over, and what was taken wrongly', async () => {
  const phone = await stage.phone(5_000)
  const id = idOf(await pay(phone, 600))
  expect(await stage.breaches()).toEqual([])
  const { owner } = stage.books
  await owner`update payments set amount = 500 where id = ${id}`
  const found = async () => (await stage.breaches()).filter((line) => line.includes('limit:'))
  expect(await found()).toEqual([
    expect.stringContaining(`L5 payment ${id} is processing: of limit:${phone.user}:day:`),
    expect.stringContaining(`L5 payment ${id} is processing: of limit:${phone.user}:month:`),
  ])
  await owner`update payments set amount = 600, status = 'failed' where id = ${id}`
  expect(await found()).toEqual([
    expect.stringContaining('600 held and 0 used, where 0 and 0 belong'),
    expect.stringContaining('600 held and 0 used, where 0 and 0 belong'),
  ])
  await owner`update payments set status = 'processing' where id = ${id}`
  expect(await stage.breaches()).toEqual([])
})
