import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { collect, field, MAGIC, order, payOut, reasonOf, refund, type Order } from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'
import { until } from '../support/sim-process.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

let stage: BankStage
beforeAll(async () => {
  stage = await BankStage.open()
  await stage.collect()
})
afterAll(() => stage.close())
afterEach(async () => {
  await stage.control('DELETE', 'rules')
  await stage.control('POST', 'random', { seed: 0, faults: {} })
})

let asked: Order
beforeEach(() => {
  asked = order()
})
const send = (timeoutMs = 10_000) => stage.message(collect(asked), { timeoutMs })
const moves = async () => (await stage.moves(asked.reference)).length
const statusNow = async () => field((await stage.inquire(asked)).body, 'TxSts')

describe('an answer that is a decline', () => {
  test('decline: refused for the reason asked for, nothing moves, and a resend hears the same', async () => {
    await stage.rule(asked.reference, { kind: 'decline', reason: 'AC06' }, 1)
    expect(reasonOf((await send()).body)).toBe('AC06')
    expect(reasonOf((await send()).body)).toBe('AC06')
    expect(await moves()).toBe(0)
  })
})

describe('an answer that comes late or not at all', () => {
  test('delay: the answer is right, and late', async () => {
    await stage.rule(asked.reference, { kind: 'delay', ms: 400 })
    const started = performance.now()
    expect(field((await send()).body, 'TxSts')).toBe('ACSC')
    expect(performance.now() - started).toBeGreaterThan(390)
  })

  test('drop_before: reset, not executed; the inquiry says never received', async () => {
    await stage.rule(asked.reference, { kind: 'drop_before' }, 1)
    await expect(send()).rejects.toThrow(/socket hang up|ECONNRESET/)
    expect((await stage.inquire(asked)).status).toBe(404)
    expect(await moves()).toBe(0)
  })

  test('drop_after: reset, executed; the inquiry and the resend say settled', async () => {
    await stage.rule(asked.reference, { kind: 'drop_after' }, 1)
    await expect(send()).rejects.toThrow(/socket hang up|ECONNRESET/)
    expect(await statusNow()).toBe('ACSC')
    expect(field((await send()).body, 'TxSts')).toBe('ACSC')
    expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 2 }])
  })

  test('hang_before: silence, not executed', async () => {
    await stage.rule(asked.reference, { kind: 'hang_before' })
    await expect(send(300)).rejects.toThrow(/timeout|aborted/i)
    expect((await stage.inquire(asked)).status).toBe(404)
  })

  test('hang_after: silence, executed', async () => {
    await stage.rule(asked.reference, { kind: 'hang_after', s: 30 })
    await expect(send(300)).rejects.toThrow(/timeout|aborted/i)
    expect(await statusNow()).toBe('ACSC')
  })

  test.each([500, 502, 503])('error_before: an unsigned %i, not executed', async (status) => {
    await stage.rule(asked.reference, { kind: 'error_before', status })
    expect(await send()).toMatchObject({ status, distrust: 'unsigned' })
    expect(await moves()).toBe(0)
  })

  test.each([500, 502, 503])('error_after: an unsigned %i, executed', async (status) => {
    await stage.rule(asked.reference, { kind: 'error_after', status })
    expect(await send()).toMatchObject({ status, distrust: 'unsigned' })
    expect(await moves()).toBe(1)
  })
})

describe('an answer that is not final', () => {
  test.each([
    ['settled', 'ACSC', 1],
    ['declined', 'RJCT', 0],
  ])('pending then %s: 202 first, the final by a signed callback and by inquiry', async (then, status, effects) => {
    await stage.rule(asked.reference, { kind: 'pending', then, after_s: 0.4 })
    const first = await send()
    expect(first).toMatchObject({ status: 202, distrust: null })
    expect(field(first.body, 'TxSts')).toBe('PDNG')
    expect(await moves()).toBe(0)
    expect((await send()).status).toBe(202)
    const [callback] = await until('the callback', () => {
      const seen = stage.callbacksFor(asked.reference)
      return seen.length > 0 ? seen : null
    })
    expect(callback?.distrust).toBeNull()
    expect(field(callback?.body ?? '', 'TxSts')).toBe(status)
    expect(await statusNow()).toBe(status)
    expect(await moves()).toBe(effects)
  })

  test('pending then never: pending until the control API decides', async () => {
    await stage.rule(asked.reference, { kind: 'pending', then: 'never' })
    expect((await send()).status).toBe(202)
    const balance = await stage.balance(asked.account)
    expect(await stage.control('POST', 'decide', { reference: asked.reference, outcome: 'settled' })).toMatchObject({
      status: 200,
    })
    expect(balance - (await stage.balance(asked.account))).toBe(12_550n)
    expect(await until('the callback', () => stage.callbacksFor(asked.reference)[0] ?? null)).toMatchObject({
      distrust: null,
    })
    expect(await stage.control('POST', 'decide', { reference: asked.reference, outcome: 'declined' })).toMatchObject({
      status: 409,
    })
    expect(await stage.control('POST', 'decide', { reference: 'nobody', outcome: 'declined' })).toMatchObject({
      status: 404,
    })
  })

  test('pending without callback: only the inquiry tells', async () => {
    await stage.rule(asked.reference, { kind: 'pending', after_s: 0.2, callback: false })
    expect((await send()).status).toBe(202)
    await until('the decision', async () => (await statusNow()) === 'ACSC')
    expect(stage.callbacksFor(asked.reference)).toEqual([])
  })

  test('late_callback: inquiries say pending until the callback has the final', async () => {
    await stage.rule(asked.reference, { kind: 'late_callback', after_s: 0.6 })
    expect((await send()).status).toBe(202)
    expect(await statusNow()).toBe('PDNG')
    await until('the callback', () => stage.callbacksFor(asked.reference)[0] ?? null)
    expect(await statusNow()).toBe('ACSC')
  })

  test('duplicate_callback: one event, n more times, the same body and StsId', async () => {
    await stage.rule(asked.reference, { kind: 'duplicate_callback', n: 15, gap_ms: 0 })
    expect((await send()).status).toBe(202)
    const seen = await until('sixteen callbacks', () => {
      const all = stage.callbacksFor(asked.reference)
      return all.length === 16 ? all : null
    })
    expect(new Set(seen.map((callback) => callback.body)).size).toBe(1)
    expect(seen.every((callback) => callback.distrust === null)).toBe(true)
    expect(await moves()).toBe(1)
  })

  test('contradict_callback: the opposite final follows as another event, and the book does not change', async () => {
    await stage.rule(asked.reference, { kind: 'contradict_callback', after_s: 0.3 })
    expect((await send()).status).toBe(202)
    const seen = await until('two callbacks', () => {
      const all = stage.callbacksFor(asked.reference)
      return all.length === 2 ? all : null
    })
    expect(seen.map(({ body }) => field(body, 'TxSts'))).toEqual(['ACSC', 'RJCT'])
    expect(new Set(seen.map(({ body }) => field(body, 'StsId'))).size).toBe(2)
    expect(await statusNow()).toBe('ACSC')
    expect(await moves()).toBe(1)
  })

  test('answer_twice: the callback overtakes the answer', async () => {
    await stage.rule(asked.reference, { kind: 'answer_twice', gap_ms: 300 })
    const answer = await send()
    const answeredAt = Date.now()
    expect(field(answer.body, 'TxSts')).toBe('ACSC')
    const [callback] = stage.callbacksFor(asked.reference)
    expect(callback?.atMs).toBeLessThan(answeredAt)
    expect(field(callback?.body ?? '', 'StsId')).not.toBe(field(answer.body, 'StsId'))
    expect(await moves()).toBe(1)
  })
})

describe('an answer nobody should believe', () => {
  test.each(['truncated', 'html', 'empty', 'bad_schema', 'wrong_type'])(
    'malformed %s: executed, unreadable',
    async (mode) => {
      await stage.rule(asked.reference, { kind: 'malformed', mode })
      const answer = await send()
      expect(answer.status).toBe(200)
      const readable =
        answer.headers['content-type'] === 'application/xml' &&
        answer.body.endsWith('</Document>') &&
        answer.body.includes('<GrpHdr>')
      expect(readable).toBe(false)
      expect(await moves()).toBe(1)
    },
  )

  test.each([
    ['wrong_key', 'signature'],
    ['stale', 'stale'],
    ['digest', 'digest'],
    ['missing', 'unsigned'],
    ['replayed', 'signature'],
  ])('bad_signature %s: executed, and the signature does not hold', async (mode, why) => {
    await stage.rule(asked.reference, { kind: 'bad_signature', mode })
    expect(await send()).toMatchObject({ status: 200, distrust: why })
    expect(await moves()).toBe(1)
  })

  test.each([
    ['amount', 'IntrBkSttlmAmt', '125.51'],
    ['reference', 'OrgnlTxId', null],
  ])('wrong_content %s: executed right, answered wrong under a good signature', async (name, element, told) => {
    await stage.rule(asked.reference, { kind: 'wrong_content', field: name })
    const answer = await send()
    expect(answer.distrust).toBeNull()
    if (told !== null) expect(field(answer.body, element)).toBe(told)
    else expect(field(answer.body, element)).not.toBe(asked.reference)
    expect(await stage.moves(asked.reference)).toMatchObject([{ amount: '12550' }])
  })

  test('wrong_content currency: the amount comes back in another one', async () => {
    await stage.rule(asked.reference, { kind: 'wrong_content', field: 'currency' })
    expect((await send()).body).toContain('Ccy="EUR"')
  })

  test('duplicate_answer: refused as seen before on the first send, though executed', async () => {
    await stage.rule(asked.reference, { kind: 'duplicate_answer' }, 1)
    expect(reasonOf((await send()).body)).toBe('DUPL')
    expect(await statusNow()).toBe('ACSC')
    expect(await moves()).toBe(1)
  })
})

describe('inquiries that fail', () => {
  test('inquiry_fail: 500 for a while, then the truth', async () => {
    await stage.rule(asked.reference, { kind: 'drop_after' }, 1)
    await stage.rule(asked.reference, { kind: 'inquiry_fail', s: 0.5 }, 1)
    await expect(send()).rejects.toThrow(/socket hang up|ECONNRESET/)
    expect((await stage.inquire(asked)).status).toBe(500)
    await until('the truth', async () => (await statusNow()) === 'ACSC')
    expect(await moves()).toBe(1)
  })

  test('inquiry_lag: not found for a while though executed, then the truth', async () => {
    await stage.rule(asked.reference, { kind: 'inquiry_lag', s: 0.5 }, 1)
    expect(field((await send()).body, 'TxSts')).toBe('ACSC')
    expect((await stage.inquire(asked)).status).toBe(404)
    await until('the truth', async () => (await statusNow()) === 'ACSC')
    expect(field((await send()).body, 'TxSts')).toBe('ACSC')
  })

  test('a rule for inquiries strikes them and not the order', async () => {
    await stage.control('POST', 'rules', {
      match: { operation: 'inquire', reference: asked.reference },
      fault: { kind: 'error_before', status: 502 },
      times: 1,
    })
    expect((await send()).status).toBe(200)
    expect((await stage.inquire(asked)).status).toBe(502)
    expect((await stage.inquire(asked)).status).toBe(200)
  })
})

describe('outage', () => {
  test('refuse: nobody is let in until it is over', async () => {
    await stage.control('POST', 'outage', { seconds: 0.6, mode: 'refuse' })
    await expect(send()).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/)
    await until('the end', async () => (await send().catch(() => null))?.status === 200)
    expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 1 }])
  })

  test('500 and hang: questions arrive and are not executed', async () => {
    await stage.control('POST', 'outage', { seconds: 30, mode: '500' })
    expect((await send()).status).toBe(500)
    await stage.control('POST', 'outage', { seconds: 30, mode: 'hang' })
    await expect(send(300)).rejects.toThrow(/timeout|aborted/i)
    await stage.control('POST', 'outage', { seconds: 0, mode: '500' })
    expect((await send()).status).toBe(200)
  })

  test('as a rule: the order that meets it takes the whole bank down', async () => {
    await stage.rule(asked.reference, { kind: 'outage', seconds: 0.5, mode: '500' }, 1)
    expect((await send()).status).toBe(500)
    expect((await stage.collect()).answer.status).toBe(500)
    await until('the end', async () => (await send()).status === 200)
  })
})

describe('random faults', () => {
  test('are decided by seed, kind, reference and arrival, not by the order of calls', async () => {
    const orders = Array.from({ length: 60 }, (_, n) => `RND${n}x`)
    const run = async (suffix: string[]) => {
      const seen = await Promise.all(
        suffix.map(async (reference) => {
          const { answer } = await stage.collect({ reference, account: MAGIC('00', '23') })
          return [reference, answer.status] as const
        }),
      )
      return new Map(seen)
    }
    await stage.control('POST', 'random', { seed: 7, faults: { error_before: 0.5 } })
    const struck = [...(await run(orders))].filter(([, status]) => status === 503).map(([reference]) => reference)
    expect(struck.length).toBeGreaterThan(15)
    expect(struck.length).toBeLessThan(45)
    const other = await BankStage.open()
    try {
      await other.control('POST', 'random', { seed: 7, faults: { error_before: 0.5 } })
      const again: string[] = []
      for (const reference of orders.toReversed())
        if ((await other.collect({ reference })).answer.status === 503) again.push(reference)
      expect(again.toSorted()).toEqual(struck.toSorted())
    } finally {
      await other.close()
    }
  })

  test('stop when they are set to nothing', async () => {
    await stage.control('POST', 'random', { seed: 1, faults: { drop_before: 1 } })
    await expect(send()).rejects.toThrow(/socket hang up|ECONNRESET/)
    await stage.control('POST', 'random', { seed: 1, faults: {} })
    expect((await send()).status).toBe(200)
  })
})

describe('magic accounts', () => {
  test.each([
    ['01', '93', 'AM04'],
    ['02', '66', 'AC04'],
    ['03', '39', 'AC06'],
    ['04', '12', 'AM14'],
    ['05', '82', 'MS02'],
    ['06', '55', 'MD01'],
  ])('%s declines with its reason, collecting and paying out', async (nn, check, reason) => {
    const account = MAGIC(nn, check)
    const collected = await stage.collect({ account })
    const paid = await stage.payOut({ account })
    expect([reasonOf(collected.answer.body), reasonOf(paid.answer.body)]).toEqual([reason, reason])
  })

  test('a behaviour acts on the first arrival alone', async () => {
    asked = order({ account: MAGIC('20', '65') })
    await expect(send()).rejects.toThrow(/socket hang up|ECONNRESET/)
    expect(field((await send()).body, 'TxSts')).toBe('ACSC')
    expect(await moves()).toBe(1)
  })

  test.each([
    ['00', '23'],
    ['60', '52'],
    ['61', '25'],
    ['62', '95'],
    ['70', '73'],
    ['71', '46'],
    ['72', '19'],
  ])('%s settles', async (nn, check) => {
    expect(field((await stage.collect({ account: MAGIC(nn, check) })).answer.body, 'TxSts')).toBe('ACSC')
  })

  test.each([
    ['11', '17', 'PDNG', 202],
    ['12', '87', 'PDNG', 202],
    ['13', '60', 'PDNG', 202],
    ['14', '33', 'PDNG', 202],
    ['30', '86', 'PDNG', 202],
    ['31', '59', 'PDNG', 202],
    ['32', '32', 'PDNG', 202],
    ['33', '05', 'ACSC', 200],
  ])('%s answers as its row says', async (nn, check, status, http) => {
    const { answer } = await stage.collect({ account: MAGIC(nn, check) })
    expect([answer.status, field(answer.body, 'TxSts')]).toEqual([http, status])
  })

  test.each([
    ['22', '11', 200],
    ['23', '81', 404],
    ['50', '31', 500],
    ['51', '04', 404],
  ])('%s hangs, and its inquiry answers %i', async (nn, check, status) => {
    asked = order({ account: MAGIC(nn, check) })
    await expect(send(300)).rejects.toThrow(/timeout|aborted/i)
    expect((await stage.inquire(asked)).status).toBe(status)
  })

  test('21 drops before, 24 and 25 fail before and after', async () => {
    asked = order({ account: MAGIC('21', '38') })
    await expect(send()).rejects.toThrow(/socket hang up|ECONNRESET/)
    const before = await stage.collect({ account: MAGIC('24', '54') })
    const after = await stage.collect({ account: MAGIC('25', '27') })
    expect([before.answer.status, after.answer.status]).toEqual([503, 503])
    expect(await moves()).toBe(0)
    expect(await stage.moves(before.order.reference)).toHaveLength(0)
    expect(await stage.moves(after.order.reference)).toHaveLength(1)
  })

  test('40 to 43 execute right and answer badly', async () => {
    const malformed = await stage.collect({ account: MAGIC('40', '10') })
    const badSignature = await stage.collect({ account: MAGIC('41', '80') })
    const wrongAmount = await stage.collect({ account: MAGIC('42', '53') })
    const wrongReference = await stage.collect({ account: MAGIC('43', '26') })
    expect(malformed.answer.body.endsWith('</Document>')).toBe(false)
    expect(badSignature.answer.distrust).toBe('signature')
    expect(field(wrongAmount.answer.body, 'IntrBkSttlmAmt')).toBe('125.51')
    expect(field(wrongReference.answer.body, 'OrgnlTxId')).not.toBe(wrongReference.order.reference)
    for (const { order: sent } of [malformed, badSignature, wrongAmount, wrongReference])
      expect(await stage.moves(sent.reference)).toHaveLength(1)
  })

  test('10 answers after three seconds', async () => {
    const started = performance.now()
    expect(field((await stage.collect({ account: MAGIC('10', '44') })).answer.body, 'TxSts')).toBe('ACSC')
    expect(performance.now() - started).toBeGreaterThan(2_900)
  })

  test('60 drops the answer of its refund, 61 declines it', async () => {
    const dropped = await stage.collect({ account: MAGIC('60', '52') })
    const declined = await stage.collect({ account: MAGIC('61', '25') })
    await expect(
      stage.message(refund(dropped.order, { reference: `${dropped.order.reference}a`, amount: '1.00' })),
    ).rejects.toThrow(/socket hang up|ECONNRESET/)
    expect(await stage.moves(`${dropped.order.reference}a`)).toHaveLength(1)
    const answer = await stage.message(
      refund(declined.order, { reference: `${declined.order.reference}a`, amount: '1.00' }),
    )
    expect(field(answer.body, 'TxSts')).toBe('RJCT')
  })
})

describe('which rule strikes', () => {
  test('one by reference before one by account, before magic, before the others', async () => {
    const account = MAGIC('02', '66')
    const rule = (match: object, reason: string) =>
      stage.control('POST', 'rules', { match, fault: { kind: 'decline', reason }, times: 1 })
    await rule({ operation: 'collect' }, 'RR04')
    await rule({ account }, 'AC06')
    await rule({ reference: asked.reference }, 'AG01')
    asked = { ...asked, account }
    expect(reasonOf((await send()).body)).toBe('AG01')
    expect(reasonOf((await stage.collect({ account })).answer.body)).toBe('AC06')
    expect(reasonOf((await stage.collect({ account })).answer.body)).toBe('AC04')
    expect(reasonOf((await stage.collect()).answer.body)).toBe('RR04')
    expect(field((await stage.collect()).answer.body, 'TxSts')).toBe('ACSC')
  })

  test('an amount or an operation narrows a rule; times counts down', async () => {
    await stage.control('POST', 'rules', {
      match: { operation: 'payOut', amount: '4242' },
      fault: { kind: 'decline', reason: 'AM21' },
      times: 2,
    })
    const paid = () => stage.payOut({ amount: '42.42' }).then(({ answer }) => reasonOf(answer.body))
    expect(field((await stage.collect({ amount: '42.42' })).answer.body, 'TxSts')).toBe('ACSC')
    expect(field((await stage.message(payOut(asked))).body, 'TxSts')).toBe('ACSC')
    expect([await paid(), await paid(), await paid()]).toEqual(['AM21', 'AM21', null])
    expect((await stage.control('GET', 'rules')).body).toEqual({ data: [] })
  })
})
