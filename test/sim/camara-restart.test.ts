import { appendFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, CamaraStage, newReference, paymentRequest, PAYMENTS, refundsOf } from '../support/camara-stage.ts'

/** The operator's book outlives kill -9: what was answered is there, and what is there moved once. */

let stage: CamaraStage
beforeAll(async () => {
  stage = await CamaraStage.open({ SIM_REPEATS_FIRST_ANSWER: '1' })
})
afterAll(() => stage.close())

const ask = (reference: string, path = PAYMENTS, over: Parameters<typeof paymentRequest>[1] = {}) =>
  stage.call('POST', path, paymentRequest(reference, over))

test('every answered charge is in the book after kill -9 in the middle of two hundred', async () => {
  const references = Array.from({ length: 200 }, () => newReference())
  const answers = references.map((reference) =>
    ask(reference).then(
      ({ status }) => ({ reference, status }),
      () => ({ reference, status: 0 }),
    ),
  )
  await Promise.race(answers)
  await stage.operator.kill()
  const told = await Promise.all(answers)
  await stage.operator.start()
  const book = await stage.wholeBook()
  const count = (reference: string) => book.filter((line) => line.reference === reference).length
  for (const { reference, status } of told) {
    if (status === 201) expect(count(reference)).toBe(1)
    expect(count(reference)).toBeLessThanOrEqual(1)
  }
  expect(told.some(({ status }) => status === 201)).toBe(true)
  // Sent again, each is charged once in all.
  await Promise.all(references.map((reference) => ask(reference)))
  const after = await stage.wholeBook()
  for (const reference of references) expect(after.filter((line) => line.reference === reference)).toHaveLength(1)
})

test('the first answer is given again, after kill -9 too', async () => {
  const reference = newReference()
  const body = paymentRequest(reference)
  const first = await stage.call('POST', PAYMENTS, body)
  await stage.crash()
  const again = await stage.call('POST', PAYMENTS, body)
  expect([again.status, again.text]).toEqual([201, first.text])
  const other = await ask(reference, PAYMENTS, { amount: 99 })
  expect([other.status, at(other.body, 'code')]).toEqual([409, 'ALREADY_EXISTS'])
})

test('killed between the booking and the answer, it has moved once', async () => {
  const reference = newReference()
  stage.arm('camara-booked', { reference })
  await expect(ask(reference)).rejects.toThrow()
  await stage.operator.exited()
  await stage.operator.start()
  expect(await stage.book(reference)).toMatchObject([{ effect: 'moved', times_requested: 1 }])
  expect((await ask(reference)).status).toBe(201)
  expect(await stage.book(reference)).toHaveLength(1)
})

test('reservations, pending finals, codes, rules, events and settings go on', async () => {
  const phone = '+254700500001'
  await stage.control('POST', 'accounts', { account: phone, validation: true, sim_changed_at: null })
  const coded = await ask(newReference(), `${PAYMENTS}/prepare`, { phone })
  const reserved = await ask(newReference(), `${PAYMENTS}/prepare`)
  const pending = newReference()
  await stage.rule({ reference: pending }, { kind: 'pending', after_s: 0.5 }, 1)
  await ask(pending, PAYMENTS, { sink: stage.sinkUrl })
  const left = newReference()
  await stage.rule({ reference: left }, { kind: 'error_before' }, 2)
  expect((await ask(left)).status).toBe(503)
  await stage.crash()
  expect((await ask(left)).status).toBe(503)
  expect((await ask(left)).status).toBe(201)
  await expect.poll(async () => (await stage.book(pending)).length, { timeout: 10_000 }).toBe(1)
  await expect.poll(() => stage.events.filter(({ target }) => target.endsWith(pending)).length).toBe(1)
  const path = (said: typeof coded, step: string) => `${PAYMENTS}/${String(at(said.body, 'paymentId'))}/${step}`
  const authorizationId = at(coded.body, 'validationInfo', 'authorizationId')
  const code = await stage.code(phone)
  expect((await stage.call('POST', path(coded, 'validate'), { authorizationId, code })).status).toBe(204)
  expect((await stage.call('POST', path(coded, 'confirm'), { phoneNumber: phone })).status).toBe(202)
  const confirmed = await stage.call('POST', path(reserved, 'confirm'), { phoneNumber: '+254700000001' })
  expect(confirmed.status).toBe(202)
  const account = await stage.control('GET', `accounts/${encodeURIComponent(phone)}`)
  expect(account.body).toMatchObject({
    validation: 'validate',
    sim_changed_at: null,
    balance: String(100_000_000 - 1_250),
  })
})

test('refunds and what is left of a payment outlive it', async () => {
  const { body } = await ask(newReference())
  const id = String(at(body, 'paymentId'))
  const code = newReference('RF01')
  const chargingInformation = { amount: 2.5, currency: 'KES', description: 'x', isTaxIncluded: true }
  const amountTransaction = { clientCorrelator: code, referenceCode: code, refundAmount: { chargingInformation } }
  const request = { type: 'partial', amountTransaction }
  const first = await stage.call('POST', refundsOf(id), request)
  await stage.crash()
  expect((await stage.call('POST', refundsOf(id), request)).text).toBe(first.text)
  expect(at((await stage.call('GET', `${refundsOf(id)}/remaining-amount`)).body, 'amount')).toBe(10)
  expect(await stage.book(code)).toHaveLength(1)
})

test('a torn last line is cut off, a line of nobody’s stops the start', async () => {
  const reference = newReference()
  await ask(reference)
  await stage.operator.kill()
  appendFileSync(stage.log, '{"payment":{"paym')
  await stage.operator.start()
  expect(await stage.book(reference)).toHaveLength(1)
  await stage.operator.kill()
  appendFileSync(stage.log, '{"effect":"none"}\n')
  await expect(stage.operator.start()).rejects.toThrow()
})
