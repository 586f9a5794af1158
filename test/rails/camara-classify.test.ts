import { describe, expect, it } from 'vitest'
import type { RailStep } from '../../src/domain/attempt.ts'
import { paymentOutcome, refundOutcome, remainingMismatch } from '../../src/rails/camara/classify.ts'
import { JsonNumber } from '../../src/rails/camara/json.ts'
import type { Payment, Refund } from '../../src/rails/camara/wire.ts'
import type { OriginalCollect, RailOrder } from '../../src/rails/port.ts'
import { magicPhone, makeChargeOrder } from './support/camara.ts'

/** connectors.md §2.2 and §2.6: what the operator's view of a payment says about each step. */

const AT = '2026-11-28T12:00:00.000Z'
const amount = (literal: string, currency = 'KES') => ({ amount: new JsonNumber(literal), currency })

function paymentOf(order: RailOrder, paymentStatus: string, more: Partial<Payment> = {}): Payment {
  return {
    paymentId: 'P1',
    paymentStatus,
    paymentCreationDate: AT,
    ...(paymentStatus === 'succeeded' ? { paymentDate: AT } : {}),
    amountTransaction: {
      phoneNumber: magicPhone(0),
      clientCorrelator: order.reference,
      referenceCode: order.reference,
      serverReferenceCode: 'S1',
      paymentAmount: { chargingInformation: amount('123.46') },
    },
    ...more,
  }
}

const asked = (status: string, step: RailStep, quiet: boolean, memo: RailOrder['memo'] = {}) => {
  const order = makeChargeOrder({ step, memo })
  return paymentOutcome(paymentOf(order, status), order, { via: 'inquiry', quiet })
}

const AUTH = { authorizationId: 'A1' }

it.each<[string, RailStep, boolean, RailOrder['memo'], object]>([
  ['processing', 'submit', false, {}, { kind: 'pending' }],
  ['processing', 'prepare', true, {}, { kind: 'pending' }],
  ['processing', 'confirm', true, {}, { kind: 'pending' }],
  ['reserved', 'submit', false, {}, { kind: 'pending' }],
  ['reserved', 'prepare', false, {}, { kind: 'settled', memo: { paymentId: 'P1' } }],
  ['reserved', 'validate', false, {}, { kind: 'settled' }],
  ['reserved', 'confirm', false, {}, { kind: 'pending' }],
  ['reserved', 'confirm', true, {}, { kind: 'not_found' }],
  ['reserved', 'cancel', false, {}, { kind: 'pending' }],
  ['reserved', 'cancel', true, {}, { kind: 'not_found' }],
  ['pending_validation', 'submit', true, {}, { kind: 'pending' }],
  ['pending_validation', 'prepare', true, {}, { kind: 'pending' }],
  ['pending_validation', 'prepare', false, AUTH, { kind: 'settled', asks: 'code' }],
  ['pending_validation', 'validate', false, AUTH, { kind: 'pending' }],
  ['pending_validation', 'validate', true, AUTH, { kind: 'wrong_code' }],
  ['pending_validation', 'confirm', true, AUTH, { kind: 'pending' }],
  ['pending_validation', 'cancel', true, AUTH, { kind: 'not_found' }],
  ['succeeded', 'submit', false, {}, { kind: 'settled', evidence: { railReference: 'S1' } }],
  ['succeeded', 'confirm', false, {}, { kind: 'settled' }],
  ['succeeded', 'prepare', true, {}, { kind: 'unknown', alarm: true }],
  ['succeeded', 'cancel', false, {}, { kind: 'charged', evidence: { railReference: 'S1' } }],
  ['succeeded', 'validate', true, AUTH, { kind: 'unknown', alarm: true }],
  ['denied', 'submit', false, {}, { kind: 'declined', code: 'declined_by_rail' }],
  ['denied', 'prepare', false, {}, { kind: 'declined', code: 'declined_by_rail' }],
  ['denied', 'validate', false, {}, { kind: 'declined', code: 'declined_by_payer' }],
  ['denied', 'confirm', false, {}, { kind: 'declined', code: 'declined_by_rail' }],
  ['denied', 'cancel', false, {}, { kind: 'settled' }],
  ['cancelled', 'prepare', false, {}, { kind: 'declined', code: 'not_executed' }],
  ['cancelled', 'confirm', false, {}, { kind: 'pending' }],
  ['cancelled', 'confirm', true, {}, { kind: 'declined', code: 'not_executed' }],
  ['cancelled', 'cancel', false, {}, { kind: 'settled' }],
  ['a_word_nobody_knows', 'confirm', true, {}, { kind: 'unknown', alarm: true }],
])('%s, at %s, quiet %s', (status, step, quiet, memo, outcome) => {
  expect(asked(status, step, quiet, memo)).toMatchObject(outcome)
})

it('a payment cancelled after it was charged has come back, each time it is told the same', () => {
  const order = makeChargeOrder({ step: 'confirm' })
  const payment = paymentOf(order, 'cancelled', { paymentDate: AT })
  expect(paymentOutcome(payment, order, { via: 'inquiry', quiet: false })).toMatchObject({
    kind: 'returned',
    amountMinor: order.amountMinor,
    evidence: { id: 'P1:cancelled' },
  })
})

it('the authorisation comes from the answer to the reservation, and is kept', () => {
  const order = makeChargeOrder()
  const validationInfo = { action: 'validate', authorizationId: 'A7' }
  const payment = paymentOf(order, 'pending_validation', { validationInfo })
  expect(paymentOutcome(payment, order, { via: 'answer', quiet: false })).toMatchObject({
    kind: 'settled',
    asks: 'code',
    memo: { paymentId: 'P1', authorizationId: 'A7' },
  })
  const open = paymentOf(order, 'pending_validation', { validationInfo: { action: 'open' } })
  expect(paymentOutcome(open, order, { via: 'answer', quiet: false })).toMatchObject({ kind: 'pending' })
})

describe('a payment that is not ours to the last digit is unknown, and an alarm', () => {
  const order = makeChargeOrder({ step: 'confirm' })
  const right = paymentOf(order, 'succeeded')
  const told = (change: object): Payment => ({
    ...right,
    amountTransaction: { ...right.amountTransaction, ...change },
  })
  const charged = (information: ReturnType<typeof amount>) =>
    told({ paymentAmount: { chargingInformation: information } })

  it.each<[string, Payment]>([
    ['another reference', told({ referenceCode: 'other' })],
    ['another correlator', told({ clientCorrelator: 'other' })],
    ['another phone', told({ phoneNumber: '+254700000009' })],
    ['a cent more', charged(amount('123.47'))],
    ['a thousandth more', charged(amount('123.461'))],
    ['another currency', charged(amount('123.46', 'USD'))],
    ['an exponent', charged(amount('1.2346e2'))],
  ])('%s', (_, payment) => {
    expect(paymentOutcome(payment, order, { via: 'inquiry', quiet: true })).toMatchObject({
      kind: 'unknown',
      alarm: true,
    })
  })

  it('digits past the currency’s own are ours where they are zeros', () => {
    const outcome = paymentOutcome(charged(amount('123.460')), order, { via: 'inquiry', quiet: true })
    expect(outcome.kind).toBe('settled')
  })
})

describe('a refund', () => {
  const original: OriginalCollect = {
    reference: 'c1',
    uetr: '',
    amountMinor: 12_346n,
    dispatchedAtMs: 0,
    railReference: null,
    memo: { paymentId: 'P1' },
  }
  const order = (amountMinor: bigint) =>
    makeChargeOrder({ operation: 'refund', step: 'submit', amountMinor, original, memo: {} })
  const refundOf = (of: RailOrder, refundStatus: string, type: Refund['type'], literal?: string): Refund => ({
    refundId: 'R1',
    refundStatus,
    type,
    amountTransaction: {
      clientCorrelator: of.reference,
      referenceCode: of.reference,
      refundAmount: literal === undefined ? {} : { chargingInformation: amount(literal) },
    },
  })

  it.each<[string, bigint, Refund['type'], string | undefined, object]>([
    ['succeeded', 12_346n, 'total', undefined, { kind: 'settled', memo: { refundId: 'R1' } }],
    ['succeeded', 100n, 'partial', '1.00', { kind: 'settled' }],
    ['processing', 100n, 'partial', '1', { kind: 'pending' }],
    ['denied', 100n, 'partial', '1.00', { kind: 'declined', code: 'declined_by_rail' }],
    ['something', 100n, 'partial', '1.00', { kind: 'unknown', alarm: true }],
    ['succeeded', 100n, 'partial', '1.01', { kind: 'unknown', alarm: true }],
    ['succeeded', 100n, 'partial', undefined, { kind: 'unknown', alarm: true }],
    ['succeeded', 100n, 'total', undefined, { kind: 'unknown', alarm: true }],
    ['succeeded', 12_346n, 'partial', '123.46', { kind: 'unknown', alarm: true }],
    ['succeeded', 12_346n, 'total', '123.45', { kind: 'unknown', alarm: true }],
  ])('%s of %d, %s, told as %s', (status, amountMinor, type, literal, outcome) => {
    const asking = order(amountMinor)
    const refund = refundOf(asking, status, type, literal)
    expect(refundOutcome(refund, asking, { via: 'inquiry', quiet: true })).toMatchObject(outcome)
  })

  it('stands only beside a remaining amount that shows it', () => {
    const whole = order(12_346n)
    const part = order(2_346n)
    expect(remainingMismatch(amount('0'), whole)).toBeNull()
    expect(remainingMismatch(amount('0.01'), whole)).not.toBeNull()
    expect(remainingMismatch(amount('100.00'), part)).toBeNull()
    // Another refund may have been given meanwhile.
    expect(remainingMismatch(amount('50.00'), part)).toBeNull()
    expect(remainingMismatch(amount('123.46'), part)).not.toBeNull()
    expect(remainingMismatch(amount('0', 'USD'), whole)).not.toBeNull()
  })
})
