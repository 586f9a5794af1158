import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collectFrom, GsmaStage, MONEY, moneyRequest, reversalOf, type Json } from '../support/gsma-stage.ts'

/** The operator refuses whatever is not exactly right, so that a connector's mistake fails loudly here. */

let stage: GsmaStage
beforeAll(async () => {
  stage = await GsmaStage.open()
})
afterAll(() => stage.close())

const refused = async (reference: string) => expect(await stage.moves(reference)).toEqual([])

describe('a caller', () => {
  test.each([
    ['without token', { authorization: null }],
    ['with another token', { authorization: `Bearer ${'0'.repeat(48)}` }],
    ['with its secret in place of a token', { authorization: `Basic ${Buffer.from('a:b').toString('base64')}` }],
    ['without API key', { 'x-api-key': null }],
    ['with the key that the operator shows', { 'x-api-key': MONEY.callback_api_key }],
  ])('%s is refused, order and question', async (_, headers) => {
    const request = moneyRequest('merchantpay')
    for (const answer of [await stage.post(request, { headers }), await stage.get('/heartbeat', headers)]) {
      expect(answer.status).toBe(401)
      expect(answer.body).toMatchObject({ errorCategory: 'authorisation', errorCode: 'clientAuthorisationError' })
    }
    // Refused unread: the same correlation id is still good.
    expect((await stage.post(request)).status).toBe(201)
  })

  test('gets a token for its own secret and for client credentials alone', async () => {
    const form = { grant_type: 'client_credentials' }
    expect((await stage.askToken(form, 'another-secret-00000')).status).toBe(401)
    expect((await stage.askToken({ grant_type: 'password' })).status).toBe(400)
    const granted = await stage.askToken(form)
    expect(await granted.json()).toMatchObject({ token_type: 'Bearer', expires_in: 300 })
  })

  test('needs a new token when the old one has expired', async () => {
    const token = await stage.token()
    await stage.control('POST', 'clock', { offset_s: 301 })
    const answer = await stage.get('/heartbeat', { authorization: `Bearer ${token}` })
    await stage.control('POST', 'clock', { offset_s: 0 })
    expect(answer.status).toBe(401)
  })
})

describe('an order', () => {
  const missing = ['accept-charset', 'x-correlationid', 'x-callback-url', 'x-date', 'x-client-id', 'x-content-hash']
  const headerFaults: [string, string, Record<string, string | null>, string][] = [
    ...missing.map((name): [string, string, Record<string, string | null>, string] => [
      `without ${name}`,
      'mandatoryValueNotSupplied',
      { [name]: null },
      name,
    ]),
    ['that accepts XML alone', 'formatError', { accept: 'text/xml' }, 'accept'],
    ['in another charset', 'formatError', { 'content-type': 'application/json; charset=latin1' }, 'content-type'],
    ['as a form', 'formatError', { 'content-type': 'application/x-www-form-urlencoded' }, 'content-type'],
    ['under a reference as correlation id', 'formatError', { 'x-correlationid': 'abc' }, 'x-correlationid'],
    [
      'with callbacks to somebody else',
      'formatError',
      { 'x-callback-url': 'https://elsewhere.example/v1/rails/gsma/callbacks' },
      'x-callback-url',
    ],
    ['of yesterday', 'formatError', { 'x-date': new Date(Date.now() - 86_400_000).toISOString() }, 'x-date'],
    ['with a date without zone', 'formatError', { 'x-date': '2026-11-28T12:00:00' }, 'x-date'],
    ['of another client', 'formatError', { 'x-client-id': 'somebody' }, 'x-client-id'],
    ['with the hash of other bytes', 'formatError', { 'x-content-hash': '0'.repeat(64) }, 'x-content-hash'],
  ]
  test.each(headerFaults)('%s is a %s', async (_, code, headers, key) => {
    const request = moneyRequest('merchantpay')
    const answer = await stage.post(request, { headers })
    expect(answer).toMatchObject({
      status: 400,
      body: { errorCategory: 'validation', errorCode: code, errorParameters: [{ key }] },
    })
    await refused(request.reference)
  })

  const own = [{ key: 'accountid', value: MONEY.account_id }]
  const customer = [{ key: 'msisdn', value: '+254700000001' }]
  const bodyFaults: [string, string, Json][] = [
    ['without amount', 'mandatoryValueNotSupplied', { amount: undefined }],
    ['with an amount that is a number', 'formatError', { amount: 125.5 }],
    ...[
      '125.505',
      '0125.50',
      '+125.50',
      '125,50',
      '1e2',
      ' 125.50',
      '125.',
      '.50',
      '125.50000',
      '',
      '0',
      '0.00',
      '1234567890123456789',
    ].map((amount): [string, string, Json] => [`over ${JSON.stringify(amount)}`, 'formatError', { amount }]),
    ['over less than nothing', 'negativeValue', { amount: '-125.50' }],
    ['without currency', 'mandatoryValueNotSupplied', { currency: undefined }],
    ['in a currency that is none', 'currencyNotSupported', { currency: 'XXX' }],
    ['in a currency of two letters', 'formatError', { currency: 'KE' }],
    ['with cents of a currency that has none', 'formatError', { currency: 'UGX', amount: '5.5' }],
    ['without our reference', 'mandatoryValueNotSupplied', { requestingOrganisationTransactionReference: undefined }],
    ['with a reference of other signs', 'formatError', { requestingOrganisationTransactionReference: 'a-b' }],
    ['without payer', 'mandatoryValueNotSupplied', { debitParty: undefined }],
    ['without payee', 'mandatoryValueNotSupplied', { creditParty: undefined }],
    ['with no party in the list', 'formatError', { debitParty: [] }],
    ['with two payers', 'mandatoryValueNotSupplied', { debitParty: [...customer, ...customer] }],
    ['the wrong way round', 'mandatoryValueNotSupplied', { debitParty: own, creditParty: customer }],
    ['from a number that is none', 'formatError', { debitParty: [{ key: 'msisdn', value: '+2547x' }] }],
    ['from a number too short', 'formatError', { debitParty: [{ key: 'msisdn', value: '+2547' }] }],
    ['with a description too long', 'lengthError', { descriptionText: 'x'.repeat(161) }],
    ['with a member nobody knows', 'formatError', { amont: '125.50' }],
    ['with a date that is none', 'formatError', { requestDate: 'today' }],
  ]
  test.each(bodyFaults)('%s is a %s', async (_, errorCode, over) => {
    const request = moneyRequest('merchantpay', over)
    expect(await stage.post(request)).toMatchObject({ status: 400, body: { errorCategory: 'validation', errorCode } })
    await refused(request.reference)
  })

  test.each([
    ['nothing', ''],
    ['half of it', '{"amount":"1'],
    ['a list', '[]'],
    ['an amount named twice', '{"amount":"1.00","amount":"900.00"}'],
    ['a party’s value named twice', '{"debitParty":[{"key":"msisdn","value":"1","v\\u0061lue":"2"}]}'],
    ['a depth nobody needs', '['.repeat(40) + ']'.repeat(40)],
  ])('whose body is %s is refused', async (_, raw) => {
    const answer = await stage.post(moneyRequest('merchantpay'), { raw })
    expect(answer).toMatchObject({ status: 400, body: { errorCategory: 'validation' } })
  })

  test('larger than any of its kind is refused', async () => {
    expect((await stage.post(moneyRequest('merchantpay'), { raw: ' '.repeat(70_000) })).status).toBe(413)
  })

  test('may write its number with blanks and without plus, and its amount with four decimals', async () => {
    const request = collectFrom('254 700 000 017', { amount: '125.5000' })
    expect((await stage.post(request)).body).toMatchObject({ amount: '125.50', transactionStatus: 'completed' })
    expect(await stage.moves(request.reference)).toMatchObject([{ account: '+254700000017', amount: '12550' }])
  })

  test('to an account of ours that is not ours is refused', async () => {
    const request = moneyRequest('merchantpay', { creditParty: [{ key: 'accountid', value: 'somebody' }] })
    expect(await stage.post(request)).toMatchObject({ status: 404, body: { errorCode: 'identifierError' } })
  })

  test('refused for its form is refused for good: its correlation id is used up, and tells why', async () => {
    const request = moneyRequest('merchantpay', { amount: '1.234' })
    await stage.post(request)
    const better = { ...request, body: { ...request.body, amount: '1.23' } }
    expect(await stage.post(better)).toMatchObject({ status: 400, body: { errorCode: 'duplicateRequest' } })
    expect((await stage.lookUp(request)).body).toMatchObject({ status: 'failed', error: { errorCode: 'formatError' } })
    await refused(request.reference)
  })
})

describe('sent again', () => {
  test('an order under its correlation id is a duplicate, whatever it says, and moves once', async () => {
    const request = moneyRequest('merchantpay')
    expect((await stage.post(request)).status).toBe(201)
    const bent = { ...request, body: { ...request.body, amount: 'nonsense' } }
    for (const again of [request, bent, { ...request, correlationId: request.correlationId.toUpperCase() }]) {
      expect(await stage.post(again)).toMatchObject({ status: 400, body: { errorCode: 'duplicateRequest' } })
    }
    expect(await stage.moves(request.reference)).toMatchObject([{ times_requested: 4, amount: '12550' }])
    expect((await stage.lookUp(request)).body).toMatchObject({ transactionStatus: 'completed' })
  })

  test('a reference under another correlation id is a duplicate, and moves once', async () => {
    const request = moneyRequest('disbursement')
    await stage.post(request)
    expect(await stage.post({ ...request, correlationId: randomUUID() })).toMatchObject({
      status: 400,
      body: { errorCode: 'duplicateRequest' },
    })
    expect(await stage.moves(request.reference)).toHaveLength(1)
  })

  test('twenty times at once, an order moves once', async () => {
    const request = moneyRequest('merchantpay')
    const answers = await Promise.all(Array.from({ length: 20 }, () => stage.post(request)))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19)
    expect(await stage.moves(request.reference)).toMatchObject([{ times_requested: 20 }])
  })
})

describe('a reversal', () => {
  const settled = async (): Promise<string> =>
    String((await stage.post(moneyRequest('merchantpay'))).body['transactionReference'])
  const part = (amount: string): Json => ({ type: 'adjustment', amount, currency: 'KES' })

  test('gives back all of it, once, and turns its original', async () => {
    const original = await settled()
    const request = reversalOf(original)
    expect(await stage.post(request)).toMatchObject({
      status: 201,
      body: {
        originalTransactionReference: original,
        type: 'reversal',
        amount: '125.50',
        transactionStatus: 'completed',
      },
    })
    expect((await stage.get(`/transactions/${original}`)).body).toMatchObject({ transactionStatus: 'reversed' })
    expect(await stage.post(reversalOf(original))).toMatchObject({ status: 400, body: { errorCode: 'incorrectState' } })
    expect(await stage.moves(request.reference)).toMatchObject([
      { operation: 'refund', amount: '12550', effect: 'moved' },
    ])
  })

  test('in parts gives back no more than there was', async () => {
    const original = await settled()
    expect((await stage.post(reversalOf(original, part('100.00')))).status).toBe(201)
    expect(await stage.post(reversalOf(original, part('25.51')))).toMatchObject({
      body: { errorCode: 'overPaymentNotAllowed' },
    })
    expect(await stage.post(reversalOf(original))).toMatchObject({ body: { errorCode: 'incorrectState' } })
    expect((await stage.post(reversalOf(original, part('25.50')))).status).toBe(201)
    expect(await stage.post(reversalOf(original, part('0.01')))).toMatchObject({
      body: { errorCode: 'overPaymentNotAllowed' },
    })
  })

  test.each([
    ['of nothing', () => Promise.resolve('MMnothing'), {}, 'identifierError'],
    [
      'of a pay-out',
      async () => String((await stage.post(moneyRequest('disbursement'))).body['transactionReference']),
      {},
      'identifierError',
    ],
    ['in part without an amount', settled, { type: 'adjustment' }, 'mandatoryValueNotSupplied'],
    ['with an amount without currency', settled, { type: 'adjustment', amount: '1.00' }, 'formatError'],
    ['in another currency', settled, { type: 'adjustment', amount: '1.00', currency: 'EUR' }, 'transactionTypeError'],
    ['of a part as if it were all', settled, { amount: '1.00', currency: 'KES' }, 'underPaymentNotAllowed'],
    ['of a kind nobody knows', settled, { type: 'refund' }, 'formatError'],
  ])('%s is refused', async (_, original, over, errorCode) => {
    const request = reversalOf(await original(), over)
    expect((await stage.post(request)).body).toMatchObject({ errorCode })
    await refused(request.reference)
  })
})

test.each([
  '/transactions/MMnothing',
  `/requeststates/${randomUUID()}`,
  `/responses/${randomUUID()}`,
  '/nothing',
  '/accounts/accountid/somebody/balance',
  '/statemententries/MMnothing',
])('nothing is found at %s, and it says so', async (path) => {
  expect(await stage.get(path)).toMatchObject({
    status: 404,
    body: { errorCategory: 'identification', errorCode: 'identifierError' },
  })
})
