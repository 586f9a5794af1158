import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ADMISSION_LIMITS, type Late, patrol, sweep } from '../../src/payments/index.ts'
import { LedgerUnavailable } from '../../src/ledger/index.ts'
import { countBacklog } from '../../src/payments/admission.ts'
import { type Hub, openStage, type Phone, type Stage } from './support/acceptance.ts'

/** The express lane posts what is wholly in our books as it is accepted; the rest is admitted while it can begin in time. */
let stage: Stage
let hub: Hub
let phone: Phone
let to: Phone
beforeAll(async () => {
  stage = await openStage()
})
beforeEach(async () => {
  stage.time.aheadMs = 0
  hub = stage.hub({ mode: 'overload' })
  phone = await stage.phone(10_000)
  to = await stage.phone(0)
})
afterAll(() => stage.close())

const FULL = ADMISSION_LIMITS.start_backlog + 1
const idOf = (answer: object): string => ('id' in answer && typeof answer.id === 'string' ? answer.id : 'refused')

async function events(feed: string): Promise<{ name: string; body: unknown }[]> {
  return stage.books.owner<{ name: string; body: unknown }[]>`
    select name, body from outbox where feed = ${feed} order by seq`
}

describe('on the express lane', () => {
  beforeEach(() => {
    hub = stage.hub({ mode: 'always' })
  })

  test('a transfer is born succeeded, at version 1, with its money moved, its limits used and no workflow', async () => {
    const { ask, body } = await stage.transfer(phone, to, 400)
    const answer = await hub.ask(phone, ask, body)
    expect(answer).toMatchObject({ status: 'succeeded', version: 1, captured: '400' })
    expect(await stage.wallet(phone)).toEqual({ left: 9_600n, held: 0n })
    expect(await stage.wallet(to)).toEqual({ left: 400n, held: 0n })
    expect(Object.values(await stage.used(phone)).map(({ held, posted }) => [held, posted])).toEqual([
      [0n, 400n],
      [0n, 400n],
    ])
    expect(hub.started).toEqual([])
    expect((await events(to.user)).map(({ name }) => name)).toEqual(['payment.updated', 'balance.updated'])
    expect((await events(phone.user))[1]?.body).toMatchObject({ available: '9600' })
    expect(await stage.breaches()).toEqual([])
  })

  test('a bill of a merchant that was closed since it asked is not paid', async () => {
    const order = await stage.order(700, { fee: 20n })
    const { ask, body } = await stage.confirm(phone, order)
    const close = (status: string) =>
      stage.books.owner`update merchants set status = ${status} where id = ${order.merchant ?? ''}`
    await close('closed')
    try {
      expect(await hub.ask(phone, ask, body)).toMatchObject({ code: 'payment_not_confirmable' })
      expect(await stage.wallet(phone)).toEqual({ left: 10_000n, held: 0n })
      const [row] = await stage.books.owner`select status, payer from payments where id = ${order.id}`
      expect(row).toEqual({ status: 'requires_confirmation', payer: null })
    } finally {
      await close('active')
    }
  })

  test('a purchase goes from requires_confirmation to succeeded, one version up', async () => {
    const order = await stage.order(700, { fee: 20n })
    const { ask, body } = await stage.confirm(phone, order)
    expect(await hub.ask(phone, ask, body)).toMatchObject({ id: order.id, status: 'succeeded', version: 2 })
    const { ask: second, body: other } = await stage.confirm(to, order)
    expect(await hub.ask(to, second, other)).toMatchObject({ code: 'already_claimed' })
    expect(await stage.breaches()).toEqual([])
  })

  test('of two phones that confirm at once one pays', async () => {
    const order = await stage.order(700)
    const phones = await Promise.all(Array.from({ length: 6 }, () => stage.phone(1_000)))
    const answers = await Promise.all(
      phones.map(async (each) => {
        const { ask, body } = await stage.confirm(each, order)
        return hub.ask(each, ask, body)
      }),
    )
    expect(answers.filter((answer) => 'id' in answer)).toHaveLength(1)
    expect(await stage.breaches()).toEqual([])
  })

  test('the same key is the same payment, also where the answer was lost after the commit', async () => {
    const { ask, body } = await stage.transfer(phone, to, 400)
    const { ledger } = hub.deps
    hub.deps.ledger = {
      ...ledger,
      apply: async (unit) => {
        await ledger.apply(unit)
        throw new LedgerUnavailable('the answer was lost')
      },
    }
    expect(await hub.ask(phone, ask, body)).toMatchObject({ code: 'temporarily_unavailable' })
    hub.deps.ledger = ledger
    const again = await hub.send(phone, ask.name, body, ask.key)
    expect(again).toMatchObject({ ok: true, replayed: true, body: { status: 'succeeded', version: 1 } })
    const both = await Promise.all([1, 2, 3].map(() => hub.send(phone, ask.name, body, ask.key)))
    for (const reply of both) expect(reply).toEqual(again)
    expect(await stage.wallet(to)).toEqual({ left: 400n, held: 0n })
  })

  test('many at once leave no wallet overdrawn and no limit exceeded', async () => {
    const tight = stage.hub({ mode: 'always', limits: { dayMaxMinor: 950n } })
    const poor = await stage.phone(2_000)
    const asked = await Promise.all(Array.from({ length: 40 }, () => stage.transfer(poor, to, 100)))
    const answers = await Promise.all(asked.map(({ ask, body }) => tight.ask(poor, ask, body)))
    expect(answers.filter((answer) => 'id' in answer)).toHaveLength(9)
    expect(await stage.wallet(poor)).toEqual({ left: 1_100n, held: 0n })
    expect(await stage.breaches()).toEqual([])
  })

  test('a wallet without enough is refused, and the order stays open', async () => {
    const order = await stage.order(20_000)
    const { ask, body } = await stage.confirm(phone, order)
    expect(await hub.ask(phone, ask, body)).toMatchObject({ code: 'insufficient_funds' })
    expect(await stage.store.payment(order.id)).toMatchObject({ status: 'requires_confirmation', payer: null })
  })

  test('sweeper, patrol and backlog know nothing of it', async () => {
    const before = await countBacklog(stage.books.hub)
    const { ask, body } = await stage.transfer(phone, to, 400)
    const id = idOf(await hub.ask(phone, ask, body))
    await stage.books.owner`
      update payments set accepted_at = accepted_at - interval '10 minutes', updated_at = updated_at - interval '10 minutes'
      where id = ${id}`
    const touched: string[] = []
    const tending = {
      ...hub.deps,
      startLate: (late: readonly Late[]) => void touched.push(...late.map(({ id: p }) => p)),
      restart: (p: string) => void touched.push(p),
    }
    await sweep(tending)
    await patrol(tending)
    expect(touched).not.toContain(id)
    expect(await countBacklog(stage.books.hub)).toBe(before)
    expect(await hub.send(phone, 'payment.cancel', { payment: id }, 'cancel-this-payment')).toMatchObject({
      ok: false,
      error: { code: 'payment_not_cancelable' },
    })
  })

  test('what is captured by hand, or needs a rail, goes by its workflow', async () => {
    const byHand = await stage.order(300, { capture_method: 'manual' })
    const bank = await stage.order(300)
    const topup = await stage.own('topup', phone, 300)
    const withdrawal = await stage.own('withdrawal', phone, 300)
    for (const { ask, body } of [
      await stage.confirm(phone, byHand),
      await stage.confirm(phone, bank, phone.source),
      topup,
      withdrawal,
    ]) {
      expect(await hub.ask(phone, ask, body)).toMatchObject({ status: 'processing' })
    }
    expect(hub.started).toHaveLength(4)
    expect(await stage.breaches()).toEqual([])
  })
})

describe('when it is taken', () => {
  const way = async (at: Hub) => {
    const { ask, body } = await stage.transfer(phone, to, 10)
    const answer = await at.ask(phone, ask, body)
    return 'status' in answer ? answer.status : answer.code
  }

  test('by default: while Temporal starts nothing, or too many wait to begin', async () => {
    expect(await way(hub)).toBe('processing')
    hub.strain.startsFail = true
    expect(await way(hub)).toBe('succeeded')
    hub.strain.startsFail = false
    hub.strain.backlog = ADMISSION_LIMITS.express_backlog
    expect(await way(hub)).toBe('succeeded')
    hub.strain.backlog = FULL
    expect(await way(hub)).toBe('succeeded')
  })

  test('switched off: never, and a full backlog is refused', async () => {
    const off = stage.hub({ mode: 'off' })
    off.strain.startsFail = true
    expect(await way(off)).toBe('processing')
    off.strain.backlog = FULL
    expect(await way(off)).toBe('overloaded')
  })

  test('what this hub has accepted since the last count is counted', async () => {
    hub.strain.backlog = ADMISSION_LIMITS.express_backlog - 1
    expect([await way(hub), await way(hub), await way(hub)]).toEqual(['processing', 'processing', 'succeeded'])
  })
})

test('a full backlog refuses what needs a workflow at once, with a time to come back, and remembers nothing', async () => {
  hub.strain.backlog = FULL
  const topup = await stage.own('topup', phone, 300)
  expect(await hub.ask(phone, topup.ask, topup.body)).toEqual({
    code: 'overloaded',
    retryAfterMs: ADMISSION_LIMITS.retry_after_ms,
  })
  hub.strain.backlog = 0
  expect(await hub.ask(phone, topup.ask, topup.body)).toMatchObject({ status: 'processing' })
})

test('one user begins so many in a time, and nobody else waits for that; what did not begin is not counted', async () => {
  const few = stage.hub({ mode: 'overload', admission: { user_per_s: 0.1, user_burst: 3 } })
  const topUp = async (by: Phone) => {
    const { ask, body } = await stage.own('topup', by, 300)
    return { again: () => few.ask(by, ask, body), answer: await few.ask(by, ask, body) }
  }
  for (let i = 0; i < 5; i++) {
    const poor = await stage.transfer(to, phone, 500)
    expect(await few.ask(to, poor.ask, poor.body)).toMatchObject({ code: 'insufficient_funds' })
  }
  for (let i = 0; i < 3; i++) expect((await topUp(phone)).answer).toMatchObject({ status: 'processing' })
  const { answer, again } = await topUp(phone)
  expect(answer).toMatchObject({ code: 'rate_limited' })
  expect(answer).toHaveProperty('retryAfterMs', expect.closeTo(10_000, -4))
  expect((await topUp(to)).answer).toMatchObject({ status: 'processing' })
  // What needs no workflow goes on.
  few.strain.startsFail = true
  const { ask, body } = await stage.transfer(phone, to, 10)
  expect(await few.ask(phone, ask, body)).toMatchObject({ status: 'succeeded' })
  // Its key is free.
  stage.time.aheadMs = 11_000
  expect(await again()).toMatchObject({ status: 'processing' })
})

test('the backlog is what was accepted and has not begun', async () => {
  const before = await countBacklog(stage.books.hub)
  const { ask, body } = await stage.transfer(phone, to, 10)
  const id = idOf(await hub.ask(phone, ask, body))
  expect(await countBacklog(stage.books.hub)).toBe(before + 1)
  await stage.books.owner`update payments set started_at = clock_timestamp() where id = ${id}`
  expect(await countBacklog(stage.books.hub)).toBe(before)
})
