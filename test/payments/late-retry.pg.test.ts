import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetOld } from '../../src/ledger/index.ts'
import { openStage, type Phone, type Stage } from './support/acceptance.ts'

/** The same command sent again long after: answered as stored while that is kept; after that nothing moves by itself. */
let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

const DAY_MS = 86_400_000

/** As if all that this phone has had answered, and all it has signed, were so many days older, and the hubs’ time later. */
async function daysPass(phone: Phone, days: number): Promise<void> {
  const { owner } = stage.books
  await owner`update idempotency set created_at = created_at - make_interval(days => ${days}) where scope = ${phone.user}`
  await owner`update used_jtis set expires_at = expires_at - make_interval(days => ${days}) where device = ${phone.device}`
  stage.time.aheadMs += days * DAY_MS
  await forgetOld(stage.books.hub)
}

const spent = async (phone: Phone): Promise<number> =>
  (await stage.books.owner`select from used_jtis where device = ${phone.device}`).length

test('a transfer is answered as stored for a week, also without its jti; later its signature is refused, and nothing moves', async () => {
  const [payer, payee] = [await stage.phone(10_000), await stage.phone(0)]
  const { ask, body } = await stage.transfer(payer, payee, 700)
  const hub = stage.hub()
  const first = await hub.send(payer, ask.name, body, ask.key)
  expect(first).toMatchObject({ ok: true })
  const before = await stage.wallet(payer)

  await daysPass(payer, 6)
  expect(await spent(payer)).toBe(0)
  expect(await hub.send(payer, ask.name, body, ask.key)).toEqual({ ...first, replayed: true })

  await daysPass(payer, 2)
  expect(await stage.books.owner`select from idempotency where scope = ${payer.user}`).toHaveLength(0)
  expect(await hub.ask(payer, ask, body)).toMatchObject({ code: 'confirmation_expired' })
  expect(await hub.ask(payer, { ...ask, key: `${ask.key}other` }, body)).toMatchObject({ code: 'confirmation_expired' })
  expect(await stage.wallet(payer)).toEqual(before)
  expect(await stage.breaches()).toEqual([])
})

test('a payment is not paid twice by a confirm that is signed anew after its answer was forgotten', async () => {
  const payer = await stage.phone(10_000)
  // Its rail is silent: it is on its way still.
  const order = await stage.order(700)
  const { ask, body } = await stage.confirm(payer, order, payer.source)
  const hub = stage.hub()
  expect(await hub.ask(payer, ask, body)).toMatchObject({ status: 'processing' })
  await daysPass(payer, 8)
  const again = await stage.confirm(payer, order, payer.source)
  expect(await hub.ask(payer, ask, again.body)).toMatchObject({ code: 'payment_not_confirmable' })
  expect(await hub.ask(payer, again.ask, again.body)).toMatchObject({ code: 'payment_not_confirmable' })
  expect(await stage.breaches()).toEqual([])
})
