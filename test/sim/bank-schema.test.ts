import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, inquiry, MAGIC, order, payOut, refund } from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'
import { SPECS, violation } from '../support/iso-schemas.ts'
import { until } from '../support/sim-process.ts'

const missing = !existsSync(SPECS)

let stage: BankStage
beforeAll(async () => {
  stage = await BankStage.open()
})
afterAll(() => stage.close())

describe.skipIf(missing)(`against the ISO schemas${missing ? `, skipped: ${SPECS} is not there` : ''}`, () => {
  test('every kind of message the bank writes is of its published schema', async () => {
    const { order: settled, answer } = await stage.collect()
    const pending = await stage.collect({ account: MAGIC('32', '32') })
    const unknown = order()
    const returning = order()
    await stage.rule(returning.reference, { kind: 'return_later', after_s: 0.1, parts: 2 })
    await stage.message(collect(returning))
    const answers = [
      answer,
      pending.answer,
      await stage.inquire(settled),
      await stage.inquire(pending.order),
      await stage.inquire(unknown),
      await stage.inquire({ ...settled, uetr: unknown.uetr }),
      await stage.message(collect({ ...settled, amount: '1.00' })),
      (await stage.payOut()).answer,
      (await stage.collect({ account: MAGIC('01', '93') })).answer,
      (await stage.collect({ account: MAGIC('42', '53') })).answer,
      (await stage.collect({ account: MAGIC('43', '26') })).answer,
      await stage.message(refund(settled, { reference: `${settled.reference}a`, amount: '1.00' })),
      await stage.message(refund(settled, { reference: `${settled.reference}b`, amount: '999.00' })),
      await stage.message(collect(order({ amount: '1.234' }))),
      await stage.message(
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.003.001.09"><Wrong></Wrong></Document>',
      ),
      await stage.message(
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.056.001.10"><FIToFIPmtCxlReq></FIToFIPmtCxlReq></Document>',
      ),
      await stage.message('not xml at all'),
      await stage.message('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    ]
    const callbacks = await until('the final and its contradiction', () => {
      const seen = stage.callbacksFor(pending.order.reference)
      return seen.length === 2 ? seen : null
    })
    const returns = await until('both returns', () => {
      const seen = stage.callbacksFor(returning.reference)
      return seen.length === 2 ? seen : null
    })
    expect(returns.map(({ body }) => body.includes('pacs.004.001.11'))).toEqual([true, true])
    callbacks.push(...returns)
    const written = [...answers, ...callbacks].map(({ body }) => body)
    expect(written.map(violation).filter((wrong) => wrong !== null)).toEqual([])
    expect([...answers, ...callbacks].filter(({ distrust }) => distrust !== null)).toEqual([])
  })

  test('the messages these tests send are of the published schemas too', () => {
    const some = order()
    const sent = [collect(some), payOut(some), inquiry(some), refund(some, { reference: 'R1', amount: '1.00' })]
    expect(sent.map(violation).filter((wrong) => wrong !== null)).toEqual([])
  })
})
