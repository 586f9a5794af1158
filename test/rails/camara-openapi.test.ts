import { createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { paymentBody, phoneBody, refundBody, validationBody } from '../../src/rails/camara/messages.ts'
import { sinkOf } from '../../src/rails/camara/notification.ts'
import type { OriginalCollect, RailOrder } from '../../src/rails/port.ts'
import { CamaraApi, specsAreMissing } from '../support/camara-openapi.ts'
import { at, CamaraStage, newReference, paymentRequest, PAYMENTS, refundsOf } from '../support/camara-stage.ts'
import { CALLBACK_KEY, makeChargeOrder } from './support/camara.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/** What connector and simulator write, against the published files of Carrier Billing and Carrier Billing Refund. */

const missing = specsAreMissing()
const notes = missing === null ? '' : `, ${missing}`
const BILLING = '/carrier-billing/v0.5'
const REFUNDS = '/carrier-billing-refund/v0.3'

const apis = () => ({
  billing: new CamaraApi('carrier-billing.yaml', BILLING),
  refunds: new CamaraApi('carrier-billing-refund.yaml', REFUNDS),
})

const original: OriginalCollect = {
  reference: 'c1',
  uetr: '',
  amountMinor: 10n ** 15n,
  dispatchedAtMs: 0,
  railReference: null,
  memo: { paymentId: 'P1' },
}

const anyOrder: fc.Arbitrary<RailOrder> = fc
  .record({
    currency: fc.constantFrom('KES', 'JPY', 'KWD'),
    amountMinor: fc.bigInt({ min: 1n, max: 10n ** 10n }),
    description: fc.string({ unit: 'grapheme', maxLength: 140 }),
    dispatchedAtMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    merchant: fc.option(fc.record({ id: fc.string({ minLength: 1 }), name: fc.string({ minLength: 1 }) })),
  })
  .map((more) => makeChargeOrder(more))

describe.skipIf(missing !== null)(`requests of the connector${notes}`, () => {
  const sinkFor = (order: RailOrder) =>
    sinkOf(order.reference, order.dispatchedAtMs, {
      rail: 'demo-mobile',
      callbackUrl: 'https://mooring.example/v1/rails/camara/callbacks',
      key: createSecretKey(CALLBACK_KEY),
    })

  it('are of the file, whatever is bought from whom', () => {
    const { billing, refunds } = apis()
    fc.assert(
      fc.property(anyOrder, (order) => {
        const options = { sink: sinkFor(order) }
        const payment: unknown = JSON.parse(paymentBody(order, options))
        for (const path of ['/payments', '/payments/prepare'])
          expect(billing.requestFault('POST', `${BILLING}${path}`, payment)).toBeNull()
        expect(billing.schemaFault('AccessTokenCredential', at(payment, 'sinkCredential'))).toBeNull()
        for (const [amountMinor, schema] of [
          [order.amountMinor, 'CreateTotalRefund'],
          [order.amountMinor + 1n, 'CreatePartialRefund'],
        ] as const) {
          const refund: unknown = JSON.parse(
            refundBody({ ...order, operation: 'refund', original: { ...original, amountMinor } }, options),
          )
          expect(refunds.requestFault('POST', `${REFUNDS}/payments/P1/refunds`, refund)).toBeNull()
          expect(refunds.schemaFault(schema, refund)).toBeNull()
        }
      }),
      { numRuns: 200 },
    )
  })

  it('of the steps are of the file', () => {
    const { billing } = apis()
    const order = makeChargeOrder({ memo: { paymentId: 'P1', authorizationId: 'A1' }, input: '123456' })
    const step = (name: string, body: string) =>
      billing.requestFault('POST', `${BILLING}/payments/P1/${name}`, JSON.parse(body))
    expect(step('validate', validationBody(order))).toBeNull()
    expect(step('confirm', phoneBody(order))).toBeNull()
    expect(step('cancel', phoneBody(order))).toBeNull()
  })

  it('that are not of the file are seen', () => {
    const { billing, refunds } = apis()
    const good = JSON.parse(paymentBody(makeChargeOrder(), { sink: null })) as { amountTransaction: object } // ours
    const bent = { ...good, amountTransaction: { ...good.amountTransaction, phoneNumber: '0700' } }
    expect(billing.requestFault('POST', `${BILLING}/payments`, bent)).not.toBeNull()
    expect(billing.requestFault('POST', `${BILLING}/payments`, { ...good, sink: 'http://x' })).not.toBeNull()
    expect(billing.requestFault('GET', `${BILLING}/payments?referenceCode=1`, undefined)).not.toBeNull()
    expect(refunds.schemaFault('CreatePartialRefund', { type: 'partial', amountTransaction: {} })).not.toBeNull()
  })
})

describe.skipIf(missing !== null)(`answers and events of the simulator${notes}`, () => {
  let stage: CamaraStage
  const { billing, refunds } = missing === null ? apis() : { billing: null, refunds: null }
  beforeAll(async () => {
    stage = await CamaraStage.open()
  })
  afterAll(() => stage.close())

  /** A call that must be of the file in both directions. */
  async function call(method: 'GET' | 'POST', path: string, body: unknown, expected: [number, string?]) {
    const said = await stage.call(method, path, body)
    expect([said.status, at(said.body, 'code')]).toEqual([expected[0], expected[1]])
    expect(said.headers.get('content-type')).toBe(said.text === '' ? null : 'application/json')
    const api = path.startsWith(REFUNDS) ? refunds : billing
    expect(api?.answerFault(method, path, said.status, said.body)).toBeNull()
    return said.body
  }
  const pay = (over: Parameters<typeof paymentRequest>[1] = {}) => paymentRequest(newReference(), over)
  const phone = { phoneNumber: '+254700000001' }

  it('payments, from the reservation to the refund', async () => {
    await call('POST', PAYMENTS, pay({ sink: 'https://mooring.example/callbacks', merchant: 'mer_1' }), [201])
    const prepared = await call('POST', `${PAYMENTS}/prepare`, pay({ amount: 0.07 }), [201])
    const id = String(at(prepared, 'paymentId'))
    await call('POST', `${PAYMENTS}/${id}/confirm`, phone, [202])
    await call('POST', `${PAYMENTS}/${id}/confirm`, phone, [409, 'CARRIER_BILLING.PAYMENT_CONFIRMED'])
    await call('GET', `${PAYMENTS}/${id}`, undefined, [200])
    await call('GET', `${PAYMENTS}?perPage=5&order=asc`, undefined, [200])
    const refund = (type: 'total' | 'partial', chargingInformation?: object) => {
      const code = newReference('RF01')
      const refundAmount = chargingInformation === undefined ? {} : { chargingInformation }
      return { type, amountTransaction: { clientCorrelator: code, referenceCode: code, refundAmount } }
    }
    const some = { amount: 0.01, currency: 'KES', description: 'x', isTaxIncluded: true }
    const part = await call('POST', refundsOf(id), refund('partial', some), [201])
    expect(refunds?.schemaFault('PartialRefund', part)).toBeNull()
    await call('POST', refundsOf(id), refund('total'), [422, 'CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT'])
    await call('GET', refundsOf(id), undefined, [200])
    await call('GET', `${refundsOf(id)}/${String(at(part, 'refundId'))}`, undefined, [200])
    await call('GET', `${refundsOf(id)}/remaining-amount`, undefined, [200])
    const whole = String(at(await call('POST', PAYMENTS, pay(), [201]), 'paymentId'))
    expect(refunds?.schemaFault('TotalRefund', await call('POST', refundsOf(whole), refund('total'), [201]))).toBeNull()
    await call('GET', `${refundsOf(whole)}/R0`, undefined, [404, 'NOT_FOUND'])
  })

  it('reservations that want a code', async () => {
    for (const [validation, schema] of [
      ['validate', 'Validate'],
      ['open', 'Open'],
    ] as const) {
      const payer = `+25470090000${validation.length}`
      await stage.control('POST', 'accounts', { account: payer, validation })
      const prepared = await call('POST', `${PAYMENTS}/prepare`, pay({ phone: payer }), [201])
      const info = at(prepared, 'validationInfo')
      expect(billing?.schemaFault(schema, info)).toBeNull()
      if (schema === 'Open') continue
      const path = `${PAYMENTS}/${String(at(prepared, 'paymentId'))}/validate`
      const authorizationId = at(info, 'authorizationId')
      const other = { authorizationId: 'x', code: '000000' }
      await call('POST', path, other, [400, 'CARRIER_BILLING.INVALID_AUTHORIZATION_ID'])
      await call('POST', path, { authorizationId, code: 'x' }, [400, 'CARRIER_BILLING.INVALID_CODE'])
      await call('POST', path, { authorizationId, code: await stage.code(payer) }, [204])
      await call('POST', path, { authorizationId, code: '0' }, [409, 'ALREADY_EXISTS'])
    }
  })

  it('refusals', async () => {
    const prepare = `${PAYMENTS}/prepare`
    await call('POST', prepare, { amountTransaction: {} }, [400, 'INVALID_ARGUMENT'])
    await call('POST', prepare, { ...pay(), sink: 'ftp://x' }, [400, 'INVALID_SINK'])
    const plain = { sink: 'https://x', sinkCredential: { credentialType: 'PLAIN', identifier: 'i', secret: 's' } }
    await call('POST', prepare, { ...pay(), ...plain }, [400, 'INVALID_CREDENTIAL'])
    const typed = { credentialType: 'ACCESSTOKEN', accessToken: 't', accessTokenType: 'mac' }
    await call('POST', PAYMENTS, { ...pay(), sink: 'https://x', sinkCredential: typed }, [400, 'INVALID_TOKEN'])
    const { amountTransaction } = pay()
    const { phoneNumber: _, ...nobody } = amountTransaction
    await call('POST', prepare, { amountTransaction: nobody }, [422, 'MISSING_IDENTIFIER'])
    await call('POST', PAYMENTS, pay({ amount: 10 ** 10 }), [422, 'CARRIER_BILLING.UNAUTHORIZED_AMOUNT'])
    await call('POST', PAYMENTS, pay({ amount: 10 ** 8 }), [403, 'CARRIER_BILLING.PAYMENT_DENIED'])
    for (const [nn, status, code] of [
      ['01', 403, 'CARRIER_BILLING.PAYMENT_DENIED'],
      ['02', 404, 'IDENTIFIER_NOT_FOUND'],
      ['03', 422, 'SERVICE_NOT_APPLICABLE'],
      ['04', 422, 'CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED'],
    ] as const)
      await call('POST', prepare, pay({ phone: `+999555000${nn}` }), [status, code])
    const twice = pay()
    await call('POST', prepare, twice, [201])
    await call('POST', prepare, twice, [400, 'INVALID_ARGUMENT'])
    await call('GET', `${PAYMENTS}/P0`, undefined, [404, 'NOT_FOUND'])
    await call('POST', `${PAYMENTS}/P0/cancel`, phone, [404, 'NOT_FOUND'])
    await call('GET', `${PAYMENTS}?perPage=1000`, undefined, [400, 'OUT_OF_RANGE'])
    for (const reason of ['UNAUTHENTICATED', 'PERMISSION_DENIED', 'TOO_MANY_REQUESTS', 'UNNECESSARY_IDENTIFIER']) {
      const request = pay()
      const reference = request.amountTransaction.referenceCode
      await stage.rule({ reference }, { kind: 'decline', reason })
      const said = await stage.call('POST', PAYMENTS, request, { 'x-correlator': 'mine' })
      expect([at(said.body, 'code'), said.headers.get('x-correlator')]).toEqual([reason, 'mine'])
      expect(billing?.answerFault('POST', PAYMENTS, said.status, said.body)).toBeNull()
    }
  })

  it('events, each of the schema that its type names', async () => {
    const SCHEMAS: Record<string, string> = {
      'payment-pending-validation': 'EventPaymentPendingValidation',
      'payment-reserved': 'EventPaymentReserved',
      'payment-completed': 'EventPaymentCompleted',
      'payment-cancelled': 'EventPaymentCancelled',
      'payment-denied': 'EventPaymentDenied',
      'refund-completed': 'EventRefundCompleted',
      'refund-denied': 'EventRefundDenied',
    }
    const soon = { kind: 'pending', after_s: 0.05 }
    const prepare = async (fault: object, over: Parameters<typeof paymentRequest>[1] = {}) => {
      const request = pay({ sink: stage.sinkUrl, ...over })
      await stage.rule({ reference: request.amountTransaction.referenceCode }, fault, 1)
      return String(at((await stage.call('POST', `${PAYMENTS}/prepare`, request)).body, 'paymentId'))
    }
    await stage.control('POST', 'accounts', { account: '+254700900009', validation: true })
    await prepare(soon, { phone: '+254700900009' })
    await prepare({ ...soon, then: 'declined' })
    const id = await prepare(soon)
    await expect
      .poll(async () => at((await stage.call('GET', `${PAYMENTS}/${id}`)).body, 'paymentStatus'))
      .toBe('reserved')
    await stage.call('POST', `${PAYMENTS}/${id}/confirm`, phone)
    await stage.call('POST', `${PAYMENTS}/${await prepare({ kind: 'delay', ms: 0 })}/cancel`, phone)
    for (const outcome of ['settled', 'declined']) {
      const code = newReference('RF01')
      await stage.rule({ reference: code }, { ...soon, then: outcome }, 1)
      const chargingInformation = { amount: 1, currency: 'KES', description: 'x', isTaxIncluded: true }
      const amountTransaction = { referenceCode: code, refundAmount: { chargingInformation } }
      await stage.call('POST', refundsOf(id), {
        type: 'partial',
        amountTransaction,
        sink: `${stage.sinkUrl}?ref=${code}`,
      })
    }
    const typeOf = (body: string) => String(at(JSON.parse(body), 'type')).replace(/^.*\./, '')
    const types = () => new Set(stage.events.map(({ body }) => typeOf(body)))
    await expect.poll(() => [...types()].toSorted()).toEqual(Object.keys(SCHEMAS).toSorted())
    for (const { body, headers } of stage.events) {
      const schema = SCHEMAS[typeOf(body)] ?? ''
      const api = schema.startsWith('EventRefund') ? refunds : billing
      expect(api?.schemaFault(schema, JSON.parse(body))).toBeNull()
      expect(headers['content-type']).toBe('application/cloudevents+json')
    }
  })
})
