import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collectFrom, GsmaStage, magic, MONEY, moneyRequest, reversalOf } from '../support/gsma-stage.ts'
import { until } from '../support/sim-process.ts'

let stage: GsmaStage
beforeAll(async () => {
  stage = await GsmaStage.open()
})
afterAll(() => stage.close())

const today = () => new Date().toISOString().slice(0, 10)

describe('the book', () => {
  test('has each movement once, with what asked for it, and can be asked by reference, account and time', async () => {
    const since = new Date().toISOString()
    const [collect, payOut] = [collectFrom('+254700000021'), moneyRequest('disbursement')]
    const original = String((await stage.post(collect)).body['transactionReference'])
    await stage.post(payOut)
    const refund = reversalOf(original, { type: 'adjustment', amount: '5.00', currency: 'KES' })
    await stage.post(refund)
    expect(await stage.book(`?since=${since}`)).toMatchObject([
      { reference: collect.reference, operation: 'collect', amount: '12550', currency: 'KES', effect: 'moved' },
      { reference: payOut.reference, operation: 'payOut' },
      { reference: refund.reference, operation: 'refund', amount: '500', original: collect.reference },
    ])
    expect(await stage.book('?account=%2B254700000021')).toHaveLength(2)
    expect(await stage.book('?account=+254700000021')).toHaveLength(2)
    expect((await stage.control('GET', 'book?since=yesterday')).status).toBe(400)
  })

  test('adds up to the balances', async () => {
    await Promise.all(Array.from({ length: 20 }, () => stage.post(collectFrom('+254700000022', { amount: '1.00' }))))
    expect(await stage.balance('+254700000022')).toBe(100_000_000n - 2_000n)
    const sum = (await stage.book()).reduce((total, { operation, effect, amount }) => {
      const towardsUs = (operation === 'collect') === (effect === 'moved')
      return total + (towardsUs ? BigInt(amount) : -BigInt(amount))
    }, 0n)
    expect((await stage.balance(MONEY.account_id)) - 1_000_000_000_000n).toBe(sum)
  })
})

describe('an account', () => {
  test('that is emptied refuses; what is pending counts as spent', async () => {
    const account = '+254700000031'
    await stage.control('POST', 'accounts', { account, balance: '20000', currency: 'KES', holder: 'Asha' })
    expect((await stage.control('GET', `accounts/${account}`)).body).toMatchObject({ holder: 'Asha', balance: '20000' })
    const pending = collectFrom(account)
    // oxlint-disable-next-line unicorn/no-thenable -- the control API's word
    await stage.rule(pending.reference, { kind: 'pending', then: 'never' })
    expect((await stage.post(pending)).status).toBe(202)
    expect((await stage.post(collectFrom(account))).body).toMatchObject({ errorCode: 'insufficientFunds' })
    await stage.control('POST', 'decide', { reference: pending.reference, outcome: 'declined' })
    expect((await stage.post(collectFrom(account))).status).toBe(201)
  })
})

describe('a statement', () => {
  const lines = async (query = '') => {
    const answer = await stage.get(`/accounts/accountid/${MONEY.account_id}/transactions?limit=200${query}`)
    return (JSON.parse(answer.text) as Record<string, unknown>[]).map((line) => ({
      reference: line['requestingOrganisationTransactionReference'],
      amount: line['amount'],
    }))
  }
  const ofReference = async (reference: string) => (await lines()).filter((line) => line.reference === reference)

  test('lists full transactions page by page, and entries without our reference', async () => {
    const requests = Array.from({ length: 5 }, () => collectFrom('+254700000041'))
    for (const request of requests) await stage.post(request)
    const from = `fromDateTime=${new Date(Date.now() - 3_600_000).toISOString()}`
    const page = await stage.get(`/accounts/accountid/${MONEY.account_id}/transactions?limit=2&offset=3&${from}`)
    const all = await lines()
    expect(page.headers.get('x-records-available-count')).toBe(String(all.length))
    expect(page.headers.get('x-records-returned-count')).toBe('2')
    const entries = await stage.get(`/accounts/accountid@${MONEY.account_id}/statemententries?limit=200`)
    expect(entries.text).not.toContain('requestingOrganisation')
    expect(entries.text).toContain('"displayType":"merchantpay"')
    expect((await stage.get(`/accounts/accountid/${MONEY.account_id}/transactions?offset=9999`)).status).toBe(400)
    expect((await stage.get(`/accounts/accountid/${MONEY.account_id}/transactions?limit=many`)).status).toBe(400)
  })

  test('of the numbers 70, 71 and 72 misses a line, alters it by one, doubles it; the book is true', async () => {
    const [dropped, altered, doubled] = ['70', '71', '72'].map((nn) => collectFrom(magic(nn)))
    if (dropped === undefined || altered === undefined || doubled === undefined) throw new Error('three requests')
    for (const request of [dropped, altered, doubled]) {
      await stage.post(request)
      expect(await stage.moves(request.reference)).toMatchObject([{ amount: '12550' }])
    }
    expect(await ofReference(dropped.reference)).toEqual([])
    expect(await ofReference(altered.reference)).toMatchObject([{ amount: '125.51' }])
    expect(await ofReference(doubled.reference)).toHaveLength(2)
  })

  test('can be tampered with by day: drop, alter, twice, add', async () => {
    const [one, two, three, four] = Array.from({ length: 4 }, () => collectFrom('+254700000042'))
    if (one === undefined || two === undefined || three === undefined || four === undefined) throw new Error('four')
    for (const request of [one, two, three, four]) await stage.post(request)
    const before = (await lines()).length
    const tamper = (body: object) => stage.control('POST', `statement/${today()}/tamper`, body)
    await tamper({ drop: one.reference, twice: two.reference })
    await tamper({ alter: { reference: three.reference } })
    await tamper({ alter: { reference: four.reference, field: 'sign' }, add: true })
    expect(await ofReference(one.reference)).toEqual([])
    expect(await ofReference(two.reference)).toHaveLength(2)
    expect(await ofReference(three.reference)).toMatchObject([{ amount: '125.51' }])
    const text = (await stage.get(`/accounts/accountid/${MONEY.account_id}/transactions?limit=200`)).text
    const told = (JSON.parse(text) as Record<string, unknown>[]).find(
      (line) => line['requestingOrganisationTransactionReference'] === four.reference,
    )
    expect(told).toMatchObject({ debitParty: [{ key: 'accountid' }], creditParty: [{ key: 'msisdn' }] })
    expect((await lines()).filter(({ reference }) => reference === undefined)).toHaveLength(1)
    expect(await lines()).toHaveLength(before + 1)
    for (const { reference } of [one, two, three, four]) {
      expect(await stage.moves(reference)).toMatchObject([{ amount: '12550' }])
    }
    await stage.operator.kill()
    await stage.restart()
    expect(await lines()).toHaveLength(before + 1)
    expect((await stage.control('POST', 'statement/today/tamper', {})).status).toBe(400)
    expect((await tamper({ gap: true })).status).toBe(400)
    expect((await stage.control('POST', 'day/close', { date: today() })).body).toMatchObject({ date: today() })
  })

  test('agrees with balance and with single entries', async () => {
    const balance = await stage.get(`/accounts/accountid/${MONEY.account_id}/balance?currency=KES`)
    const minor = BigInt(String(balance.body['currentBalance']).replace('.', ''))
    expect(minor).toBe(await stage.balance(MONEY.account_id))
    const { body } = await stage.post(collectFrom('+254700000043'))
    const entry = await stage.get(`/statemententries/${String(body['transactionReference'])}`)
    expect(entry.body).toMatchObject({ amount: '125.50', transactionStatus: 'completed' })
  })
})

describe('a request state', () => {
  test('can be looked at as often as it says, then its order is found by our correlation id', async () => {
    const request = collectFrom(magic('14'))
    const { body } = await stage.post(request)
    const path = `/requeststates/${String(body['serverCorrelationId'])}`
    const statuses: number[] = []
    for (let n = 0; n < 21; n++) statuses.push((await stage.get(path)).status)
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 200), 404])
    expect((await stage.lookUp(request)).body).toMatchObject({ transactionStatus: 'pending' })
  })
})

describe('an outage', () => {
  test('that refuses closes the port for its time; control answers', async () => {
    await stage.control('POST', 'outage', { seconds: 0.6, mode: 'refuse' })
    const error: unknown = await stage.get('/heartbeat').catch((caught: unknown) => caught)
    expect(String(error instanceof Error ? error.cause : error)).toMatch(/ECONNREFUSED/)
    expect((await stage.control('GET', 'rules')).status).toBe(200)
    await until('it is back', () =>
      stage.get('/heartbeat').then(
        ({ status }) => status === 200,
        () => false,
      ),
    )
  })

  test.each(['500', 'hang'])('that answers %s ends when it is told to', async (mode) => {
    await stage.control('POST', 'outage', { seconds: 60, mode })
    const request = moneyRequest('merchantpay')
    await stage.post(request, { timeoutMs: 300 }).then(
      ({ status }) => expect(status).toBe(500),
      (error: unknown) => expect(String(error)).toMatch(/timeout/i),
    )
    await stage.control('POST', 'outage', { seconds: 0 })
    expect(await stage.moves(request.reference)).toEqual([])
    expect((await stage.post(request)).status).toBe(201)
  })
})

describe('the control API', () => {
  test.each([
    ['GET', 'book', undefined],
    ['POST', 'rules', { match: {}, fault: { kind: 'drop_after' } }],
    ['POST', 'accounts', { account: '+254700000001', balance: '1', currency: 'KES' }],
  ])('%s %s needs its token', async (method, path, body) => {
    expect((await stage.control(method, path, body, 'another-token')).status).toBe(401)
    expect((await stage.control(method, path, body, await stage.token())).status).toBe(401)
  })

  test.each([
    ['rules', { match: {}, fault: { kind: 'explode' } }],
    ['rules', { match: {}, fault: { kind: 'decline', reason: 'AM04' } }],
    ['rules', { match: {}, fault: { kind: 'delay', s: 3 } }],
    ['rules', { match: { colour: 'red' }, fault: { kind: 'delay' } }],
    ['rules', { match: { amount: '01' }, fault: { kind: 'delay' } }],
    ['random', { faults: { explode: 0.1 } }],
    ['random', { faults: { delay: 2 } }],
    ['outage', { seconds: 5, mode: 'burn' }],
    ['accounts', { account: '+254700000001', balance: '1.5', currency: 'KES' }],
    ['accounts', { account: '+254700000001', balance: '1', currency: 'XXX' }],
    ['clock', { offset_s: 'soon' }],
  ])('refuses %s %j', async (path, body) => {
    expect((await stage.control('POST', path, body)).status).toBe(400)
  })
})
