import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RailStep } from '../../src/domain/attempt.ts'
import type { Rail, RailOrder, RailOutcome } from '../../src/rails/port.ts'
import { at, PAYMENTS, CamaraStage } from '../support/camara-stage.ts'
import { CALLBACK_KEY, makeChargeOrder } from './support/camara.ts'
import { pino } from 'pino'
import { makeCamaraRail, readCamaraCredentials, type CamaraRailConfig } from '../../src/rails/camara/index.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/**
 * Every fault of the call at every step, each followed to the end by inquiry: what the connector says in the end is
 * what the operator's book shows (I2).
 */

let stage: CamaraStage
let rail: Rail
let cautious: Rail
let phones = 0

beforeAll(async () => {
  stage = await CamaraStage.open({ SIM_REPEATS_FIRST_ANSWER: '1' })
  rail = railOf({ resendSafe: true })
  cautious = railOf({ mode: 'one_step' })
})
afterAll(async () => {
  await Promise.all([rail.close(), cautious.close()])
  await stage.close()
})

function railOf(more: Partial<CamaraRailConfig>): Rail {
  return makeCamaraRail({
    id: 'demo-mobile',
    baseUrl: stage.url,
    mode: 'two_step',
    credentials: readCamaraCredentials(stage.keysDir),
    callback: { url: stage.sinkUrl, key: CALLBACK_KEY },
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
    ...more,
  })
}

const newOrder = (more: Partial<RailOrder> = {}): RailOrder => {
  phones += 1
  const account = { type: 'phone' as const, phone: `+2547110${String(phones).padStart(5, '0')}` }
  return makeChargeOrder({ account, merchant: { id: `mer_${phones}`, name: 'M' }, ...more })
}

const send = (order: RailOrder, by = rail, deadlineMs = 10_000) =>
  by.send(order, { signal: AbortSignal.timeout(deadlineMs), mayWrite: () => true })
const inquire = (order: RailOrder, by = rail) => by.inquire(order, AbortSignal.timeout(10_000))

/** The order as its attempt would have it after an outcome, at the next step. */
function after(order: RailOrder, outcome: RailOutcome, step: RailStep = order.step, input: string | null = null) {
  const memo = 'memo' in outcome && outcome.memo !== undefined ? outcome.memo : order.memo
  return { ...order, memo, step, input, sends: 1, dispatchedAtMs: Date.now() }
}

async function reservation(): Promise<RailOrder> {
  const order = newOrder()
  return after(order, await send(order), 'confirm')
}

/** Reserved behind a code that has not been typed yet, and that code. */
async function awaitingCode(): Promise<{ order: RailOrder; code: string }> {
  const order = newOrder()
  const phone = order.account.type === 'phone' ? order.account.phone : ''
  await stage.control('POST', 'accounts', { account: phone, validation: true })
  const outcome = await send(order)
  expect(outcome).toMatchObject({ kind: 'settled', asks: 'code' })
  const code = await stage.code(phone)
  return { order: after(order, outcome, 'validate', code), code }
}

async function charged(): Promise<RailOrder> {
  const order = await reservation()
  const outcome = await send(order)
  expect(outcome.kind).toBe('settled')
  return after(order, outcome)
}

function refundOf(collect: RailOrder, amountMinor = collect.amountMinor): RailOrder {
  const { reference, uetr, dispatchedAtMs, memo, account, merchant } = collect
  const original = { reference, uetr, amountMinor: collect.amountMinor, dispatchedAtMs, railReference: null, memo }
  return newOrder({ operation: 'refund', step: 'submit', account, merchant, amountMinor, original })
}

/** Inquires, and sends again where that is allowed, until the step has an end. */
async function toTheEnd(order: RailOrder, first: RailOutcome): Promise<RailOutcome> {
  let outcome = first
  let current = order
  for (let n = 0; n < 100; n++) {
    if (outcome.kind === 'not_found') {
      expect(rail.profile.notFound[current.step]).toBe('resend')
      current = { ...current, sends: current.sends + 1 }
      outcome = await send(current)
    } else if (outcome.kind === 'pending' || outcome.kind === 'unknown') {
      await sleep(100)
      // Asked as if the deadline had passed, once the operator had its time.
      outcome = await inquire({ ...current, dispatchedAtMs: current.dispatchedAtMs - (n < 5 ? 0 : 120_000) })
    } else return outcome
    if ('memo' in outcome && outcome.memo !== undefined) current = { ...current, memo: outcome.memo }
  }
  throw new Error(`no end of ${order.step}: ${outcome.kind}`)
}

const FAULTS: [string, object, { moves: boolean; deadlineMs?: number }][] = [
  ['delay', { kind: 'delay', ms: 200 }, { moves: true }],
  ['pending, then settled', { kind: 'pending', then: 'settled', after_s: 0.3 }, { moves: true }],
  ['pending, then declined', { kind: 'pending', then: 'declined', after_s: 0.3 }, { moves: false }],
  ['pending, and no event', { kind: 'pending', after_s: 0.3, callback: false }, { moves: true }],
  ['drop before', { kind: 'drop_before' }, { moves: true }],
  ['drop after', { kind: 'drop_after' }, { moves: true }],
  ['hang before', { kind: 'hang_before', s: 20 }, { moves: true, deadlineMs: 400 }],
  ['hang after', { kind: 'hang_after', s: 20 }, { moves: true, deadlineMs: 400 }],
  ['500 before', { kind: 'error_before', status: 500 }, { moves: true }],
  ['502 after', { kind: 'error_after', status: 502 }, { moves: true }],
  ['answer twice', { kind: 'answer_twice', gap_ms: 50 }, { moves: true }],
  ['duplicate event', { kind: 'duplicate_callback', n: 3, after_s: 0.2 }, { moves: true }],
  ['late event', { kind: 'late_callback', after_s: 0.5 }, { moves: true }],
  ['contradicting event', { kind: 'contradict_callback', after_s: 0.2 }, { moves: true }],
  ...['truncated', 'html', 'empty', 'bad_schema', 'wrong_type'].map((mode): (typeof FAULTS)[number] => [
    `malformed, ${mode}`,
    { kind: 'malformed', mode },
    { moves: true },
  ]),
  ['bad token', { kind: 'bad_signature', mode: 'wrong_key' }, { moves: true }],
  ['wrong amount', { kind: 'wrong_content', field: 'amount' }, { moves: true }],
  ['duplicate answer', { kind: 'duplicate_answer' }, { moves: true }],
  ['failing inquiries', { kind: 'inquiry_fail', s: 0.5 }, { moves: true }],
  ['lagging inquiries', { kind: 'inquiry_lag', s: 0.5 }, { moves: true }],
  ['decline', { kind: 'decline' }, { moves: false }],
  ['expiry', { kind: 'expire', after_s: 0.3 }, { moves: false }],
]

const moved = async (order: RailOrder) =>
  (await stage.book(order.reference)).map(({ operation, amount }) => ({ operation, amount }))
const line = (order: RailOrder) => ({ operation: order.operation, amount: String(order.amountMinor) })

describe.concurrent('confirm', () => {
  it.each(FAULTS)('%s', async (_, fault, { moves, deadlineMs }) => {
    const order = await reservation()
    await stage.rule({ reference: order.reference, step: 'confirm' }, fault, 1)
    const end = await toTheEnd(order, await send(order, rail, deadlineMs))
    expect(end.kind).toBe(moves ? 'settled' : 'declined')
    expect(await moved(order)).toEqual(moves ? [line(order)] : [])
  })
})

describe.concurrent('refund', () => {
  it.each(FAULTS)('%s', async (_, fault, { moves, deadlineMs }) => {
    const order = refundOf(await charged(), 4_000n)
    await stage.rule({ reference: order.reference }, fault, 1)
    const end = await toTheEnd(order, await send(order, rail, deadlineMs))
    expect(end.kind).toBe(moves ? 'settled' : 'declined')
    expect(await moved(order)).toEqual(moves ? [line(order)] : [])
  })
})

describe.concurrent('validate', () => {
  // A code that was lost on the way is asked for again, as a wrong one is: nothing moves before the confirmation.
  it.each(FAULTS)('%s', async (_, fault, { moves, deadlineMs }) => {
    const { order } = await awaitingCode()
    await stage.rule({ reference: order.reference, step: 'validate' }, fault, 1)
    let end = await toTheEnd(order, await send(order, rail, deadlineMs))
    if (end.kind === 'wrong_code') end = await toTheEnd(order, await send({ ...order, sends: 2 }))
    expect(end.kind).toBe(moves ? 'settled' : 'declined')
    expect(await moved(order)).toEqual([])
  })
})

describe.concurrent('cancel', () => {
  it.each(FAULTS)('%s', async (_, fault, { deadlineMs }) => {
    const order = { ...(await reservation()), step: 'cancel' as const }
    await stage.rule({ reference: order.reference, step: 'cancel' }, fault, 1)
    expect((await toTheEnd(order, await send(order, rail, deadlineMs))).kind).toBe('settled')
    expect((await send({ ...order, step: 'confirm' })).kind).not.toBe('settled')
    expect(await moved(order)).toEqual([])
  })
})

it('a cancel that a lost confirm has overtaken says that the money has moved', async () => {
  const order = await reservation()
  await stage.rule({ reference: order.reference, step: 'confirm' }, { kind: 'drop_after' }, 1)
  expect(await send({ ...order, step: 'confirm' })).toMatchObject({ kind: 'unknown' })
  expect(await send({ ...order, step: 'cancel' })).toMatchObject({ kind: 'charged' })
  expect(await inquire({ ...order, step: 'cancel' })).toMatchObject({ kind: 'charged' })
  expect(await moved(order)).toEqual([line(order)])
})

describe('refunds', () => {
  it('give back in parts and whole, and never more than there was', async () => {
    const collect = await charged()
    const parts = [5_000n, 7_346n, 1n].map((amountMinor) => refundOf(collect, amountMinor))
    const outcomes: RailOutcome[] = []
    for (const part of parts) outcomes.push(await send(part))
    expect(outcomes.map(({ kind }) => kind)).toEqual(['settled', 'settled', 'declined'])
    const other = await charged()
    expect(await send(refundOf(other))).toMatchObject({ kind: 'settled' })
    expect(await send(refundOf(other))).toMatchObject({ kind: 'declined', code: 'limit_exceeded' })
  })

  it('find their payment by its reference where its id was lost', async () => {
    const collect = await charged()
    expect((await send(refundOf({ ...collect, memo: {} }))).kind).toBe('settled')
  })

  it('are not settled while the remaining amount cannot be asked', async () => {
    const order = refundOf(await charged())
    await stage.rule({ operation: 'inquire' }, { kind: 'error_before', status: 500 }, 1)
    const outcome = await send(order)
    expect(outcome).toMatchObject({ kind: 'unknown', alarm: false })
    expect(await inquire(after(order, outcome))).toMatchObject({ kind: 'settled' })
  })
})

describe('first sends and resends', () => {
  it('an invalid argument is a decline of a first send, once nothing of ours is there', async () => {
    const order = newOrder()
    await stage.rule({ reference: order.reference }, { kind: 'decline', reason: 'INVALID_ARGUMENT' })
    expect(await send(order)).toMatchObject({ kind: 'declined', alarm: true })
    expect(await send({ ...order, sends: 2 })).toMatchObject({ kind: 'unknown' })
  })

  it('a refusal of a resend says nothing where the first was taken', async () => {
    const order = newOrder({ step: 'submit' })
    expect((await send(order, cautious)).kind).toBe('settled')
    const phone = order.account.type === 'phone' ? order.account.phone : ''
    await stage.rule({ account: phone }, { kind: 'decline' })
    // The operator knows the reference; another one might look at the money first, and find none.
    expect(['settled', 'unknown']).toContain((await send({ ...order, sends: 2 }, cautious)).kind)
    expect(await moved(order)).toEqual([line(order)])
  })

  it('without resend_safe, a charge that cannot be found stays unknown', async () => {
    const order = newOrder({ step: 'submit' })
    await stage.rule({ reference: order.reference }, { kind: 'drop_before' })
    const lost = await send(order, cautious)
    expect(lost.kind).toBe('unknown')
    const later = { ...order, dispatchedAtMs: order.dispatchedAtMs - 200_000 }
    expect((await inquire(later, cautious)).kind).toBe('unknown')
    expect(cautious.profile.notFound).toEqual({})
    expect((await inquire({ ...later, step: 'prepare' })).kind).toBe('not_found')
    expect(rail.profile.notFound.prepare).toBe('final')
  })

  it('nothing in the list says nothing within a minute', async () => {
    const order = newOrder()
    await stage.rule({ reference: order.reference }, { kind: 'drop_before' })
    await send(order)
    expect((await inquire({ ...order, dispatchedAtMs: order.dispatchedAtMs - 60_000 })).kind).toBe('unknown')
    expect((await inquire({ ...order, dispatchedAtMs: order.dispatchedAtMs - 72_000 })).kind).toBe('not_found')
  })
})

describe('the payer’s code', () => {
  it('is tried again until the tries are used up, which declines', async () => {
    const { order, code } = await awaitingCode()
    const wrong = { ...order, input: code === '000000' ? '000001' : '000000' }
    expect((await send(wrong)).kind).toBe('wrong_code')
    expect((await send({ ...wrong, sends: 2 })).kind).toBe('wrong_code')
    expect(await send({ ...wrong, sends: 3 })).toMatchObject({ kind: 'declined', code: 'declined_by_payer' })
  })

  it('typed twice is no second reservation', async () => {
    const { order } = await awaitingCode()
    expect((await send(order)).kind).toBe('settled')
    expect((await send({ ...order, sends: 2 })).kind).toBe('settled')
  })

  it('cannot be asked for where the operator has a page of its own', async () => {
    const order = newOrder()
    const phone = order.account.type === 'phone' ? order.account.phone : ''
    await stage.control('POST', 'accounts', { account: phone, validation: 'open' })
    expect(await send(order)).toMatchObject({ kind: 'pending' })
  })
})

it('a reservation that expires is declined, at the reservation and at the confirmation', async () => {
  const order = newOrder()
  await stage.rule({ reference: order.reference }, { kind: 'expire', after_s: 0.2 }, 1)
  const confirm = after(order, await send(order), 'confirm')
  await expect.poll(async () => (await inquire({ ...confirm, step: 'prepare' })).kind).toBe('declined')
  expect(await send(confirm)).toMatchObject({ kind: 'pending' })
  const late = { ...confirm, dispatchedAtMs: confirm.dispatchedAtMs - 20_000 }
  expect(await inquire(late)).toMatchObject({ kind: 'declined', code: 'not_executed' })
  expect(await moved(order)).toEqual([])
})

it('what was charged and comes back is told as returned', async () => {
  const order = await reservation()
  await stage.rule({ reference: order.reference, step: 'confirm' }, { kind: 'return_later', after_s: 0.2 }, 1)
  const outcome = await send(order)
  expect(outcome.kind).toBe('settled')
  await expect.poll(async () => (await inquire(after(order, outcome))).kind).toBe('returned')
  expect((await stage.book(order.reference)).map(({ effect }) => effect)).toEqual(['moved', 'returned'])
})

it('a token that the operator forgot is renewed on the way', async () => {
  const order = await reservation()
  await stage.crash()
  expect((await send(order)).kind).toBe('settled')
  const shown = await stage.call('GET', `${PAYMENTS}/${order.memo['paymentId'] ?? ''}`)
  expect(at(shown.body, 'paymentStatus')).toBe('succeeded')
})
