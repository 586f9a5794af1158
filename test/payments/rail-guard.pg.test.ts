import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { GUARD_LIMITS } from '../../src/payments/index.ts'
import { type Hub, openStage, type Phone, RAIL, type Stage } from './support/acceptance.ts'

/** A rail that does not answer gets no new payments, and nothing is held for them; everything else goes on. */
let stage: Stage
let hub: Hub
let phone: Phone
beforeAll(async () => {
  stage = await openStage()
})
beforeEach(async () => {
  stage.time.aheadMs = 0
  hub = stage.hub({ limits: { dayMaxMinor: 1_000n } })
  phone = await stage.phone(5_000)
  for (let i = 0; i < GUARD_LIMITS.failures; i++) hub.guard.heard(RAIL, false)
})
afterAll(() => stage.close())

async function withdraw(amount: number) {
  const { ask, body } = await stage.own('withdrawal', phone, amount)
  return hub.ask(phone, ask, body)
}

test('it is refused before money is held, and the same key may be tried again', async () => {
  const { ask, body } = await stage.own('withdrawal', phone, 300)
  const refused = await hub.send(phone, ask.name, body, ask.key)
  expect(refused).toMatchObject({ ok: false, error: { code: 'rail_unavailable', retryable: true, param: 'source' } })
  expect(refused.ok ? null : refused.error.retry_after_ms).toBeGreaterThan(0)
  expect(await stage.wallet(phone)).toEqual({ left: 5_000n, held: 0n })
  expect(await stage.used(phone)).toEqual({})
  const [rows] = await stage.books.owner<{ n: number }[]>`
    select count(*)::int as n from payments where payer = ${phone.user}`
  expect(rows).toEqual({ n: 0 })
  hub.guard.heard(RAIL, true)
  expect(await hub.ask(phone, ask, body)).toMatchObject({ status: 'processing' })
})

test('an order that it was to pay stays open, and the wallet pays it', async () => {
  const order = await stage.order(300)
  const bank = await stage.confirm(phone, order, phone.source)
  expect(await hub.ask(phone, bank.ask, bank.body)).toMatchObject({ code: 'rail_unavailable' })
  const wallet = await stage.confirm(phone, order)
  expect(await hub.ask(phone, wallet.ask, wallet.body)).toMatchObject({ status: 'processing' })
  expect(await stage.breaches()).toEqual([])
})

test('of several faults the limit answers before the rail, and the rail before the funds', async () => {
  expect(await withdraw(1_001)).toMatchObject({ code: 'limit_exceeded' })
  phone = await stage.phone(10)
  expect(await withdraw(900)).toMatchObject({ code: 'rail_unavailable' })
  hub.guard.heard(RAIL, true)
  expect(await withdraw(900)).toMatchObject({ code: 'insufficient_funds' })
})

test('a trial that the ledger refuses is none: the next payment is the trial', async () => {
  const rich = phone
  phone = await stage.phone(10)
  stage.time.aheadMs = GUARD_LIMITS.pause_ms
  expect(await withdraw(900)).toMatchObject({ code: 'insufficient_funds' })
  phone = rich
  expect(await withdraw(100)).toMatchObject({ status: 'processing' })
  expect(await withdraw(100)).toMatchObject({ code: 'rail_unavailable' })
})
