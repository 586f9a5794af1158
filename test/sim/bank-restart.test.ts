import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  collect,
  field,
  inquiry,
  MAGIC,
  order,
  OWN_ACCOUNT,
  payOut,
  reasonOf,
  SETTLES,
} from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'
import { until } from '../support/sim-process.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

let stage: BankStage
beforeEach(async () => {
  stage = await BankStage.open()
})
afterEach(() => stage.close())

const arm = (content: object) => {
  mkdirSync(stage.failpoints, { recursive: true })
  writeFileSync(join(stage.failpoints, 'bank-booked'), JSON.stringify(content))
}

test('killed between the booking and the answer: the movement is there, once, and the resend hears of it', async () => {
  const bystander = await stage.collect({ amount: '7.00' })
  arm({ amount: '9900' })
  expect((await stage.collect({ amount: '98.00' })).answer.status).toBe(200)
  const asked = order({ amount: '99.00' })
  await expect(stage.message(collect(asked))).rejects.toThrow(/socket hang up|ECONNRESET/)
  expect(await stage.bank.exited()).toBe('SIGKILL')
  expect(existsSync(join(stage.failpoints, 'bank-booked.fired'))).toBe(true)
  await stage.restart()
  expect(await stage.moves(asked.reference)).toMatchObject([{ amount: '9900', times_requested: 1 }])
  expect(field((await stage.inquire(asked)).body, 'TxSts')).toBe('ACSC')
  const resent = await stage.message(collect(asked))
  expect(field(resent.body, 'TxSts')).toBe('ACSC')
  expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 2 }])
  const again = await stage.message(collect(bystander.order))
  expect(field(again.body, 'StsId')).toBe(field(bystander.answer.body, 'StsId'))
  expect(field(again.body, 'AcctSvcrRef')).toBe(field(bystander.answer.body, 'AcctSvcrRef'))
})

test('killed under load: every answered movement is there once, the others whole or not at all, and the sums agree', async () => {
  const sent = Array.from({ length: 300 }, () => order({ amount: '1.00' }))
  const answered: string[] = []
  let next = 0
  const work = async () => {
    for (let asked = sent[next++]; asked !== undefined; asked = sent[next++]) {
      const answer = await stage.message(collect(asked)).catch(() => null)
      if (answer?.status === 200) answered.push(asked.reference)
      if (answered.length === 120 && stage.bank.alive) await stage.bank.kill()
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  await stage.restart()
  const book = await stage.book('')
  const booked = book.map(({ reference }) => reference)
  expect(answered.length).toBeGreaterThanOrEqual(120)
  expect(answered.filter((reference) => !booked.includes(reference))).toEqual([])
  expect(new Set(booked).size).toBe(booked.length)
  expect(book.every(({ amount }) => amount === '100')).toBe(true)
  expect(100_000_000n - (await stage.balance(SETTLES))).toBe(BigInt(booked.length) * 100n)
  expect((await stage.balance(OWN_ACCOUNT)) - 1_000_000_000_000n).toBe(BigInt(booked.length) * 100n)
})

test('tombstones, rules with what is left of them, mandates, random settings, balances and the clock outlive kill -9', async () => {
  const unknown = order()
  expect((await stage.inquire(unknown)).status).toBe(404)
  const mandateBody = JSON.stringify({
    reference: 'MREF',
    account: 'DE89370400440532013000',
    holder: 'Asha',
    currency: 'KES',
  })
  const askMandate = () => stage.client.post('/iso20022/mandates', mandateBody, { type: 'application/json' })
  const mandate = await askMandate()
  await stage.control('POST', 'rules', {
    match: { operation: 'payOut' },
    fault: { kind: 'decline', reason: 'RR04' },
    times: 2,
  })
  expect(reasonOf((await stage.payOut()).answer.body)).toBe('RR04')
  await stage.control('POST', 'accounts', { account: SETTLES, balance: '777', currency: 'KES', holder: 'Asha' })
  await stage.control('POST', 'random', { seed: 3, faults: { delay: 0.01 } })
  await stage.control('POST', 'clock', { offset_s: 5 })
  await stage.bank.kill()
  await stage.restart()
  expect(reasonOf((await stage.message(collect(unknown))).body)).toBe('TM01')
  expect((await askMandate()).body).toBe(mandate.body)
  expect(reasonOf((await stage.payOut()).answer.body)).toBe('RR04')
  expect(reasonOf((await stage.payOut()).answer.body)).toBeNull()
  expect((await stage.control('GET', `accounts/${SETTLES}`)).body).toMatchObject({ holder: 'Asha' })
  const before = Date.now()
  const { answer } = await stage.collect({ amount: '0.01' })
  expect(Date.parse(field(answer.body, 'CreDtTm') ?? '') - before).toBeGreaterThanOrEqual(4_000)
})

test('a pending decision is taken and called back after kill -9', async () => {
  const asked = order()
  await stage.rule(asked.reference, { kind: 'pending', then: 'settled', after_s: 1 })
  expect((await stage.message(collect(asked))).status).toBe(202)
  await stage.bank.kill()
  await stage.restart()
  const callback = await until('the callback', () => stage.callbacksFor(asked.reference)[0] ?? null)
  expect(callback).toMatchObject({ distrust: null })
  expect(field(callback.body, 'TxSts')).toBe('ACSC')
  expect(await stage.moves(asked.reference)).toHaveLength(1)
})

test('a callback not taken with 204 comes again after 1 s and 2 s, also over a kill -9, with one body', async () => {
  stage.replies.push(500, 503)
  const asked = order({ account: MAGIC('14', '33') })
  expect((await stage.message(payOut(asked))).status).toBe(202)
  await stage.control('POST', 'decide', { reference: asked.reference, outcome: 'declined' })
  await until('two tries', () => stage.callbacksFor(asked.reference).length === 2)
  await stage.bank.kill()
  await stage.restart()
  const tries = await until('the third', () => {
    const seen = stage.callbacksFor(asked.reference)
    return seen.length >= 3 ? seen : null
  })
  expect((tries[1]?.atMs ?? 0) - (tries[0]?.atMs ?? 0)).toBeGreaterThan(950)
  expect(new Set(tries.map(({ body }) => body)).size).toBe(1)
  expect(tries.every(({ distrust }) => distrust === null)).toBe(true)
  expect(field(tries[0]?.body ?? '', 'TxSts')).toBe('RJCT')
  await stage.bank.terminate()
  await stage.restart()
  await stage.message(inquiry(asked, 'pacs.008.001.08'))
  expect(stage.callbacksFor(asked.reference)).toHaveLength(3)
})

test('a line torn by the end of power is cut off, and the book goes on from the line before', async () => {
  const kept = await stage.collect()
  await stage.bank.kill()
  const log = join(stage.keys.directory, '../data/bank.jsonl')
  const whole = statSync(log).size
  appendFileSync(log, '{"accepted":{"operation":"coll')
  await stage.restart()
  expect(statSync(log).size).toBe(whole)
  expect(await stage.moves(kept.order.reference)).toHaveLength(1)
  const more = await stage.collect()
  await stage.bank.kill()
  await stage.restart()
  expect(await stage.moves(more.order.reference)).toHaveLength(1)
})

test('a book that cannot be read stops the start instead of being guessed at', async () => {
  await stage.collect()
  await stage.bank.kill()
  const log = join(stage.keys.directory, '../data/bank.jsonl')
  const text = readFileSync(log, 'utf8')
  truncateSync(log)
  writeFileSync(log, `{"nonsense":1}\n${text}`)
  await expect(stage.bank.start()).rejects.toThrow(/exited 1/)
})

test('SIGTERM answers what is in flight and exits 0 soon', async () => {
  const asked = order()
  await stage.rule(asked.reference, { kind: 'delay', ms: 500 })
  const inFlight = stage.message(collect(asked))
  await until('the booking', async () => (await stage.moves(asked.reference)).length === 1)
  const started = performance.now()
  const exit = stage.bank.terminate()
  expect(field((await inFlight).body, 'TxSts')).toBe('ACSC')
  expect(await exit).toBe(0)
  expect(performance.now() - started).toBeLessThan(2_500)
})

test('nothing secret is in the log', async () => {
  const asked = order()
  await stage.message(collect(asked), { keyId: 'stranger' })
  await stage.collect()
  await stage.control('POST', 'rules', { match: {}, fault: { kind: 'nonsense' } })
  expect(stage.bank.output).toContain('"event":"refused"')
  expect(stage.bank.output).not.toContain(stage.keys.controlToken)
  expect(stage.bank.output).not.toContain(asked.account)
})
