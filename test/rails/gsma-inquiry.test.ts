import { describe, expect, it, test } from 'vitest'
import { CURRENCIES } from '../../src/contract/names.ts'
import type { JsonReply } from '../../src/rails/gsma/answer.ts'
import { inquire } from '../../src/rails/gsma/inquiry.ts'
import type { RailOrder } from '../../src/rails/port.ts'
import { ACCOUNT_ID, magicPhone, makeMoneyOrder } from './support/gsma.ts'

/** The inquiry against an operator that answers by a script: where it asks, and what it makes of it. */

const ORIGIN = 'https://operator.example'
const ROOT = '/v1.2/mm'
const STATE_ID = '0c0ffee0-0000-4000-8000-000000000001'
const NOW_MS = Date.UTC(2026, 10, 28, 12)
const SETTLE_MS = 68_000
const NOTHING = { status: 404, json: { errorCategory: 'identification', errorCode: 'identifierError' } }

type Told = { status: number; json: unknown; headers?: JsonReply['headers'] } | null

/** Answers by path without query; a path that is not in the script gets no answer. */
async function ask(
  order: RailOrder,
  script: Record<string, Told>,
  more: { linksPendingRequests?: boolean; nowMs?: number } = {},
) {
  const paths: string[] = []
  const outcome = await inquire(
    order,
    (path) => {
      paths.push(path)
      const told = script[path] ?? script[path.split('?')[0] ?? ''] ?? null
      return Promise.resolve(told === null ? null : { headers: {}, ...told })
    },
    {
      ours: { accountId: ACCOUNT_ID, currencies: CURRENCIES },
      origin: ORIGIN,
      root: ROOT,
      linksPendingRequests: more.linksPendingRequests ?? true,
      settleMs: SETTLE_MS,
      nowMs: () => more.nowMs ?? NOW_MS,
    },
  )
  return { outcome, paths }
}

const order = makeMoneyOrder({ dispatchedAtMs: NOW_MS - SETTLE_MS })
const responses = `/responses/${order.uetr}`
const withMemo = (memo: RailOrder['memo']): RailOrder => ({ ...order, memo })
const link = (to: string): Told => ({ status: 200, json: { link: to } })

function transaction(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    transactionReference: 'MM1',
    requestingOrganisationTransactionReference: order.reference,
    type: 'merchantpay',
    transactionStatus: 'completed',
    amount: '123.46',
    currency: 'KES',
    debitParty: [{ key: 'msisdn', value: magicPhone(0) }],
    creditParty: [{ key: 'accountid', value: ACCOUNT_ID }],
    ...more,
  }
}
const state = (more: Record<string, unknown> = {}): Told => ({
  status: 200,
  json: { serverCorrelationId: STATE_ID, status: 'pending', notificationMethod: 'callback', ...more },
})
const list = (items: readonly unknown[], available = items.length): Told => ({
  status: 200,
  json: items,
  headers: { 'x-records-available-count': String(available), 'x-records-returned-count': String(items.length) },
})
const LIST = `/accounts/accountid/${ACCOUNT_ID}/transactions`

describe('an inquiry', () => {
  it('reads the transaction where its reference is known, and asks nothing else', async () => {
    const known = withMemo({ transactionReference: 'MM1', serverCorrelationId: STATE_ID })
    const { outcome, paths } = await ask(known, { '/transactions/MM1': { status: 200, json: transaction() } })
    expect(outcome.kind).toBe('settled')
    expect(paths).toEqual(['/transactions/MM1'])
  })

  it('asks the request state first, counts it, and reads what it names', async () => {
    const { outcome, paths } = await ask(withMemo({ serverCorrelationId: STATE_ID, pollLimit: '5', polls: '2' }), {
      [`/requeststates/${STATE_ID}`]: state({ status: 'completed', objectReference: 'MM1' }),
      '/transactions/MM1': { status: 200, json: transaction() },
    })
    expect(outcome).toMatchObject({ kind: 'settled', memo: { polls: '3', transactionReference: 'MM1' } })
    expect(paths).toHaveLength(2)
  })

  it('keeps the reference that it learnt where the transaction cannot be read yet', async () => {
    const { outcome } = await ask(withMemo({ serverCorrelationId: STATE_ID }), {
      [`/requeststates/${STATE_ID}`]: state({ status: 'completed', objectReference: 'MM1' }),
    })
    expect(outcome).toMatchObject({ kind: 'unknown', memo: { transactionReference: 'MM1', polls: '1' } })
  })

  it('does not ask the request state once its poll limit is spent', async () => {
    const spent = withMemo({ serverCorrelationId: STATE_ID, pollLimit: '2', polls: '2' })
    const { outcome, paths } = await ask(spent, {
      [responses]: link('/v1.2/mm/transactions/MM1'),
      '/transactions/MM1': { status: 200, json: transaction() },
    })
    expect(outcome.kind).toBe('settled')
    expect(paths).toEqual([responses, '/transactions/MM1'])
  })

  it('finds a request state that is gone by our own correlation id', async () => {
    const { outcome, paths } = await ask(withMemo({ serverCorrelationId: STATE_ID }), {
      [`/requeststates/${STATE_ID}`]: { status: 404, json: 'not found' },
      [responses]: link('/v1.2/mm/transactions/MM1'),
      '/transactions/MM1': { status: 200, json: transaction({ transactionStatus: 'failed' }) },
    })
    expect(outcome.kind).toBe('declined')
    expect(paths).toHaveLength(3)
  })

  it('of a request that is pending under our correlation id is pending, and keeps the operator’s', async () => {
    const { outcome } = await ask(order, {
      [responses]: link(`/v1.2/mm/requeststates/${STATE_ID}`),
      [`/requeststates/${STATE_ID}`]: state({ pollLimit: 9 }),
    })
    expect(outcome).toMatchObject({
      kind: 'pending',
      memo: { serverCorrelationId: STATE_ID, pollLimit: '9', polls: '1' },
    })
  })

  it('declines by the error of a failed request state', async () => {
    const error = { errorCategory: 'authorisation', errorCode: 'requestDeclined' }
    const { outcome } = await ask(withMemo({ serverCorrelationId: STATE_ID }), {
      [`/requeststates/${STATE_ID}`]: state({ status: 'failed', error }),
    })
    expect(outcome).toMatchObject({ kind: 'declined', code: 'declined_by_payer' })
  })

  test.each([
    undefined,
    { errorCategory: 'internal', errorCode: 'genericError' },
    { errorCategory: 'serviceUnavailable', errorCode: 'genericError' },
    { errorCategory: 'businessRule', errorCode: 'duplicateRequest' },
  ])('looks into our account where a request state failed with %j', async (error) => {
    const script = {
      [`/requeststates/${STATE_ID}`]: state({ status: 'failed', error }),
      [responses]: link(`/requeststates/${STATE_ID}`),
    }
    const known = withMemo({ serverCorrelationId: STATE_ID })
    const found = await ask(known, {
      ...script,
      [LIST]: list([transaction({ requestingOrganisationTransactionReference: 'x' }), transaction()]),
    })
    expect(found.outcome.kind).toBe('settled')
    expect(found.paths.filter((path) => path.startsWith('/requeststates'))).toHaveLength(1)
    // That it is not there proves nothing.
    expect((await ask(known, { ...script, [LIST]: list([]) })).outcome.kind).toBe('unknown')
    expect((await ask(known, script)).outcome.kind).toBe('unknown')
  })

  test.each([
    ['absolute', `${ORIGIN}/v1.2/mm/transactions/MM1`],
    ['from the origin', '/v1.2/mm/transactions/MM1'],
    ['from the API’s root', '/transactions/MM1'],
    ['relative', 'transactions/MM1'],
  ])('follows a link that is %s', async (_, to) => {
    const { outcome } = await ask(order, {
      [responses]: link(to),
      '/transactions/MM1': { status: 200, json: transaction() },
    })
    expect(outcome.kind).toBe('settled')
  })

  test.each([
    'https://elsewhere.example/v1.2/mm/transactions/MM1',
    'http://operator.example/v1.2/mm/transactions/MM1',
    'https://operator.example:444/v1.2/mm/transactions/MM1',
    'https://user:word@operator.example/v1.2/mm/transactions/MM1',
    '//elsewhere.example/v1.2/mm/transactions/MM1',
    '/v1.2/mm/../../oauth2/token',
    '/v1.2/mm/accounts/accountid/mooring',
    '/v1.2/mm/transactions/MM1?amount=1',
    '/v1.2/mm/transactions/MM1/reversals',
    '/v1.2/mm/transactions/%E0%A4%A',
    'javascript:alert(1)',
  ])('never follows %s', async (to) => {
    const { outcome, paths } = await ask(order, { [responses]: link(to) })
    expect(outcome).toMatchObject({ kind: 'unknown', alarm: true })
    expect(paths).toEqual([responses])
  })

  describe('that finds nothing under our correlation id', () => {
    it('says not found a minute after the deadline, and not before', async () => {
      expect((await ask(order, { [responses]: NOTHING })).outcome.kind).toBe('not_found')
      const early = await ask(order, { [responses]: NOTHING }, { nowMs: NOW_MS - 1 })
      expect(early.outcome).toMatchObject({ kind: 'unknown', alarm: false })
    })

    it('is unknown where the operator does not link pending requests', async () => {
      const { outcome } = await ask(order, { [responses]: NOTHING }, { linksPendingRequests: false })
      expect(outcome.kind).toBe('unknown')
    })

    it('is unknown of a request that the operator has taken before', async () => {
      const { outcome } = await ask(withMemo({ serverCorrelationId: STATE_ID, pollLimit: '1', polls: '1' }), {
        [responses]: NOTHING,
        [LIST]: list([]),
      })
      expect(outcome.kind).toBe('unknown')
    })

    test.each([
      { status: 404, json: '<html>' },
      { status: 404, json: {} },
      { status: 404, json: { errorCategory: 'businessRule', errorCode: 'genericError' } },
      { status: 400, json: NOTHING.json },
      { status: 410, json: NOTHING.json },
      { status: 500, json: NOTHING.json },
      { status: 200, json: {} },
      null,
    ])('is unknown where it is told by %j', async (told) => {
      expect((await ask(order, { [responses]: told })).outcome.kind).toBe('unknown')
    })
  })

  test.each([
    [{ '/transactions/MM1': { status: 200, json: transaction({ transactionReference: 'MM2' }) } }],
    [{ '/transactions/MM1': { status: 200, json: transaction({ amount: '123.45' }) } }],
    [{ '/transactions/MM1': { status: 200, json: {} } }],
    [{ '/transactions/MM1': NOTHING }],
    [{ '/transactions/MM1': { status: 503, json: null } }],
    [{}],
  ])('of a transaction that is told as %j is unknown', async (script: Record<string, Told>) => {
    expect((await ask(withMemo({ transactionReference: 'MM1' }), script)).outcome.kind).toBe('unknown')
  })

  it('of another request state than the one asked for is unknown', async () => {
    const { outcome } = await ask(withMemo({ serverCorrelationId: order.uetr }), {
      [`/requeststates/${order.uetr}`]: state(),
    })
    expect(outcome).toMatchObject({ kind: 'unknown', alarm: true })
  })
})

describe('a transaction that is reversed', () => {
  const known = withMemo({ transactionReference: 'MM1' })
  const reversed = { '/transactions/MM1': { status: 200, json: transaction({ transactionStatus: 'reversed' }) } }
  const reversal = (more: Record<string, unknown> = {}) =>
    transaction({ transactionReference: 'MM2', type: 'reversal', originalTransactionReference: 'MM1', ...more })
  const lists = (reversals: Told, adjustments: Told = list([])): Record<string, Told> => {
    const query = (type: string) =>
      new URLSearchParams({
        limit: '50',
        offset: '0',
        fromDateTime: new Date(order.dispatchedAtMs - 300_000).toISOString(),
        transactionType: type,
      }).toString()
    return { ...reversed, [`${LIST}?${query('reversal')}`]: reversals, [`${LIST}?${query('adjustment')}`]: adjustments }
  }

  it('by somebody else has come back whole, under one and the same id', async () => {
    const theirs = reversal({ requestingOrganisationTransactionReference: undefined })
    for (const listed of [list([theirs]), list([])]) {
      const { outcome } = await ask(known, lists(listed))
      expect(outcome).toMatchObject({
        kind: 'returned',
        amountMinor: 12_346n,
        evidence: { id: 'MM1/reversed', railReference: 'MM1' },
      })
    }
  })

  it('by a refund of ours has settled: the refund is an attempt of its own', async () => {
    const ours = reversal({ requestingOrganisationTransactionReference: 'refund1' })
    expect((await ask(known, lists(list([ours])))).outcome.kind).toBe('settled')
  })

  it('by others after we had refunded a part has come back without that part', async () => {
    const ours = reversal({
      type: 'adjustment',
      amount: '23.46',
      requestingOrganisationTransactionReference: 'refund1',
    })
    const failed = { ...ours, transactionReference: 'MM3', transactionStatus: 'failed' }
    const another = { ...ours, transactionReference: 'MM4', originalTransactionReference: 'MM9' }
    const { outcome } = await ask(known, lists(list([]), list([ours, failed, another])))
    expect(outcome).toMatchObject({ kind: 'returned', amountMinor: 10_000n })
  })

  test.each([
    ['no list', null],
    ['a list that is not whole', list([], 3)],
    ['a list without counts', { status: 200, json: [] }],
    ['something else than a list', { status: 200, json: {}, headers: {} }],
  ])('is unknown with %s', async (_, listed: Told) => {
    expect((await ask(known, lists(listed))).outcome).toMatchObject({ kind: 'unknown', alarm: false })
  })

  it('by more than was moved is unknown, and somebody looks', async () => {
    const ours = reversal({ amount: '200', requestingOrganisationTransactionReference: 'refund1' })
    expect((await ask(known, lists(list([ours])))).outcome).toMatchObject({ kind: 'unknown', alarm: true })
  })
})

describe('our account’s list', () => {
  const lost = withMemo({ serverCorrelationId: STATE_ID, pollLimit: '1', polls: '1' })
  const others = (count: number, from: number) =>
    Array.from({ length: count }, (_, index) =>
      transaction({
        transactionReference: `MX${from + index}`,
        requestingOrganisationTransactionReference: `x${from + index}`,
      }),
    )
  const pageAt = (offset: number) =>
    `${LIST}?${new URLSearchParams({ limit: '50', offset: String(offset), fromDateTime: new Date(order.dispatchedAtMs - 300_000).toISOString() }).toString()}`

  it('is read to its last page', async () => {
    const { outcome, paths } = await ask(lost, {
      [responses]: NOTHING,
      [pageAt(0)]: list(others(50, 0), 61),
      [pageAt(50)]: list([...others(10, 50), transaction()], 61),
    })
    expect(outcome.kind).toBe('settled')
    expect(paths).toHaveLength(3)
  })

  it('that grows while it is read says nothing', async () => {
    const { outcome } = await ask(lost, {
      [responses]: NOTHING,
      [pageAt(0)]: list(others(50, 0), 61),
      [pageAt(50)]: list([...others(11, 50), transaction()], 62),
    })
    expect(outcome).toMatchObject({ kind: 'unknown', alarm: false })
  })

  it('that names our reference twice is unknown, and somebody looks', async () => {
    const { outcome } = await ask(lost, { [responses]: NOTHING, [LIST]: list([transaction(), transaction()]) })
    expect(outcome).toMatchObject({ kind: 'unknown', alarm: true })
  })
})
