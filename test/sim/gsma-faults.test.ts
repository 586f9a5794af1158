import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { collectFrom, GsmaStage, magic, reversalOf, type MoneyRequest } from '../support/gsma-stage.ts'
import { until } from '../support/sim-process.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

let stage: GsmaStage
beforeAll(async () => {
  stage = await GsmaStage.open()
})
afterAll(() => stage.close())
afterEach(async () => {
  await stage.control('DELETE', 'rules')
  await stage.control('POST', 'random', { seed: 0, faults: {} })
})

let asked: MoneyRequest
beforeEach(() => {
  asked = collectFrom('+254700000001')
})
const post = (timeoutMs?: number) => stage.post(asked, timeoutMs === undefined ? {} : { timeoutMs })
const moves = async (): Promise<number> => (await stage.moves(asked.reference)).length
const statusNow = async () => {
  const { body } = await stage.lookUp(asked)
  return body['transactionStatus'] ?? body['status']
}
const callbacks = (count: number) =>
  until(`${count} callbacks`, () => {
    const seen = stage.callbacksFor(asked.reference)
    return seen.length >= count ? seen : null
  })

describe('each fault', () => {
  test.each([
    ['businessRule', 400, 'insufficientFunds'],
    ['authorisation', 401, 'requestDeclined'],
    ['identification', 404, 'identifierError'],
    ['businessRule', 400, undefined],
  ])(
    'decline: refused as %s %i %s, nothing moves, and the request state tells why',
    async (category, status, reason) => {
      await stage.rule(asked.reference, { kind: 'decline', ...(reason === undefined ? {} : { reason }) })
      const error = { errorCategory: category, errorCode: reason ?? 'genericError' }
      expect(await post()).toMatchObject({ status, body: error })
      expect((await stage.lookUp(asked)).body).toMatchObject({ status: 'failed', error })
      expect(await moves()).toBe(0)
    },
  )

  test('delay: right, and late', async () => {
    await stage.rule(asked.reference, { kind: 'delay', ms: 300 })
    const startedAt = performance.now()
    expect((await post()).status).toBe(201)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290)
  })

  test.each([
    ['drop_before', 0],
    ['drop_after', 1],
  ])('%s: the connection breaks, and %i times it moved', async (kind, effects) => {
    await stage.rule(asked.reference, { kind })
    await expect(post()).rejects.toThrow(/fetch failed/)
    expect(await moves()).toBe(effects)
    expect((await stage.get(`/responses/${asked.correlationId}`)).status).toBe(effects === 0 ? 404 : 200)
  })

  test.each([
    ['hang_before', 0],
    ['hang_after', 1],
  ])('%s: silence, and %i times it moved', async (kind, effects) => {
    await stage.rule(asked.reference, { kind, s: 30 })
    await expect(post(300)).rejects.toThrow(/timeout|aborted/i)
    expect(await moves()).toBe(effects)
  })

  test.each([
    ['error_before', 500, 0],
    ['error_before', 503, 0],
    ['error_after', 500, 1],
    ['error_after', 502, 1],
  ])('%s: a gateway’s %i, and %i times it moved', async (kind, status, effects) => {
    await stage.rule(asked.reference, { kind, status })
    const answer = await post()
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('text/plain')
    expect(await moves()).toBe(effects)
  })

  test.each([
    ['settled', 'completed', 1],
    ['declined', 'failed', 0],
  ])('pending then %s: 202 first, the final by callback and by question', async (then, status, effects) => {
    await stage.rule(asked.reference, { kind: 'pending', then, after_s: 0.3 })
    expect(await post()).toMatchObject({ status: 202, body: { status: 'pending', pollLimit: 20 } })
    expect(await moves()).toBe(0)
    const [callback] = await callbacks(1)
    expect(callback).toMatchObject({ distrust: null, headers: { 'x-correlationid': asked.correlationId } })
    if (then === 'settled') expect(callback?.body).toMatchObject({ transactionStatus: 'completed', amount: '125.50' })
    // A failure is a bare error object: it names nobody.
    else expect(callback?.text).not.toContain(asked.reference)
    expect(await statusNow()).toBe(status)
    expect(await moves()).toBe(effects)
  })

  test('pending without callback: only questions tell', async () => {
    await stage.rule(asked.reference, { kind: 'pending', then: 'settled', after_s: 0.2, callback: false })
    await post()
    await until('the final', async () => (await statusNow()) === 'completed')
    expect(stage.callbacksFor(asked.reference)).toEqual([])
  })

  test('pending then never: until the control API decides', async () => {
    await stage.rule(asked.reference, { kind: 'pending', then: 'never' })
    await post()
    const before = await stage.balance('+254700000001')
    expect(await stage.control('POST', 'decide', { reference: asked.reference, outcome: 'settled' })).toMatchObject({
      status: 200,
    })
    expect(before - (await stage.balance('+254700000001'))).toBe(12_550n)
    await callbacks(1)
    expect((await stage.control('POST', 'decide', { reference: asked.reference, outcome: 'declined' })).status).toBe(
      409,
    )
    expect((await stage.control('POST', 'decide', { reference: 'nobody', outcome: 'declined' })).status).toBe(404)
  })

  test('answer_twice: the callback comes first, and the answer too', async () => {
    await stage.rule(asked.reference, { kind: 'answer_twice', gap_ms: 300 })
    const answering = post()
    await callbacks(1)
    expect((await answering).status).toBe(201)
    expect(await moves()).toBe(1)
  })

  test('duplicate_callback: one and the same event, n more times', async () => {
    await stage.rule(asked.reference, { kind: 'duplicate_callback', n: 15, after_s: 0.1 })
    expect((await post()).status).toBe(202)
    const seen = await callbacks(16)
    expect(new Set(seen.map(({ text }) => text)).size).toBe(1)
    expect(await moves()).toBe(1)
  })

  test('late_callback: questions say pending until it comes', async () => {
    await stage.rule(asked.reference, { kind: 'late_callback', after_s: 0.8 })
    await post()
    expect(await statusNow()).toBe('pending')
    await callbacks(1)
    expect(await statusNow()).toBe('completed')
  })

  test('contradict_callback: the opposite comes after the truth, and the book stays', async () => {
    await stage.rule(asked.reference, { kind: 'contradict_callback', after_s: 0.3 })
    await post()
    const [first, second] = await callbacks(2)
    expect(first?.body).toMatchObject({ transactionStatus: 'completed' })
    expect(second?.body).toMatchObject({ errorCategory: 'businessRule' })
    expect(await statusNow()).toBe('completed')
    expect(await moves()).toBe(1)
  })

  test.each(['truncated', 'html', 'empty', 'bad_schema', 'wrong_type'])(
    'malformed %s: executed, unreadable',
    async (mode) => {
      await stage.rule(asked.reference, { kind: 'malformed', mode }, 1)
      const { headers, body } = await post()
      const isReadable =
        headers.get('content-type')?.startsWith('application/json') === true && 'transactionStatus' in body
      expect(isReadable).toBe(false)
      expect(await moves()).toBe(1)
      expect(await statusNow()).toBe('completed')
    },
  )

  test.each([
    ['wrong_key', 'key'],
    ['stale', 'date'],
    ['digest', 'hash'],
    ['missing', 'key'],
  ])('bad_signature %s: executed, and its callback is not to be believed', async (mode, why) => {
    await stage.rule(asked.reference, { kind: 'bad_signature', mode })
    stage.replies.push(401)
    expect((await post()).status).toBe(202)
    const seen = await callbacks(1)
    expect(seen).toMatchObject([{ distrust: why }])
    expect(await moves()).toBe(1)
  })

  test.each([
    ['amount', { amount: '125.51' }],
    ['currency', { currency: 'EUR' }],
    ['reference', {}],
  ])('wrong_content %s: executed right, answered wrong', async (field, wrong) => {
    await stage.rule(asked.reference, { kind: 'wrong_content', field })
    const { body } = await post()
    expect(body).toMatchObject(wrong)
    expect(body['requestingOrganisationTransactionReference'] === asked.reference).toBe(field !== 'reference')
    expect((await stage.lookUp(asked)).body).toMatchObject({ amount: '125.50', currency: 'KES' })
    expect(await stage.moves(asked.reference)).toMatchObject([{ amount: '12550', currency: 'KES' }])
  })

  test('inquiry_fail: questions fail for their time', async () => {
    await stage.rule(asked.reference, { kind: 'inquiry_fail', s: 0.5 })
    expect((await post()).status).toBe(201)
    expect((await stage.get(`/responses/${asked.correlationId}`)).status).toBe(500)
    await until('questions are answered', async () => (await statusNow()) === 'completed')
  })

  test('inquiry_lag: executed, and hidden from questions and lists for its time', async () => {
    await stage.rule(asked.reference, { kind: 'inquiry_lag', s: 0.6 })
    const { body } = await post()
    const reference = String(body['transactionReference'])
    expect((await stage.get(`/responses/${asked.correlationId}`)).status).toBe(404)
    expect((await stage.get(`/transactions/${reference}`)).status).toBe(404)
    expect((await stage.get('/accounts/accountid/mooring/transactions?limit=200')).text).not.toContain(reference)
    expect(await moves()).toBe(1)
    await until('it shows', async () => (await stage.get(`/transactions/${reference}`)).status === 200)
  })

  test('duplicate_answer: executed, and called a duplicate', async () => {
    await stage.rule(asked.reference, { kind: 'duplicate_answer' })
    expect((await post()).body).toMatchObject({ errorCode: 'duplicateRequest' })
    expect(await moves()).toBe(1)
    expect(await statusNow()).toBe('completed')
  })

  test('expire: the request state says until when, and the order fails then', async () => {
    await stage.rule(asked.reference, { kind: 'expire', after_s: 0.4 })
    const { body } = await post()
    expect(Date.parse(String(body['expiryTime']))).toBeGreaterThan(Date.now() - 1_000)
    await callbacks(1)
    expect((await stage.get(`/requeststates/${String(body['serverCorrelationId'])}`)).status).toBe(404)
    expect((await stage.lookUp(asked)).body).toMatchObject({ transactionStatus: 'failed' })
    expect(await moves()).toBe(0)
  })

  test('return_later: settled, taken back, told by a callback, and listed in the operator’s own name', async () => {
    await stage.rule(asked.reference, { kind: 'return_later', after_s: 0.3 })
    const { body } = await post()
    const reference = String(body['transactionReference'])
    const before = await stage.balance('+254700000001')
    const [callback] = await callbacks(1)
    expect(callback?.body).toMatchObject({ transactionStatus: 'reversed', transactionReference: reference })
    expect(await stage.moves(asked.reference)).toMatchObject([
      { effect: 'moved' },
      { effect: 'returned', amount: '12550' },
    ])
    expect((await stage.balance('+254700000001')) - before).toBe(12_550n)
    const listed = (await stage.get('/accounts/accountid/mooring/transactions?transactionType=reversal&limit=200')).text
    expect(listed).toContain(`"originalTransactionReference":"${reference}"`)
    expect(await stage.post(reversalOf(reference))).toMatchObject({ body: { errorCode: 'incorrectState' } })
  })

  test('outage: begun by an order, the operator is away for its time', async () => {
    await stage.rule(asked.reference, { kind: 'outage', seconds: 0.5, mode: '500' })
    expect((await post()).status).toBe(500)
    expect((await stage.get('/heartbeat')).status).toBe(500)
    await until('it is back', async () => (await stage.get('/heartbeat')).status === 200)
    expect(await moves()).toBe(0)
  })
})

describe('a callback', () => {
  test('is sent again until it is taken', async () => {
    stage.replies.push(500, 503)
    await stage.rule(asked.reference, { kind: 'pending', after_s: 0.1 })
    await post()
    const seen = await callbacks(3)
    expect(new Set(seen.map(({ text }) => text)).size).toBe(1)
  })
})

describe('the magic numbers', () => {
  test.each([
    ['00', 201, null],
    ['01', 400, 'insufficientFunds'],
    ['02', 404, 'identifierError'],
    ['03', 400, 'incorrectState'],
    ['04', 400, 'dailyValueLimitExceeded'],
    ['05', 401, 'requestDeclined'],
    ['06', 400, 'noMandateAuthority'],
    ['11', 202, null],
    ['12', 202, null],
    ['13', 202, null],
    ['14', 202, null],
    ['24', 503, null],
    ['25', 503, null],
    ['30', 202, null],
    ['31', 202, null],
    ['32', 202, null],
    ['33', 201, null],
    ['40', 201, null],
    ['41', 202, null],
    ['42', 201, null],
    ['43', 201, null],
    ['60', 201, null],
    ['62', 201, null],
    ['70', 201, null],
    ['99', 201, null],
  ])('%s answers %i %s', async (nn, status, code) => {
    const answer = await stage.post(collectFrom(magic(nn)))
    expect(answer.status).toBe(status)
    if (code !== null) expect(answer.body['errorCode']).toBe(code)
  })

  test('act on the first arrival of each reference alone', async () => {
    asked = collectFrom(magic('21'))
    await expect(post()).rejects.toThrow(/fetch failed/)
    expect((await post()).status).toBe(201)
    expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 2 }])
  })

  test('60 and 61 act on the refund', async () => {
    const settled = async (nn: string) =>
      String((await stage.post(collectFrom(magic(nn)))).body['transactionReference'])
    const dropped = reversalOf(await settled('60'))
    await expect(stage.post(dropped)).rejects.toThrow(/fetch failed/)
    expect(await stage.moves(dropped.reference)).toHaveLength(1)
    const declined = reversalOf(await settled('61'))
    expect((await stage.post(declined)).body).toMatchObject({ errorCode: 'incorrectState' })
    expect(await stage.moves(declined.reference)).toEqual([])
  })
})

describe('rules', () => {
  test('of a reference come before those of an account, magic, others and chance; they wear out', async () => {
    asked = collectFrom(magic('01'))
    const decline = (reason: string) => ({ kind: 'decline', reason })
    await stage.control('POST', 'rules', { match: {}, fault: decline('rateLimitError') })
    await stage.control('POST', 'random', { seed: 1, faults: { duplicate_answer: 1 } })
    const codeOf = async (request: MoneyRequest) => (await stage.post(request)).body['errorCode']
    expect(await codeOf(collectFrom(magic('01')))).toBe('insufficientFunds')
    await stage.control('POST', 'rules', {
      match: { account: magic('01') },
      fault: decline('samePartiesError'),
      times: 2,
    })
    await stage.rule(asked.reference, decline('linkViolation'), 1)
    expect(await codeOf(asked)).toBe('linkViolation')
    expect(await codeOf(collectFrom(magic('01')))).toBe('samePartiesError')
    expect(await codeOf(collectFrom(magic('01')))).toBe('samePartiesError')
    expect(await codeOf(collectFrom(magic('01')))).toBe('insufficientFunds')
    expect(await codeOf(collectFrom('+254700000001'))).toBe('rateLimitError')
    await stage.control('DELETE', 'rules')
    expect(await codeOf(collectFrom('+254700000001'))).toBe('duplicateRequest')
  })

  test('of chance strike by seed, kind, reference and arrival, never by the order of calls', async () => {
    await stage.control('POST', 'random', { seed: 7, faults: { decline: 0.5 } })
    const requests = Array.from({ length: 40 }, () => collectFrom('+254700000001'))
    const draw = async (list: MoneyRequest[]) =>
      Promise.all(list.map(async (request) => [request.reference, (await stage.post(request)).status] as const))
    const first = await draw(requests)
    const declined = first.filter(([, status]) => status === 400).length
    expect(declined).toBeGreaterThan(8)
    expect(declined).toBeLessThan(32)
    // Another operator with the same seed draws the same.
    const other = await GsmaStage.open()
    await other.control('POST', 'random', { seed: 7, faults: { decline: 0.5 } })
    const again = await Promise.all(
      requests.toReversed().map(async (request) => [request.reference, (await other.post(request)).status] as const),
    )
    await other.close()
    expect(new Map(again)).toEqual(new Map(first))
  })

  test('of questions strike questions alone', async () => {
    const match = { operation: 'inquire', reference: asked.reference }
    await stage.control('POST', 'rules', { match, fault: { kind: 'wrong_content', field: 'amount' }, times: 1 })
    const { body } = await post()
    expect(body).toMatchObject({ amount: '125.50' })
    const path = `/transactions/${String(body['transactionReference'])}`
    expect((await stage.get(path)).body).toMatchObject({ amount: '125.51' })
    expect((await stage.get(path)).body).toMatchObject({ amount: '125.50' })
    expect(await stage.control('POST', 'rules', { match, fault: { kind: 'decline' } })).toMatchObject({ status: 400 })
  })
})
