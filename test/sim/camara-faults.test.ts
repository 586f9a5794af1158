import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  at,
  CamaraStage,
  newReference,
  paymentRequest,
  PAYMENTS,
  refundsOf,
  type Said,
} from '../support/camara-stage.ts'

/** What the operator does on demand: magic phones and every kind of fault (connectors.md §4). */

let stage: CamaraStage
beforeAll(async () => {
  stage = await CamaraStage.open()
})
afterAll(() => stage.close())

const magic = (nn: string) => `+999555000${nn}`
type Over = Parameters<typeof paymentRequest>[1]

/** One call that may get no answer: then null. */
async function ask(reference: string, over: Over = {}, path = PAYMENTS, ms = 5_000): Promise<Said | null> {
  return Promise.race([
    stage.call('POST', path, paymentRequest(reference, { sink: stage.sinkUrl, ...over })).catch(() => null),
    new Promise<null>((resolve) => setTimeout(resolve, ms, null)),
  ])
}

async function underFault(fault: object, over: Over = {}, path = PAYMENTS, ms = 5_000) {
  const reference = newReference()
  await stage.rule({ reference }, fault, 1)
  return { reference, said: await ask(reference, over, path, ms) }
}

const find = async (reference: string): Promise<unknown> => {
  const listed = (await stage.call('GET', `${PAYMENTS}?perPage=100`)).body
  const mine = (one: unknown) => at(one, 'amountTransaction', 'referenceCode') === reference
  return Array.isArray(listed) ? listed.find(mine) : undefined
}
const statusOf = async (reference: string) => at(await find(reference), 'paymentStatus')
const moves = async (reference: string) =>
  (await stage.book(reference)).filter(({ effect }) => effect === 'moved').length
const eventsOf = (reference: string) => stage.events.filter(({ target }) => target.endsWith(`ref=${reference}`))
const idsOf = (reference: string) => eventsOf(reference).map(({ body }) => at(JSON.parse(body), 'id'))

describe('magic phones', () => {
  test.each<[string, number | null, string | null, number]>([
    ['00', 201, null, 1],
    ['01', 403, 'CARRIER_BILLING.PAYMENT_DENIED', 0],
    ['02', 404, 'IDENTIFIER_NOT_FOUND', 0],
    ['03', 422, 'SERVICE_NOT_APPLICABLE', 0],
    ['04', 422, 'CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED', 0],
    ['06', 403, 'CARRIER_BILLING.PAYMENT_DENIED', 0],
    ['20', null, null, 1],
    ['21', null, null, 0],
    ['22', null, null, 1],
    ['23', null, null, 0],
    ['24', 503, null, 0],
    ['25', 503, null, 1],
    ['33', 201, null, 1],
    ['42', 201, null, 1],
    ['43', 201, null, 1],
    ['50', null, null, 1],
    ['51', null, null, 1],
    ['60', 201, null, 1],
    ['70', 201, null, 1],
  ])('%s answers %s %s, and moves %d', async (nn, status, code, count) => {
    const reference = newReference()
    const said = await ask(reference, { phone: magic(nn) }, PAYMENTS, 1_000)
    expect([said?.status ?? null, at(said?.body, 'code') ?? null]).toEqual([status, code])
    expect(await moves(reference)).toBe(count)
  })

  test.each([
    ['11', 'succeeded', 1],
    ['12', 'denied', 0],
    ['13', 'succeeded', 1],
  ] as const)('%s is processing, then %s', async (nn, final, count) => {
    const reference = newReference()
    const said = await ask(reference, { phone: magic(nn) })
    expect(at(said?.body, 'paymentStatus')).toBe('processing')
    expect(await moves(reference)).toBe(0)
    await expect.poll(() => statusOf(reference), { timeout: 15_000 }).toBe(final)
    expect(await moves(reference)).toBe(count)
    await expect.poll(() => eventsOf(reference).length).toBe(nn === '13' ? 0 : 1)
  })

  test('14 is pending until it is decided, once', async () => {
    const reference = newReference()
    await ask(reference, { phone: magic('14') })
    expect((await stage.control('POST', 'decide', { reference, outcome: 'settled' })).status).toBe(200)
    expect((await stage.control('POST', 'decide', { reference, outcome: 'declined' })).status).toBe(409)
    expect((await stage.control('POST', 'decide', { reference: 'none', outcome: 'settled' })).status).toBe(404)
    expect(await statusOf(reference)).toBe('succeeded')
    expect(await moves(reference)).toBe(1)
  })

  test('05 is asked for a code, and refuses by it', async () => {
    const reference = newReference()
    const said = await ask(reference, { phone: magic('05') }, `${PAYMENTS}/prepare`)
    const path = `${PAYMENTS}/${String(at(said?.body, 'paymentId'))}`
    const authorizationId = at(said?.body, 'validationInfo', 'authorizationId')
    const code = await stage.code(magic('05'))
    expect((await stage.call('POST', `${path}/validate`, { authorizationId, code })).status).toBe(204)
    expect(at((await stage.call('GET', path)).body, 'paymentStatus')).toBe('denied')
  })

  test('10 is late, and 30 is told sixteen times with one id', async () => {
    const startedAt = Date.now()
    expect((await ask(newReference(), { phone: magic('10') }))?.status).toBe(201)
    expect(Date.now() - startedAt).toBeGreaterThan(2_900)
    const reference = newReference()
    await ask(reference, { phone: magic('30') })
    await expect.poll(() => eventsOf(reference).length, { timeout: 10_000 }).toBe(16)
    expect(new Set(idsOf(reference)).size).toBe(1)
    expect(await moves(reference)).toBe(1)
  })

  test('42 and 43 tell another amount, another reference; the book is right', async () => {
    const [amount, reference] = [newReference(), newReference()]
    const first = await ask(amount, { phone: magic('42') })
    expect(first?.text).toContain('"amount":12.51')
    const second = await ask(reference, { phone: magic('43') })
    expect(at(second?.body, 'amountTransaction', 'referenceCode')).not.toBe(reference)
    expect(await stage.book(amount)).toMatchObject([{ amount: '1250' }])
    expect(at(await find(reference), 'amountTransaction', 'referenceCode')).toBe(reference)
  })

  test('60 loses the answer to its refund, 61 refuses it', async () => {
    for (const [nn, status, count] of [
      ['60', null, 1],
      ['61', 403, 0],
    ] as const) {
      const said = await ask(newReference(), { phone: magic(nn) })
      const code = newReference('RF01')
      const amountTransaction = { clientCorrelator: code, referenceCode: code, refundAmount: {} }
      const refund = await stage
        .call('POST', refundsOf(String(at(said?.body, 'paymentId'))), { type: 'total', amountTransaction })
        .catch(() => null)
      expect([nn, refund?.status ?? null]).toEqual([nn, status])
      expect(await moves(code)).toBe(count)
    }
  })

  test('62 comes back ten seconds later, as a line of the book and a cancelled payment', async () => {
    const reference = newReference()
    await ask(reference, { phone: magic('62') })
    const before = await stage.control('GET', `accounts/${encodeURIComponent(magic('62'))}`)
    await stage.control('POST', 'clock', { offset_s: 11 })
    await expect.poll(() => statusOf(reference)).toBe('cancelled')
    await stage.control('POST', 'clock', { offset_s: 0 })
    expect((await stage.book(reference)).map(({ effect }) => effect)).toEqual(['moved', 'returned'])
    const after = await stage.control('GET', `accounts/${encodeURIComponent(magic('62'))}`)
    expect(BigInt(String(at(after.body, 'balance'))) - BigInt(String(at(before.body, 'balance')))).toBe(1250n)
    expect(at(await find(reference), 'paymentDate')).toBeTypeOf('string')
    await expect.poll(() => eventsOf(reference).length).toBe(1)
  })

  test('a resend of a reference is an ordinary call', async () => {
    const reference = newReference()
    expect(await ask(reference, { phone: magic('21') }, PAYMENTS)).toBeNull()
    expect((await ask(reference, { phone: magic('21') }))?.status).toBe(201)
    expect(await stage.book(reference)).toMatchObject([{ times_requested: 2 }])
  })
})

describe('faults', () => {
  test.each<[object, Over, number | null, string | undefined, number]>([
    [{ kind: 'decline' }, {}, 403, 'CARRIER_BILLING.PAYMENT_DENIED', 0],
    [{ kind: 'decline', reason: 'TOO_MANY_REQUESTS' }, {}, 429, 'TOO_MANY_REQUESTS', 0],
    [{ kind: 'drop_before' }, {}, null, undefined, 0],
    [{ kind: 'drop_after' }, {}, null, undefined, 1],
    [{ kind: 'hang_before', s: 1 }, {}, null, undefined, 0],
    [{ kind: 'hang_after', s: 1 }, {}, null, undefined, 1],
    [{ kind: 'error_before', status: 502 }, {}, 502, undefined, 0],
    [{ kind: 'error_after', status: 500 }, {}, 500, undefined, 1],
    [{ kind: 'duplicate_answer' }, {}, 409, 'ALREADY_EXISTS', 1],
    [{ kind: 'malformed', mode: 'truncated' }, {}, 201, undefined, 1],
    [{ kind: 'malformed', mode: 'empty' }, {}, 201, undefined, 1],
    [{ kind: 'malformed', mode: 'html' }, {}, 201, undefined, 1],
    [{ kind: 'malformed', mode: 'bad_schema' }, {}, 201, undefined, 1],
    [{ kind: 'wrong_content', field: 'currency' }, {}, 201, undefined, 1],
  ])('%j', async (fault, over, status, code, count) => {
    const { reference, said } = await underFault(fault, over)
    expect([said?.status ?? null, at(said?.body, 'code')]).toEqual([status, code])
    expect(await moves(reference)).toBe(count)
  })

  test('contradict_callback: the true final first, then its opposite; the book stays', async () => {
    const { reference } = await underFault({ kind: 'contradict_callback', after_s: 0.2 })
    await expect.poll(() => eventsOf(reference).length, { timeout: 10_000 }).toBe(2)
    const types = eventsOf(reference).map(({ body }) =>
      String(at(JSON.parse(body), 'type'))
        .split('.')
        .at(-1),
    )
    expect(types).toEqual(['payment-completed', 'payment-denied'])
    expect(await moves(reference)).toBe(1)
    expect(await statusOf(reference)).toBe('succeeded')
  })

  test('answer_twice: the event comes before the answer', async () => {
    const { reference, said } = await underFault({ kind: 'answer_twice', gap_ms: 300 })
    expect(said?.status).toBe(201)
    expect(eventsOf(reference)).toHaveLength(1)
  })

  test('bad_signature: the event has another token, or none', async () => {
    for (const [mode, authorization] of [
      ['wrong_key', 'Bearer not-the-token-that-was-given'],
      ['missing', undefined],
    ] as const) {
      const { reference } = await underFault({ kind: 'bad_signature', mode })
      await expect.poll(() => eventsOf(reference).length).toBe(1)
      expect(eventsOf(reference)[0]?.headers['authorization']).toBe(authorization)
    }
    const { reference } = await underFault({ kind: 'late_callback', after_s: 0.1 })
    await expect.poll(() => eventsOf(reference).length).toBe(1)
    expect(eventsOf(reference)[0]?.headers['authorization']).toBe(`Bearer token-${reference}`)
  })

  test('inquiry_lag hides a payment, inquiry_fail fails its question, neither the others', async () => {
    const lag = await underFault({ kind: 'inquiry_lag', s: 1 })
    const fail = await underFault({ kind: 'inquiry_fail', s: 1 })
    const other = await underFault({ kind: 'delay', ms: 0 })
    const path = (said: Said | null) => `${PAYMENTS}/${String(at(said?.body, 'paymentId'))}`
    expect((await stage.call('GET', path(lag.said))).status).toBe(404)
    expect((await stage.call('GET', path(fail.said))).status).toBe(500)
    expect(await find(lag.reference)).toBeUndefined()
    expect(await find(other.reference)).toBeDefined()
    await expect.poll(() => statusOf(lag.reference)).toBe('succeeded')
    await expect.poll(async () => (await stage.call('GET', path(fail.said))).status).toBe(200)
  })

  test('expire: a reservation ends early', async () => {
    const { reference, said } = await underFault({ kind: 'expire', after_s: 0.2 }, {}, `${PAYMENTS}/prepare`)
    expect(at(said?.body, 'paymentStatus')).toBe('reserved')
    await expect.poll(() => statusOf(reference)).toBe('cancelled')
    expect(await moves(reference)).toBe(0)
  })

  test('outage: begun by a call, over by itself', async () => {
    const { said } = await underFault({ kind: 'outage', seconds: 1, mode: '500' })
    expect(said?.status).toBe(500)
    expect((await fetch(`${stage.url}/oauth2/token`, { method: 'POST' })).status).toBe(500)
    await expect.poll(async () => (await fetch(`${stage.url}/oauth2/token`, { method: 'POST' })).status).toBe(400)
  })

  test('a rule for one step leaves the others alone', async () => {
    const reference = newReference()
    await stage.rule({ reference, step: 'confirm' }, { kind: 'error_after', status: 503 })
    const said = await ask(reference, {}, `${PAYMENTS}/prepare`)
    expect(said?.status).toBe(201)
    const path = `${PAYMENTS}/${String(at(said?.body, 'paymentId'))}/confirm`
    expect((await stage.call('POST', path, { phoneNumber: '+254700000001' })).status).toBe(503)
    expect(await moves(reference)).toBe(1)
  })

  test('rules by reference come before those by phone, and times count down', async () => {
    const phone = '+254700700001'
    const byPhone = await stage.rule({ account: phone }, { kind: 'decline' }, 2)
    const reference = newReference()
    await stage.rule({ reference }, { kind: 'error_before', status: 502 }, 1)
    expect((await ask(reference, { phone }))?.status).toBe(502)
    expect((await ask(reference, { phone }))?.status).toBe(403)
    expect((await ask(reference, { phone }))?.status).toBe(403)
    expect((await ask(reference, { phone }))?.status).toBe(201)
    expect((await stage.control('DELETE', `rules/${byPhone}`)).status).toBe(404)
  })

  test('a rule may match an amount or an operation, and never a question by itself', async () => {
    const id = await stage.rule({ amount: '7777' }, { kind: 'decline' })
    expect((await ask(newReference(), { amount: 77.77 }))?.status).toBe(403)
    expect((await ask(newReference(), { amount: 77.78 }))?.status).toBe(201)
    await stage.control('DELETE', `rules/${id}`)
    const all = await stage.rule({}, { kind: 'drop_before' })
    expect((await stage.call('GET', PAYMENTS)).status).toBe(200)
    expect(await ask(newReference())).toBeNull()
    await stage.control('DELETE', `rules/${all}`)
    await stage.rule({ operation: 'inquire' }, { kind: 'error_before', status: 503 }, 1)
    expect((await stage.call('GET', PAYMENTS)).status).toBe(503)
    expect((await stage.call('GET', PAYMENTS)).status).toBe(200)
  })

  test('random faults are decided by seed, kind, reference and arrival', async () => {
    const references = Array.from({ length: 40 }, () => newReference())
    const run = async (seed: number, suffix: string) => {
      await stage.control('POST', 'random', { seed, faults: { decline: 0.5 } })
      const answers = await Promise.all(references.map((one) => ask(one + suffix)))
      await stage.control('POST', 'random', { faults: {} })
      return answers.map((said) => said?.status)
    }
    const [first] = [await run(7, '')]
    expect(new Set(first)).toEqual(new Set([201, 403]))
    await stage.control('POST', 'random', { seed: 7, faults: { decline: 0.5 } })
    // Declined ones leave nothing behind: their second arrival is another draw, their first would be the same again.
    const declined = references.filter((_, n) => first[n] === 403)
    for (const one of declined) expect(await stage.book(one)).toEqual([])
    await stage.control('POST', 'random', { faults: {} })
  })
})
