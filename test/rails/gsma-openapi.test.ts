import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CURRENCIES } from '../../src/contract/names.ts'
import { wireOrder } from '../../src/rails/gsma/order.ts'
import {
  collectFrom,
  GsmaStage,
  magic,
  MONEY,
  moneyRequest,
  reversalOf,
  type MoneyAnswer,
} from '../support/gsma-stage.ts'
import { openApi } from '../support/openapi.ts'
import { until } from '../support/sim-process.ts'
import { ACCOUNT_ID, makeMoneyOrder } from './support/gsma.ts'

/** What connector and simulator write is of the published Mobile Money API 1.2.0. */

const published = openApi('gsma/mobile-money-api-1.2.0.yaml')
const { missing } = published
const notes = missing === null ? '' : `, ${missing}`
const { violation } = published

describe.skipIf(missing !== null)(`requests against the published file${notes}`, () => {
  const original = {
    reference: 'mcollect',
    uetr: '0c0ffee0-0000-4000-8000-000000000001',
    amountMinor: 12_346n,
    dispatchedAtMs: 0,
    railReference: 'MM1',
    memo: {},
  }
  const currencies = Object.keys(CURRENCIES)

  test.each([
    ['collect', 'requestTransactionType', {}],
    ['payOut', 'requestTransactionType', {}],
    ['refund', 'requestReversal', { original }],
    ['refund', 'requestReversal', { original, amountMinor: 1n }],
  ] as const)('a %s is a %s, in every currency', (operation, schema, more) => {
    for (const currency of currencies) {
      const order = makeMoneyOrder({ operation, currency, description: 'x'.repeat(140), ...more })
      const { path, body } = wireOrder(order, { accountId: ACCOUNT_ID, currencies: CURRENCIES })
      expect(violation(schema, JSON.parse(body.toString()))).toBeNull()
      expect(path).toMatch(/^\/transactions\/(type\/(merchantpay|disbursement)|MM1\/reversals)$/)
    }
  })

  test('the published file itself refuses what it should, so that it is really asked', () => {
    const { body } = wireOrder(makeMoneyOrder(), { accountId: ACCOUNT_ID, currencies: CURRENCIES })
    const good = JSON.parse(body.toString()) as Record<string, unknown>
    for (const bent of [{ amount: '01' }, { amount: 1 }, { currency: 'XYZ' }, { requestDate: 'today' }]) {
      expect(violation('requestTransactionType', { ...good, ...bent })).not.toBeNull()
    }
    const state = { serverCorrelationId: original.uetr, status: 'pending', notificationMethod: 'polling' }
    expect(violation('requestStateObject', { ...state, pollLimit: 1 })).toBeNull()
    expect(violation('requestStateObject', { ...state, pollLimit: 0 })).not.toBeNull()
  })
})

describe.skipIf(missing !== null)(`answers against the published file${notes}`, () => {
  let stage: GsmaStage
  beforeAll(async () => {
    stage = await GsmaStage.open()
  })
  afterAll(() => stage.close())

  /** What is wrong with an answer; null where it has its status, and a body of the schema. */
  const wrong = (answer: MoneyAnswer, status: number, schema: string): string | null => {
    if (answer.status !== status) return `status ${answer.status}: ${answer.text}`
    if (answer.headers.get('content-type')?.startsWith('application/json') !== true) return 'another content type'
    if (Number.isNaN(Date.parse(answer.headers.get('x-date') ?? ''))) return 'no date'
    const json: unknown = JSON.parse(answer.text)
    if (!Array.isArray(json)) return violation(schema, json)
    if (json.length === 0) return 'an empty list shows nothing'
    return json.map((item) => violation(schema, item)).find((one) => one !== null) ?? null
  }

  test('orders, their request states, responses and transactions', async () => {
    const collect = moneyRequest('merchantpay')
    const settled = await stage.post(collect)
    expect(wrong(settled, 201, 'responseTransactionType')).toBeNull()
    expect(wrong(await stage.post(moneyRequest('disbursement')), 201, 'responseTransactionType')).toBeNull()
    const reference = String(settled.body['transactionReference'])
    expect(wrong(await stage.get(`/transactions/${reference}`), 200, 'responseTransaction')).toBeNull()
    expect(wrong(await stage.get(`/responses/${collect.correlationId}`), 200, 'responseResponse')).toBeNull()
    const part = reversalOf(reference, { type: 'adjustment', amount: '0.50', currency: 'KES' })
    expect(wrong(await stage.post(part), 201, 'responseReversal')).toBeNull()
    const whole = String((await stage.post(moneyRequest('merchantpay'))).body['transactionReference'])
    const reversed = await stage.post(reversalOf(whole))
    expect(wrong(reversed, 201, 'responseReversal')).toBeNull()
    expect(
      wrong(
        await stage.get(`/transactions/${String(reversed.body['transactionReference'])}`),
        200,
        'responseTransaction',
      ),
    ).toBeNull()

    const pending = collectFrom(magic('14'))
    expect(wrong(await stage.post(pending), 202, 'requestStateObject')).toBeNull()
    expect(wrong(await stage.lookUp(pending), 200, 'requestStateObject')).toBeNull()
    await stage.control('POST', 'decide', { reference: pending.reference, outcome: 'declined' })
    expect(wrong(await stage.lookUp(pending), 200, 'requestStateObject')).toBeNull()
    const expiring = collectFrom('+254700000001')
    await stage.rule(expiring.reference, { kind: 'expire', after_s: 60 })
    expect(wrong(await stage.post(expiring), 202, 'requestStateObject')).toBeNull()
  })

  test.each([
    ['01', 400],
    ['02', 404],
    ['05', 401],
  ])('the refusal of number %s', async (nn, status) => {
    const request = collectFrom(magic(nn))
    expect(wrong(await stage.post(request), status, 'errorObject')).toBeNull()
    expect(wrong(await stage.lookUp(request), 200, 'requestStateObject')).toBeNull()
    expect(wrong(await stage.post(request), 400, 'errorObject')).toBeNull()
  })

  test('refusals of form and of rights, and nothing found', async () => {
    const malformed = moneyRequest('merchantpay', { amount: '1.234' })
    expect(wrong(await stage.post(malformed), 400, 'errorObject')).toBeNull()
    expect(wrong(await stage.lookUp(malformed), 200, 'requestStateObject')).toBeNull()
    expect(wrong(await stage.get('/heartbeat', { authorization: null }), 401, 'errorObject')).toBeNull()
    expect(wrong(await stage.get('/transactions/MMnothing'), 404, 'errorObject')).toBeNull()
  })

  test('lists, entries, balance and heartbeat', async () => {
    const returned = moneyRequest('merchantpay')
    await stage.rule(returned.reference, { kind: 'return_later', after_s: 0 })
    const { body } = await stage.post(returned)
    await until('it is returned', async () => (await stage.moves(returned.reference)).length === 2)
    const account = `/accounts/accountid/${MONEY.account_id}`
    expect(wrong(await stage.get(`${account}/transactions?limit=200`), 200, 'responseTransaction')).toBeNull()
    expect(wrong(await stage.get(`${account}/statemententries?limit=200`), 200, 'responseStatementEntries')).toBeNull()
    expect(
      wrong(
        await stage.get(`/statemententries/${String(body['transactionReference'])}`),
        200,
        'responseStatementEntries',
      ),
    ).toBeNull()
    expect(wrong(await stage.get(`${account}/balance`), 200, 'responseAccountBalance')).toBeNull()
    expect(wrong(await stage.get(`${account}/status`), 200, 'responseAccountStatus')).toBeNull()
    expect(wrong(await stage.get('/heartbeat'), 200, 'responseHeartbeat')).toBeNull()
  })

  test('callbacks: a transaction, a reversal, an error', async () => {
    const soon = { kind: 'contradict_callback', after_s: 0.1 }
    const collect = moneyRequest('merchantpay')
    await stage.rule(collect.reference, soon)
    await stage.post(collect)
    const settled = String((await stage.post(moneyRequest('merchantpay'))).body['transactionReference'])
    const refund = reversalOf(settled)
    await stage.rule(refund.reference, soon)
    await stage.post(refund)
    for (const [{ reference }, schema] of [
      [collect, 'responseTransaction'],
      [refund, 'responseReversal'],
    ] as const) {
      const [success, failure] = await until('both callbacks', () => {
        const seen = stage.callbacksFor(reference)
        return seen.length === 2 ? seen : null
      })
      expect(violation(schema, success?.body)).toBeNull()
      expect(violation('errorObject', failure?.body)).toBeNull()
    }
  })
})
