import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ids } from '../ledger/support/books.ts'
import { feeOf } from '../../src/domain/fee.ts'
import { captureInPart } from '../../src/payments/capture.ts'
import { confirm } from '../../src/payments/moves.ts'
import { type Hub, openStage, type Phone, type Stage } from './support/acceptance.ts'

/** Fees are those of the plan a payment was priced with, and the payer's is confirmed, held and posted beside the amount. */
let stage: Stage
let hub: Hub
beforeAll(async () => {
  stage = await openStage()
  hub = stage.hub()
})
afterAll(() => stage.close())

/** What an account holds, posted and held, by its name; all its rows. */
async function balance(name: string): Promise<{ posted: bigint; held: bigint }> {
  const [row] = await stage.books.owner<{ posted: bigint; held: bigint }[]>`
    select coalesce(sum(credits_posted - debits_posted), 0)::bigint as posted,
      coalesce(sum(credits_pending), 0)::bigint as held
    from accounts where ledger = ${stage.books.book} and name = ${name}`
  return row ?? { posted: 0n, held: 0n }
}

async function settle(answer: object): Promise<void> {
  if (!('id' in answer) || typeof answer.id !== 'string') throw new Error(JSON.stringify(answer))
  const state = await stage.store.state(answer.id)
  if (state === null) throw new Error('no payment')
  expect(await stage.books.ledger.apply(confirm(state, ids, Date.now()))).toEqual({ code: 'ok' })
}

describe('of payers', () => {
  const withTax = { basisPoints: 100n, fixedMinor: 16n, tax: { authority: 'kra', basisPoints: 1_600n } }
  let phone: Phone
  let to: Phone
  beforeAll(async () => {
    phone = await stage.phone(50_000)
    to = await stage.phone(0)
    await stage.publish({ payersOf: 'transfer' }, withTax)
    await stage.publish(
      { payersOf: 'withdrawal' },
      { basisPoints: 10n, fixedMinor: 0n, minimumMinor: 50n, capMinor: 80n },
    )
  })

  const quote = async (kind: string, amount: number, source: string) => {
    const reply = await hub.send(phone, 'quote', { kind, amount: String(amount), currency: 'KES', source })
    return reply.ok ? reply.body : reply
  }

  test('each kind has its own, and what has none costs nothing', async () => {
    expect(await quote('transfer', 10_000, 'wallet')).toMatchObject({ payer_fee: '116', total: '10116' })
    expect(await quote('withdrawal', 10_000, phone.source)).toMatchObject({ payer_fee: '50', total: '10050' })
    expect(await quote('withdrawal', 60_000, phone.source)).toMatchObject({ payer_fee: '60' })
    expect(await quote('withdrawal', 900_000, phone.source)).toMatchObject({ payer_fee: '80' })
    expect(await quote('purchase', 10_000, 'wallet')).toMatchObject({ payer_fee: '0', total: '10000' })
    expect(await quote('topup', 10_000, phone.source)).toMatchObject({ payer_fee: '0' })
  })

  test('the fee is signed, held beside the amount, counted against limits, and posted with its tax', async () => {
    const unsigned = await stage.transfer(phone, to, 10_000)
    const reply = await hub.send(phone, unsigned.ask.name, unsigned.body, unsigned.ask.key)
    expect(reply).toMatchObject({ ok: false, error: { code: 'signature_mismatch', param: 'payer_fee' } })

    const { ask, body } = await stage.transfer(phone, to, 10_000, undefined, 116)
    const answer = await hub.ask(phone, ask, body)
    expect(answer).toMatchObject({ status: 'processing' })
    expect(await stage.wallet(phone)).toEqual({ left: 50_000n, held: 10_116n })
    expect(Object.values(await stage.used(phone)).map(({ held }) => held)).toEqual([10_116n, 10_116n])
    await settle(answer)
    expect(await stage.wallet(phone)).toEqual({ left: 39_884n, held: 0n })
    expect(await stage.wallet(to)).toEqual({ left: 10_000n, held: 0n })
    expect(await balance('tax:kra')).toEqual({ posted: 16n, held: 0n })
    expect(await balance('revenue:fees')).toEqual({ posted: 100n, held: 0n })
    expect(await stage.breaches()).toEqual([])
  })

  test('the wallet must hold amount and fee', async () => {
    const poor = await stage.phone(10_100)
    const { ask, body } = await stage.transfer(poor, to, 10_000, undefined, 116)
    expect(await hub.ask(poor, ask, body)).toMatchObject({ code: 'insufficient_funds' })
  })
})

describe('of merchants', () => {
  const plan = { basisPoints: 150n, fixedMinor: 10n }

  async function planOf(merchant: string): Promise<{ id: string; version: number }> {
    const [row] = await stage.books.owner<{ id: string; version: number }[]>`
      select id, version from fee_plans where owner = ${merchant} order by version desc limit 1`
    if (row === undefined) throw new Error('no plan')
    return row
  }

  test('the same plan again is no new version, another one is, and none is ever changed', async () => {
    const merchant = ids.make('mer')
    await Promise.all([1, 2, 3].map(() => stage.publish({ merchant }, plan)))
    const first = await planOf(merchant)
    expect(first.version).toBe(1)
    await stage.publish({ merchant }, { ...plan, capMinor: 500n })
    expect((await planOf(merchant)).version).toBe(2)
    expect(await hub.deps.feePlans.byId(first.id)).toEqual({ id: first.id, ...plan, onRefund: 'kept' })
    for (const change of ['update fee_plans set basis_points = 0', 'delete from fee_plans']) {
      await expect(stage.books.owner.unsafe(change)).rejects.toThrow('does not change')
    }
  })

  test('a payment keeps the fee, and the tax in it, that it was made with, whatever the plan is by then', async () => {
    const merchant = ids.make('mer')
    const taxed = { ...plan, tax: { authority: 'ura', basisPoints: 1_800n } }
    await stage.publish({ merchant }, taxed)
    const { id } = await planOf(merchant)
    const { feeMinor, tax } = feeOf(10_000n, taxed)
    const order = await stage.order(10_000, { payee: merchant, merchant, fee: feeMinor, fee_plan: id })
    await stage.publish({ merchant }, { basisPoints: 900n, fixedMinor: 0n })
    const phone = await stage.phone(20_000)
    const { ask, body } = await stage.confirm(phone, order)
    await settle(await hub.ask(phone, ask, body))
    expect(await balance(`merchant:${merchant}:pending`)).toEqual({ posted: 10_000n - feeMinor, held: 0n })
    expect(await balance('tax:ura')).toEqual({ posted: tax?.amountMinor ?? 0n, held: 0n })
    expect(tax?.amountMinor).toBe(24n)
    expect(await stage.breaches()).toEqual([])
  })

  test('a part that is captured is priced by the plan of the whole, and limits keep what the rest took of them', async () => {
    const merchant = ids.make('mer')
    const tiered = {
      basisPoints: 100n,
      fixedMinor: 30n,
      minimumMinor: 60n,
      tax: { authority: 'tra', basisPoints: 1_800n },
    }
    await stage.publish({ merchant }, tiered)
    const { id } = await planOf(merchant)
    const whole = feeOf(10_000n, tiered)
    const order = await stage.order(10_000, {
      payee: merchant,
      merchant,
      fee: whole.feeMinor,
      fee_plan: id,
      capture_method: 'manual',
    })
    await stage.publish({ merchant }, { basisPoints: 900n, fixedMinor: 0n })
    const phone = await stage.phone(20_000)
    const { ask, body } = await stage.confirm(phone, order)
    expect(await hub.ask(phone, ask, body)).toMatchObject({ status: 'processing' })
    await stage.books.owner`
      update payments set status = 'requires_capture', capture_requested = 2000, version = version + 1 where id = ${order.id}`
    const state = await stage.store.state(order.id)
    if (state === null) throw new Error('no payment')
    const part = await captureInPart({ store: stage.store, feePlan: hub.deps.feePlans.byId }, state)
    expect(await stage.books.ledger.apply(confirm(state, ids, Date.now(), part))).toEqual({ code: 'ok' })

    const { feeMinor, tax } = feeOf(2_000n, tiered)
    expect([whole.feeMinor, feeMinor]).toEqual([130n, 60n])
    expect((await stage.store.payment(order.id))?.fee).toBe(feeMinor)
    expect(await balance(`merchant:${merchant}:pending`)).toEqual({ posted: 2_000n - feeMinor, held: 0n })
    expect(await balance('tax:tra')).toEqual({ posted: tax?.amountMinor ?? 0n, held: 0n })
    expect(await stage.wallet(phone)).toEqual({ left: 18_000n, held: 0n })
    expect(Object.values(await stage.used(phone)).map(({ held, posted }) => [held, posted])).toEqual([
      [0n, 2_000n],
      [0n, 2_000n],
    ])
    expect((await stage.breaches()).filter((line) => line.includes(order.id) && !line.includes('event'))).toEqual([])
  })
})
