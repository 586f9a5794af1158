import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readGsmaCredentials } from '../../src/rails/gsma/index.ts'
import type { RailOrder, RailOutcome } from '../../src/rails/port.ts'
import { controlOf, type Control } from './contract/control.ts'
import {
  BELIEVED_AFTER_MS,
  CONTROL_TOKEN,
  magicPhone,
  makeMoneyOrder,
  SECRETS,
  startMoneyRail,
  type MoneyRail,
} from './support/gsma.ts'
import { writeKeys } from './support/sim.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/** What is mobile money's own, against the simulator as a process; the rest is in the contract of every rail. */

let money: MoneyRail
let control: Control
beforeAll(async () => {
  // Nobody listens there: callbacks are lost, and inquiries have to do.
  money = await startMoneyRail('http://127.0.0.1:9/v1/rails/gsma/callbacks')
  control = controlOf(money.controlUrl, CONTROL_TOKEN)
}, 30_000)
afterAll(() => money.stop())

const send = (order: RailOrder, timeoutMs = 5_000): Promise<RailOutcome> =>
  money.rail.send(order, { signal: AbortSignal.timeout(timeoutMs), mayWrite: () => true })
const inquire = (order: RailOrder): Promise<RailOutcome> => money.rail.inquire(order, AbortSignal.timeout(5_000))
const remembered = (order: RailOrder, outcome: RailOutcome): RailOrder => ({
  ...order,
  memo: ('memo' in outcome ? outcome.memo : undefined) ?? order.memo,
})

/** A settled collect, as a refund names it and as its own inquiry would. */
async function settledCollect(): Promise<{ order: RailOrder; original: NonNullable<RailOrder['original']> }> {
  const order = makeMoneyOrder()
  const outcome = await send(order)
  if (outcome.kind !== 'settled') throw new Error(JSON.stringify(outcome))
  const { reference, uetr, amountMinor, dispatchedAtMs } = order
  const { railReference } = outcome.evidence
  const memo = outcome.memo ?? {}
  return { order: { ...order, memo }, original: { reference, uetr, amountMinor, dispatchedAtMs, railReference, memo } }
}

describe('an order that was lost on the way', () => {
  it('is unknown until a minute after its deadline, then not found, and the same sent again settles once', async () => {
    const order = makeMoneyOrder({ account: { type: 'phone', phone: magicPhone(21) } })
    expect(await send(order)).toMatchObject({ kind: 'unknown', alarm: false })
    expect(await inquire(order)).toMatchObject({ kind: 'unknown', alarm: false })
    const earlier = { ...order, dispatchedAtMs: order.dispatchedAtMs - BELIEVED_AFTER_MS }
    expect((await inquire(earlier)).kind).toBe('not_found')
    expect(await send({ ...order, sends: 2 })).toMatchObject({ kind: 'settled' })
    expect(await control.book(order.reference)).toMatchObject([{ times_requested: 2 }])
  })

  it('and that arrived all the same is a duplicate when it is sent again, and the original decides', async () => {
    const order = makeMoneyOrder({ account: { type: 'phone', phone: magicPhone(20) } })
    expect((await send(order)).kind).toBe('unknown')
    expect(await send({ ...order, sends: 2 })).toMatchObject({ kind: 'unknown', alarm: false })
    expect((await inquire(order)).kind).toBe('settled')
    expect(await control.book(order.reference)).toHaveLength(1)
  })
})

describe('a refusal whose answer was lost', () => {
  it('is found with its reason, by our correlation id alone', async () => {
    const order = makeMoneyOrder()
    await control.rule(order.reference, { kind: 'pending', then: 'declined', after_s: 0.1 }, 1)
    await send(order)
    await expect.poll(() => inquire(order), { timeout: 10_000 }).toMatchObject({ kind: 'declined' })
  })
})

describe('a refund', () => {
  it('of all of it leaves its collect settled, and nothing has come back by itself', async () => {
    const { order, original } = await settledCollect()
    const refund = makeMoneyOrder({ operation: 'refund', original })
    expect((await send(refund)).kind).toBe('settled')
    expect(await control.book(refund.reference)).toMatchObject([{ operation: 'refund', original: order.reference }])
    // The operator shows the collect as reversed now: by us.
    expect((await inquire(order)).kind).toBe('settled')
  })

  it('in parts settles each, and more than is left is declined', async () => {
    const { original } = await settledCollect()
    const part = (amountMinor: bigint) => makeMoneyOrder({ operation: 'refund', original, amountMinor })
    expect((await send(part(12_000n))).kind).toBe('settled')
    expect(await send(part(347n))).toMatchObject({ kind: 'declined', code: 'declined_by_rail' })
    expect((await send(part(346n))).kind).toBe('settled')
  })

  it('twice of all of it is declined the second time', async () => {
    const { original } = await settledCollect()
    const refund = () => makeMoneyOrder({ operation: 'refund', original })
    const kinds = (await Promise.all([send(refund()), send(refund()), send(refund())])).map(({ kind }) => kind)
    expect(kinds.toSorted()).toEqual(['declined', 'declined', 'settled'])
  })
})

describe('what the operator takes back', () => {
  it('is told once it has, whole, under one id', async () => {
    const order = makeMoneyOrder()
    await control.rule(order.reference, { kind: 'return_later', after_s: 0.2 }, 1)
    const settled = remembered(order, await send(order))
    await expect
      .poll(() => inquire(settled), { timeout: 10_000 })
      .toMatchObject({ kind: 'returned', amountMinor: 12_346n })
    // The same without anything remembered.
    expect(await inquire(order)).toEqual(await inquire(settled))
  })
})

describe('the poll limit', () => {
  it('is spent and then left alone: the order is found all the same', async () => {
    let order = makeMoneyOrder()
    await control.rule(order.reference, { kind: 'pending', then: 'never' }, 1)
    order = remembered(order, await send(order))
    for (let n = 0; n < 25; n++) {
      const outcome = await inquire(order)
      expect(outcome.kind).toBe('pending')
      order = remembered(order, outcome)
    }
    expect(order.memo).toMatchObject({ polls: '20', pollLimit: '20' })
    await control.decide(order.reference, 'settled')
    expect((await inquire(order)).kind).toBe('settled')
  })
})

describe('an access token', () => {
  it('that the operator no longer takes is fetched anew', async () => {
    await send(makeMoneyOrder())
    await control.clock(299)
    try {
      expect((await money.rail.heartbeat(AbortSignal.timeout(5_000))).kind).toBe('available')
      await control.clock(302)
      expect((await money.rail.heartbeat(AbortSignal.timeout(5_000))).kind).toBe('available')
    } finally {
      await control.clock(0)
    }
  })
})

it('pays out, and the book agrees', async () => {
  const order = makeMoneyOrder({ operation: 'payOut', account: { type: 'phone', phone: '+254711000001' } })
  expect((await send(order)).kind).toBe('settled')
  expect(await control.book(order.reference)).toMatchObject([
    { operation: 'payOut', account: '+254711000001', amount: '12346' },
  ])
})

it('refuses to start without its credentials, and never shows them', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-keys-'))
  try {
    const keys = writeKeys(dir, 'hub', { 'gsma.json': JSON.stringify({ ...SECRETS, api_key: undefined }) })
    expect(() => readGsmaCredentials(keys)).toThrow(/gsma\.json is not/)
    expect(() => readGsmaCredentials(keys)).not.toThrow(new RegExp(SECRETS.client_secret))
    expect(() => readGsmaCredentials(dir)).toThrow(/cannot be read/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
