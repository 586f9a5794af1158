import { appendFileSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { collectFrom, GsmaStage, MONEY, moneyRequest, reversalOf, type MoneyRequest } from '../support/gsma-stage.ts'
import { until } from '../support/sim-process.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

let stage: GsmaStage
beforeEach(async () => {
  stage = await GsmaStage.open()
})
afterEach(() => stage.close())

test('killed under load: every answered movement is there once, the others whole or not at all, and the sums agree', async () => {
  const sent = Array.from({ length: 300 }, () => collectFrom('+254700000001', { amount: '1.00' }))
  const answered: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let asked = sent[next++]; asked !== undefined; asked = sent[next++]) {
      const answer = await stage.post(asked).catch(() => null)
      if (answer?.status === 201) answered.push(asked.reference)
      if (answered.length === 120 && stage.operator.alive) await stage.operator.kill()
    }
  }
  await stage.token()
  await Promise.all(Array.from({ length: 16 }, work))
  await stage.restart()
  const book = await stage.book()
  const booked = book.map(({ reference }) => reference)
  expect(answered.length).toBeGreaterThanOrEqual(120)
  expect(answered.filter((reference) => !booked.includes(reference))).toEqual([])
  expect(new Set(booked).size).toBe(booked.length)
  expect(100_000_000n - (await stage.balance('+254700000001'))).toBe(BigInt(booked.length) * 100n)
  expect((await stage.balance(MONEY.account_id)) - 1_000_000_000_000n).toBe(BigInt(booked.length) * 100n)
  // Sent again, each of them moves once in all.
  for (const asked of sent.slice(0, 140)) await stage.post(asked)
  const now = (await stage.book()).map(({ reference }) => reference)
  expect(new Set(now).size).toBe(now.length)
})

test('orders, refusals, pending decisions, callbacks, rules, random settings, polls and the clock outlive kill -9', async () => {
  const settled = moneyRequest('merchantpay')
  const reference = String((await stage.post(settled)).body['transactionReference'])
  const refusedRequest = moneyRequest('merchantpay', { amount: 'nothing' })
  await stage.post(refusedRequest)
  const pending = moneyRequest('merchantpay')
  await stage.rule(pending.reference, { kind: 'pending', then: 'settled', after_s: 1 })
  const state = (await stage.post(pending)).body['serverCorrelationId']
  for (let n = 0; n < 19; n++) await stage.get(`/requeststates/${String(state)}`)
  const owed = moneyRequest('merchantpay')
  await stage.rule(owed.reference, { kind: 'pending', then: 'declined', after_s: 0 })
  stage.replies.push(...Array.from({ length: 2 }, () => 503))
  await stage.post(owed)
  await until('a callback that is not taken', () => stage.callbacksFor(owed.reference).length > 0)
  const worn = await stage.control('POST', 'rules', { match: { amount: '777' }, fault: { kind: 'decline' }, times: 2 })
  expect(worn.status).toBe(201)
  await stage.post(moneyRequest('merchantpay', { amount: '7.77' }))
  await stage.control('POST', 'random', { seed: 3, faults: { delay: 0.01 } })
  await stage.control('POST', 'clock', { offset_s: 5 })

  await stage.operator.kill()
  await stage.restart()

  expect((await stage.get(`/transactions/${reference}`)).body).toMatchObject({ transactionStatus: 'completed' })
  expect((await stage.post(settled)).body).toMatchObject({ errorCode: 'duplicateRequest' })
  expect((await stage.post(refusedRequest)).body).toMatchObject({ errorCode: 'duplicateRequest' })
  expect((await stage.lookUp(refusedRequest)).body).toMatchObject({
    status: 'failed',
    error: { errorCode: 'formatError' },
  })
  // The nineteenth look was before: this is the last.
  expect((await stage.get(`/requeststates/${String(state)}`)).status).toBe(200)
  expect((await stage.get(`/requeststates/${String(state)}`)).status).toBe(404)
  await until('the decision', async () => (await stage.moves(pending.reference)).length === 1)
  await until('the callback that was owed', () => stage.callbacksFor(owed.reference).length >= 2)
  const statusOf = async (request: MoneyRequest) => (await stage.post(request)).status
  expect(await statusOf(moneyRequest('merchantpay', { amount: '7.77' }))).toBe(400)
  expect(await statusOf(moneyRequest('merchantpay', { amount: '7.77' }))).toBe(201)
  const { body } = await stage.post(moneyRequest('merchantpay'))
  expect(Date.parse(String(body['creationDate'])) - Date.now()).toBeGreaterThan(2_000)
})

test('what comes later of a settled order comes after a restart too, and never twice', async () => {
  const asked = moneyRequest('merchantpay')
  await stage.rule(asked.reference, { kind: 'return_later', after_s: 1 })
  await stage.post(asked)
  await stage.operator.kill()
  await stage.restart()
  await until('the return', async () => (await stage.moves(asked.reference)).length === 2)
  await stage.operator.kill()
  await stage.restart()
  expect(await stage.moves(asked.reference)).toMatchObject([{ effect: 'moved' }, { effect: 'returned' }])
})

test('a refund after a restart still knows what was given back before', async () => {
  const original = String((await stage.post(moneyRequest('merchantpay'))).body['transactionReference'])
  const part = { type: 'adjustment', amount: '100.00', currency: 'KES' }
  await stage.post(reversalOf(original, part))
  await stage.operator.kill()
  await stage.restart()
  expect((await stage.post(reversalOf(original, part))).body).toMatchObject({ errorCode: 'overPaymentNotAllowed' })
})

test('a torn last line is cut off; any other unreadable line stops the start', async () => {
  const asked = moneyRequest('merchantpay')
  await stage.post(asked)
  await stage.operator.kill()
  const size = statSync(stage.log).size
  appendFileSync(stage.log, '{"accepted":{"operation":"coll')
  await stage.restart()
  expect(await stage.moves(asked.reference)).toHaveLength(1)
  expect(readFileSync(stage.log).subarray(0, size).toString()).not.toContain('"coll"')
  await stage.operator.kill()
  truncateSync(stage.log, size)
  appendFileSync(stage.log, '{"surprise":true}\n')
  await expect(stage.restart()).rejects.toThrow(/exited 1/)
})

test('SIGTERM lets what is asked be answered, and ends with 0', async () => {
  const asked = moneyRequest('merchantpay')
  await stage.rule(asked.reference, { kind: 'delay', ms: 400 })
  const answering = stage.post(asked)
  await until('it is booked', async () => (await stage.moves(asked.reference)).length === 1)
  expect(await stage.operator.terminate()).toBe(0)
  expect((await answering).status).toBe(201)
})
