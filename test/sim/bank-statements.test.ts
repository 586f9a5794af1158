import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collect, field, MAGIC, order, OWN_ACCOUNT, payOut, refund } from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'
import { SPECS, violation } from '../support/iso-schemas.ts'
import { until } from '../support/sim-process.ts'

let stage: BankStage
beforeEach(async () => {
  stage = await BankStage.open()
})
afterEach(() => stage.close())

const today = () => new Date().toISOString().slice(0, 10)
const statement = (date: string, query = '', account = OWN_ACCOUNT) =>
  stage.client.send('GET', `/iso20022/statements/${account}/${date}${query}`, null, '')
const close = (date: string) => stage.control('POST', 'day/close', { date })

/** Minor units of a KES amount on the wire. */
const minor = (text: string) => BigInt(text.replace('.', ''))
const lines = (xml: string) =>
  [...xml.matchAll(/<Ntry>.*?<\/Ntry>/g)].map(([entry]) => ({
    txId: field(entry, 'TxId'),
    uetr: field(entry, 'UETR'),
    signed: (field(entry, 'CdtDbtInd') === 'CRDT' ? 1n : -1n) * minor(field(entry, 'Amt') ?? '0'),
    reversal: field(entry, 'RvslInd') === 'true',
    code: field(entry, 'SubFmlyCd'),
  }))
const balance = (xml: string, code: string) =>
  minor(new RegExp(`<Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="KES">([0-9.]+)<`).exec(xml)?.[1] ?? '0')
const sum = (xml: string) => lines(xml).reduce((total, { signed }) => total + signed, 0n)

test('a day has every movement of the client’s account once, and its balances add up', async () => {
  const { order: collected } = await stage.collect({ amount: '10.00' })
  const { order: paid } = await stage.payOut({ amount: '3.00' })
  const given = `${collected.reference}a`
  await stage.message(refund(collected, { reference: given, amount: '1.50' }))
  const back = order({ amount: '2.00' })
  await stage.rule(back.reference, { kind: 'return_later', after_s: 0.1 }, 1)
  await stage.message(payOut(back))
  await until('the return', async () => (await stage.moves(back.reference)).length === 2)

  expect((await statement(today())).status).toBe(202)
  expect((await close(today())).status).toBe(200)
  const answer = await statement(today())
  expect(answer).toMatchObject({ status: 200, distrust: null })
  expect(lines(answer.body)).toEqual([
    { txId: collected.reference, uetr: collected.uetr, signed: 1_000n, reversal: false, code: 'ESDD' },
    { txId: paid.reference, uetr: paid.uetr, signed: -300n, reversal: false, code: 'ESCT' },
    { txId: given, uetr: null, signed: -150n, reversal: false, code: 'ESCT' },
    { txId: back.reference, uetr: back.uetr, signed: -200n, reversal: false, code: 'ESCT' },
    { txId: back.reference, uetr: back.uetr, signed: 200n, reversal: true, code: 'RRTN' },
  ])
  expect(balance(answer.body, 'OPBD') + sum(answer.body)).toBe(balance(answer.body, 'CLBD'))
  expect(balance(answer.body, 'CLBD')).toBe(await stage.balance(OWN_ACCOUNT))
  expect(field(answer.body, 'LastPgInd')).toBe('true')
})

test('what moves after the close is booked the next day, which follows without a gap', async () => {
  await stage.collect({ amount: '1.00' })
  await close(today())
  const late = await stage.collect({ amount: '2.00' })
  const first = await statement(today())
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  expect((await statement(tomorrow)).status).toBe(202)
  await stage.control('POST', 'clock', { offset_s: 2 * 86_400 })
  // The client's clock is not the bank's: its requests are dated by what the bank will believe.
  const createdS = Math.floor(Date.now() / 1000) + 2 * 86_400
  const second = await stage.client.send('GET', `/iso20022/statements/${OWN_ACCOUNT}/${tomorrow}`, null, '', {
    createdS,
  })
  expect(lines(second.body).map(({ txId }) => txId)).toEqual([late.order.reference])
  expect(balance(second.body, 'OPBD')).toBe(balance(first.body, 'CLBD'))
  const sequences = [first, second].map(({ body }) => Number(field(body, 'ElctrncSeqNb')))
  expect(sequences).toEqual([1, 2])
})

test('a long day comes in pages, each of the whole, and no line twice', async () => {
  await Promise.all(Array.from({ length: 120 }, () => stage.collect({ amount: '1.00' })))
  await close(today())
  const pages = await Promise.all([1, 2, 3].map((page) => statement(today(), `?page=${page}`)))
  expect(pages.map(({ body }) => field(body, 'LastPgInd'))).toEqual(['false', 'false', 'true'])
  expect(pages.every(({ body }) => Buffer.byteLength(body) < 65_536)).toBe(true)
  expect(pages.map(({ body }) => field(body, 'NbOfNtries'))).toEqual(['120', '120', '120'])
  expect(new Set(pages.flatMap(({ body }) => lines(body)).map(({ txId }) => txId)).size).toBe(120)
  expect((await statement(today(), '?page=4')).status).toBe(404)
})

describe('a statement told wrong', () => {
  test.each([
    ['70', '73', []],
    ['71', '46', [12_551n]],
    ['72', '19', [12_550n, 12_550n]],
  ])('of account %s: the book is true, and the lines are not', async (nn, check, told) => {
    const { order: asked } = await stage.collect({ account: MAGIC(nn, check) })
    await close(today())
    const { body } = await statement(today())
    expect(lines(body).map(({ signed }) => signed)).toEqual(told)
    expect(await stage.moves(asked.reference)).toMatchObject([{ amount: '12550' }])
    expect(balance(body, 'CLBD') - balance(body, 'OPBD')).toBe(12_550n)
  })

  test('by a rule or by the control API: dropped, altered, twice, added, with a gap', async () => {
    const [ruled, signed, dropped, doubled] = [order(), order(), order(), order()]
    await stage.rule(ruled.reference, { kind: 'statement', mode: 'alter', field: 'reference' }, 1)
    await stage.rule(signed.reference, { kind: 'statement', mode: 'alter', field: 'sign' }, 1)
    for (const one of [ruled, signed, dropped, doubled]) await stage.message(collect(one))
    const tamper = { drop: dropped.reference, twice: doubled.reference, add: true, gap: true }
    expect((await stage.control('POST', `statement/${today()}/tamper`, tamper)).status).toBe(200)
    await close(today())
    const { body } = await statement(today())
    expect(lines(body).map(({ txId, signed: minorSigned }) => [txId, minorSigned])).toEqual([
      [`X${ruled.reference.slice(1)}`, 12_550n],
      [signed.reference, -12_550n],
      [doubled.reference, 12_550n],
      [doubled.reference, 12_550n],
      [expect.stringContaining('STRANGER'), 4_711n],
    ])
    expect(field(body, 'ElctrncSeqNb')).toBe('2')
  })
})

test('only the client’s own account has statements, of days that have been', async () => {
  await stage.collect()
  expect((await statement(today(), '', MAGIC('00', '23'))).status).toBe(404)
  expect((await statement('2026-02-30')).status).toBe(400)
  expect((await statement('2020-01-01')).status).toBe(404)
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  expect((await close(tomorrow)).status).toBe(400)
  expect((await close('yesterday')).status).toBe(400)
  expect((await stage.control('POST', 'statement/2026-02-30/tamper', {})).status).toBe(400)
})

test('a killed bank tells the same day again', async () => {
  await stage.collect()
  await stage.control('POST', `statement/${today()}/tamper`, { add: true })
  await close(today())
  const before = await statement(today())
  await stage.bank.kill()
  await stage.restart()
  const after = await statement(today())
  expect(lines(after.body)).toEqual(lines(before.body))
  expect(lines(after.body)).toHaveLength(2)
})

const missing = !existsSync(SPECS)
describe.skipIf(missing)(`against the ISO schemas${missing ? `, skipped: ${SPECS} is not there` : ''}`, () => {
  test('a statement is a camt.053, with lines and without', async () => {
    const back = order()
    await stage.rule(back.reference, { kind: 'return_later', after_s: 0.05 }, 1)
    const { order: asked } = await stage.collect()
    await stage.message(refund(asked, { reference: `${asked.reference}a`, amount: '1.00' }))
    await stage.message(collect(back))
    await until('the return', async () => (await stage.moves(back.reference)).length === 2)
    await stage.control('POST', `statement/${today()}/tamper`, { add: true })
    await close(today())
    expect(violation((await statement(today())).body)).toBeNull()
    await stage.control('POST', 'clock', { offset_s: 2 * 86_400 })
    const path = `/iso20022/statements/${OWN_ACCOUNT}/${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}?currency=KES`
    const empty = await stage.client.send('GET', path, null, '', {
      createdS: Math.floor(Date.now() / 1000) + 2 * 86_400,
    })
    expect(lines(empty.body)).toEqual([])
    expect(violation(empty.body)).toBeNull()
  })
})
