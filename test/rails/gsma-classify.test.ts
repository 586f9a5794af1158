import { describe, expect, it, test } from 'vitest'
import { CURRENCIES } from '../../src/contract/names.ts'
import { RAIL_OPERATIONS, type RailOperation } from '../../src/domain/attempt.ts'
import { readTransaction } from '../../src/rails/gsma/answer.ts'
import { classifySent, classifyTransaction } from '../../src/rails/gsma/classify.ts'
import type { RailOrder } from '../../src/rails/port.ts'
import { ACCOUNT_ID, magicPhone, makeMoneyOrder } from './support/gsma.ts'

/** Tables 3.2 and 3.3 of connectors.md row by row, as values. */

const OURS = { accountId: ACCOUNT_ID, currencies: CURRENCIES }
const UUID = '0c0ffee0-0000-4000-8000-000000000001'

const ORIGINAL = {
  reference: 'mcollect',
  uetr: UUID,
  amountMinor: 12_346n,
  dispatchedAtMs: 0,
  railReference: 'MM1',
  memo: {},
}

function orderOf(operation: RailOperation, more: Partial<RailOrder> = {}): RailOrder {
  return makeMoneyOrder({ operation, original: operation === 'refund' ? ORIGINAL : null, ...more })
}

const sent = (order: RailOrder, status: number, json: unknown) =>
  classifySent({ status, headers: {}, json }, order, OURS)
const error = (errorCategory: string, errorCode: string) => ({ errorCategory, errorCode })

/** The transaction of an order as an operator would tell it. */
function transactionOf(order: RailOrder, more: Record<string, unknown> = {}): Record<string, unknown> {
  const customer = [{ key: 'msisdn', value: magicPhone(0) }]
  const own = [{ key: 'accountid', value: ACCOUNT_ID }]
  const isCollect = order.operation === 'collect'
  const isWhole = order.original !== null && order.amountMinor === order.original.amountMinor
  const types = { collect: 'merchantpay', payOut: 'disbursement', refund: isWhole ? 'reversal' : 'adjustment' }
  return {
    transactionReference: 'MM2',
    requestingOrganisationTransactionReference: order.reference,
    ...(order.operation === 'refund' ? { originalTransactionReference: 'MM1' } : {}),
    type: types[order.operation],
    transactionStatus: 'completed',
    amount: '123.46',
    currency: 'KES',
    debitParty: isCollect ? customer : own,
    creditParty: isCollect ? own : customer,
    ...more,
  }
}

const asked = (order: RailOrder, json: unknown) => {
  const transaction = readTransaction(json)
  if (transaction === null) throw new Error('no transaction')
  return classifyTransaction(transaction, 'inquiry', order, OURS)
}

const LIMITS = [
  ...['daily', 'weekly', 'monthly'].flatMap((span) => [`${span}ValueLimitExceeded`, `${span}VolumeLimitExceeded`]),
  'accountMaxTotalValueExceeded',
  'accountMaxTotalVolumeExceeded',
  'lessThanTransactionMinValue',
  'greaterThanTransactionMaxValue',
  'maxBalanceExceeded',
]
const BY_RAIL = [
  'samePartiesError',
  'underPaymentNotAllowed',
  'overPaymentNotAllowed',
  'transactionTypeError',
  'linkViolation',
  'countryofOriginNotPermitted',
  'nationalityNotPermitted',
  'idDocumentNotSupported',
  'issuingCountryNotSupported',
  'quoteHasExpired',
  'genericError',
]

describe('an error object in answer to an order', () => {
  const declined: [string, number, string, string, boolean][] = [
    ['businessRule', 400, 'insufficientFunds', 'insufficient_funds', false],
    ['businessRule', 400, 'noMandateAuthority', 'source_not_usable', false],
    ['businessRule', 400, 'incorrectState', 'source_not_usable', false],
    ...LIMITS.map((code): [string, number, string, string, boolean] => [
      'businessRule',
      400,
      code,
      'limit_exceeded',
      false,
    ]),
    ...BY_RAIL.map((code): [string, number, string, string, boolean] => [
      'businessRule',
      400,
      code,
      'declined_by_rail',
      false,
    ]),
    ...[
      'lengthError',
      'formatError',
      'negativeValue',
      'currencyNotSupported',
      'mandatoryValueNotSupplied',
      'invalidOffset',
      'genericError',
    ].map((code): [string, number, string, string, boolean] => ['validation', 400, code, 'declined_by_rail', true]),
    ['authorisation', 401, 'requestDeclined', 'declined_by_payer', false],
    ['identification', 404, 'identifierError', 'source_not_usable', false],
  ]
  test.each(declined)('%s %i %s declines a collect as %s', (category, status, code, as, alarm) => {
    expect(sent(orderOf('collect'), status, error(category, code))).toMatchObject({
      kind: 'declined',
      code: as,
      alarm,
      reason: code,
      evidence: { via: 'answer', status: `${category}/${code}` },
    })
  })

  test.each(['payOut', 'refund'] as const)(
    'insufficientFunds of a %s is our own account, and somebody looks',
    (operation) => {
      expect(sent(orderOf(operation), 400, error('businessRule', 'insufficientFunds'))).toMatchObject({
        kind: 'declined',
        code: 'declined_by_rail',
        alarm: true,
      })
    },
  )

  test.each([
    ['businessRule', 400, 'incorrectState', false],
    ['identification', 404, 'identifierError', true],
  ])('%s %i %s of a refund is about its original', (category, status, code, alarm) => {
    expect(sent(orderOf('refund'), status, error(category, code))).toMatchObject({ code: 'declined_by_rail', alarm })
  })

  const undecided: [string, number, string, boolean][] = [
    ['businessRule', 400, 'duplicateRequest', false],
    ['businessRule', 400, 'rateLimitError', false],
    ['authorisation', 401, 'clientAuthorisationError', true],
    ['authorisation', 401, 'requestingPartyAuthorisationError', true],
    ['authorisation', 401, 'servicingPartyAuthorisationError', true],
    ['internal', 500, 'genericError', false],
    ['serviceUnavailable', 503, 'genericError', false],
    // Words nobody published, and words under another's status.
    ['businessRule', 400, 'accountIsSleeping', true],
    ['weather', 400, 'genericError', true],
    ['businessRule', 500, 'insufficientFunds', true],
    ['businessRule', 404, 'insufficientFunds', true],
    ['identification', 400, 'identifierError', true],
    ['validation', 200, 'formatError', true],
  ]
  test.each(undecided)('%s %i %s decides nothing', (category, status, code, alarm) => {
    for (const operation of RAIL_OPERATIONS) {
      expect(sent(orderOf(operation), status, error(category, code))).toMatchObject({ kind: 'unknown', alarm })
    }
  })

  it('reads alike in the OpenAPI file’s spelling and in that of the text pages', () => {
    for (const [category, code] of [
      ['BusinessRule', 'InsufficientFunds'],
      ['business Rule', 'insufficient funds'],
      ['BUSINESSRULE', 'INSUFFICIENTFUNDS'],
    ] as const) {
      expect(sent(orderOf('collect'), 400, error(category, code))).toMatchObject({ code: 'insufficient_funds' })
    }
    expect(sent(orderOf('collect'), 503, error('Service Unavailable', 'GenericError'))).toMatchObject({ alarm: false })
    expect(sent(orderOf('collect'), 400, error('BusinessRule', 'DuplicateRequest'))).toMatchObject({ kind: 'unknown' })
  })

  test.each([400, 401, 404, 500, 503, 301, 200, 204, 409])(
    'of %i without an error object decides nothing',
    (status) => {
      for (const json of [{}, null, [], 'no', { errorCategory: 'businessRule' }, { errorCode: 'insufficientFunds' }]) {
        expect(sent(orderOf('collect'), status, json).kind).toBe('unknown')
      }
    },
  )
})

describe('a transaction', () => {
  const final = (order: RailOrder, more: Record<string, unknown> = {}) => sent(order, 201, transactionOf(order, more))

  test.each(RAIL_OPERATIONS)('completed settles a %s, and its reference is kept', (operation) => {
    const order = orderOf(operation, { memo: { serverCorrelationId: UUID } })
    for (const outcome of [final(order), asked(order, transactionOf(order))]) {
      expect(outcome).toMatchObject({
        kind: 'settled',
        evidence: { railReference: 'MM2' },
        memo: { transactionReference: 'MM2', serverCorrelationId: UUID },
      })
    }
  })

  test.each([
    ['123.4600', 'settled'],
    ['123.4601', 'unknown'],
    ['123.47', 'unknown'],
    ['123.5', 'unknown'],
    ['0123.46', 'unknown'],
    ['12346', 'unknown'],
    ['-123.46', 'unknown'],
  ])('over %s is %s of an order over 123.46', (amount, kind) => {
    expect(final(orderOf('collect'), { amount }).kind).toBe(kind)
  })

  test.each([
    ['another reference', { requestingOrganisationTransactionReference: 'somebody' }],
    ['no reference', { requestingOrganisationTransactionReference: undefined }],
    ['another currency', { currency: 'EUR' }],
    ['no currency', { currency: undefined }],
    ['no amount', { amount: undefined }],
    ['an amount that is a number', { amount: 123.46 }],
    ['the other type', { type: 'transfer' }],
    ['no debit party', { debitParty: undefined }],
    ['no credit party', { creditParty: undefined }],
    ['another customer', { debitParty: [{ key: 'msisdn', value: '+254700000009' }] }],
    [
      'a second customer',
      {
        debitParty: [
          { key: 'msisdn', value: magicPhone(0) },
          { key: 'msisdn', value: '+254700000009' },
        ],
      },
    ],
    ['a customer under another key', { debitParty: [{ key: 'walletid', value: magicPhone(0) }] }],
    ['another account of ours', { creditParty: [{ key: 'accountid', value: 'somebody' }] }],
    [
      'parties the wrong way round',
      { debitParty: [{ key: 'accountid', value: ACCOUNT_ID }], creditParty: [{ key: 'msisdn', value: magicPhone(0) }] },
    ],
    ['a status nobody published', { transactionStatus: 'succeeded' }],
    ['no status', { transactionStatus: undefined }],
    ['failed, which would have been refused', { transactionStatus: 'failed' }],
    ['reversed already', { transactionStatus: 'reversed' }],
  ])('with %s is unknown, and somebody looks', (_, more) => {
    expect(final(orderOf('collect'), more)).toMatchObject({ kind: 'unknown', alarm: true })
  })

  test.each([
    ['without plus', '999555000 00'.replace(' ', '')],
    ['with blanks', '+999 555 000 00'],
    ['with other identifiers beside it', null],
  ])('names the customer %s all the same', (_, value) => {
    const debitParty =
      value === null
        ? [
            { key: 'walletid', value: '17' },
            { key: 'MSISDN', value: magicPhone(0) },
          ]
        : [{ key: 'msisdn', value }]
    expect(final(orderOf('collect'), { debitParty }).kind).toBe('settled')
  })

  test.each([
    ['Completed', 'settled'],
    ['pending', 'pending'],
    ['failed', 'declined'],
    ['reversed', 'reversed'],
    ['cancelled', 'unknown'],
  ])('that an inquiry shows as %s is %s', (transactionStatus, kind) => {
    const order = orderOf('payOut')
    expect(asked(order, transactionOf(order, { transactionStatus })).kind).toBe(kind)
  })

  it('of another order is not declined by having failed', () => {
    const order = orderOf('collect')
    const other = transactionOf(order, { transactionStatus: 'failed', requestingOrganisationTransactionReference: 'x' })
    expect(asked(order, other).kind).toBe('unknown')
  })

  describe('of a refund', () => {
    it('may leave out the parties, which are its original’s, but not name others', () => {
      const order = orderOf('refund')
      expect(final(order, { debitParty: undefined, creditParty: undefined }).kind).toBe('settled')
      expect(final(order, { debitParty: undefined }).kind).toBe('unknown')
      expect(final(order, { creditParty: [{ key: 'msisdn', value: '+254700000009' }] }).kind).toBe('unknown')
    })

    it('is unknown without an amount, until the transaction itself tells it', () => {
      const whole = orderOf('refund')
      const outcome = final(whole, { amount: undefined, currency: undefined })
      expect(outcome).toMatchObject({ kind: 'unknown', alarm: false, memo: { transactionReference: 'MM2' } })
      const part = orderOf('refund', { amountMinor: 100n })
      expect(final(part, { amount: undefined, currency: undefined })).toMatchObject({ kind: 'unknown', alarm: true })
    })

    test.each([
      { originalTransactionReference: 'MM9' },
      { originalTransactionReference: undefined },
      { type: 'adjustment' },
    ])('is unknown with %j', (more) => {
      expect(final(orderOf('refund'), more).kind).toBe('unknown')
    })

    it('is an adjustment where it gives back a part', () => {
      const order = orderOf('refund', { amountMinor: 100n })
      expect(final(order, { amount: '1' }).kind).toBe('settled')
      expect(final(order, { amount: '1', type: 'reversal' }).kind).toBe('unknown')
    })
  })
})

describe('a request state in answer to an order', () => {
  const state = (more: Record<string, unknown>) =>
    sent(orderOf('collect'), 202, {
      serverCorrelationId: UUID,
      notificationMethod: 'callback',
      status: 'pending',
      ...more,
    })

  it('pending is pending, and kept with its poll limit', () => {
    expect(state({ pollLimit: 5 })).toMatchObject({
      kind: 'pending',
      evidence: { id: UUID },
      memo: { serverCorrelationId: UUID, pollLimit: '5' },
    })
  })

  it('completed is pending until its transaction has been read', () => {
    expect(state({ status: 'completed', objectReference: 'MM2' })).toMatchObject({
      kind: 'pending',
      memo: { transactionReference: 'MM2' },
    })
  })

  test.each(['error', 'errorReference'])('failed with %s declines by it', (name) => {
    const failed = { status: 'failed', [name]: error('businessRule', 'insufficientFunds') }
    expect(state(failed)).toMatchObject({ kind: 'declined', code: 'insufficient_funds', evidence: { id: UUID } })
  })

  test.each([
    undefined,
    error('internal', 'genericError'),
    error('serviceUnavailable', 'genericError'),
    error('businessRule', 'duplicateRequest'),
  ])('failed with %j decides nothing', (failure) => {
    expect(state({ status: 'failed', error: failure })).toMatchObject({
      kind: 'unknown',
      memo: { serverCorrelationId: UUID },
    })
  })

  test.each([
    { status: 'done' },
    { serverCorrelationId: 'nine' },
    { serverCorrelationId: undefined },
    { pollLimit: 0 },
    { notificationMethod: 'pigeon' },
  ])('with %j is unknown, and somebody looks', (more) => {
    expect(state(more)).toMatchObject({ kind: 'unknown', alarm: true })
  })
})
