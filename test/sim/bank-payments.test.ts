import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import {
  collect,
  field,
  MAGIC,
  order,
  OWN_ACCOUNT,
  payOut,
  reasonOf,
  refund,
  SETTLES,
} from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'

let stage: BankStage
beforeAll(async () => {
  stage = await BankStage.open()
})
afterAll(() => stage.close())

const CUSTOMER = 'DE89370400440532013000'
const Mandate = z.object({ mandateId: z.string(), dateOfSignature: z.string(), status: z.string() })

async function mandate(over: object = {}) {
  const body = {
    reference: `MR${randomUUID().slice(0, 8)}`,
    account: CUSTOMER,
    holder: 'Asha',
    currency: 'KES',
    ...over,
  }
  const answer = await stage.client.post('/iso20022/mandates', JSON.stringify(body), { type: 'application/json' })
  return { body, answer }
}

test('a collect moves the amount once from the customer to the client, and says so under a signature', async () => {
  const before = await stage.balance(SETTLES)
  const { order: asked, answer } = await stage.collect({ amount: '125.50' })
  expect(answer).toMatchObject({ status: 200, distrust: null })
  expect(field(answer.body, 'TxSts')).toBe('ACSC')
  expect(field(answer.body, 'OrgnlTxId')).toBe(asked.reference)
  expect(field(answer.body, 'OrgnlUETR')).toBe(asked.uetr)
  expect(field(answer.body, 'OrgnlMsgNmId')).toBe('pacs.003.001.09')
  expect(field(answer.body, 'IntrBkSttlmAmt')).toBe('125.50')
  expect(await stage.moves(asked.reference)).toMatchObject([
    { operation: 'collect', amount: '12550', currency: 'KES', account: SETTLES, effect: 'moved', times_requested: 1 },
  ])
  expect(before - (await stage.balance(SETTLES))).toBe(12_550n)
})

test('a pay-out moves the amount from the client to the customer', async () => {
  const before = await stage.balance(SETTLES)
  const { order: asked, answer } = await stage.payOut({ amount: '0.05' })
  expect(field(answer.body, 'TxSts')).toBe('ACSC')
  expect(await stage.moves(asked.reference)).toMatchObject([{ operation: 'payOut', amount: '5', effect: 'moved' }])
  expect((await stage.balance(SETTLES)) - before).toBe(5n)
})

test('a resend gets the same status, StsId and AcctSvcrRef, and moves nothing again', async () => {
  const { order: asked, answer } = await stage.collect()
  const again = await stage.message(collect(asked))
  expect(again).toMatchObject({ status: 200, distrust: null })
  for (const name of ['StsId', 'AcctSvcrRef', 'TxSts', 'OrgnlMsgId'])
    expect(field(again.body, name)).toBe(field(answer.body, name))
  expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 2 }])
})

test('fifty arrivals of one order at once are one movement and fifty equal answers', async () => {
  const asked = order()
  const answers = await Promise.all(Array.from({ length: 50 }, () => stage.message(collect(asked))))
  expect(new Set(answers.map((answer) => field(answer.body, 'StsId'))).size).toBe(1)
  expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 50 }])
})

test.each([
  ['another amount', { amount: '99.99' }],
  ['another account', { account: MAGIC('10', '44') }],
  ['another UETR', { uetr: randomUUID() }],
])('the same reference with %s is refused as DU03 and leaves the original as it was', async (_, over) => {
  const { order: asked, answer } = await stage.collect()
  const other = await stage.message(collect({ ...asked, ...over }))
  expect(other).toMatchObject({ status: 409, distrust: null })
  expect(reasonOf(other.body)).toBe('DU03')
  const now = await stage.inquire(asked)
  expect(field(now.body, 'StsId')).toBe(field(answer.body, 'StsId'))
  expect(await stage.moves(asked.reference)).toHaveLength(1)
})

test('a message id or UETR of another payment is refused as DU03', async () => {
  const { order: asked } = await stage.collect()
  const sameMessage = await stage.collect({ messageId: asked.messageId })
  const sameUetr = await stage.collect({ uetr: asked.uetr })
  expect([sameMessage.answer.status, sameUetr.answer.status]).toEqual([409, 409])
  expect(await stage.moves(sameMessage.order.reference)).toEqual([])
  expect(await stage.moves(sameUetr.order.reference)).toEqual([])
})

test('an inquiry about an unknown reference is a promise: the order is refused when it comes later', async () => {
  const asked = order()
  const inquiry = await stage.inquire(asked)
  expect(inquiry).toMatchObject({ status: 404, distrust: null })
  expect(reasonOf(inquiry.body)).toBe('AG09')
  expect(field(inquiry.body, 'TxSts')).toBeNull()
  expect(field(inquiry.body, 'OrgnlTxId')).toBe(asked.reference)
  const late = await stage.message(collect(asked))
  expect(field(late.body, 'TxSts')).toBe('RJCT')
  expect(reasonOf(late.body)).toBe('TM01')
  expect(await stage.moves(asked.reference)).toEqual([])
})

test.each([21_000, -21_000])('a first arrival %i ms old is refused with TM01, whichever time counts', async (age) => {
  const at = new Date(Date.now() - age).toISOString()
  const collected = await stage.collect({ at })
  const paid = await stage.payOut({ at })
  expect([reasonOf(collected.answer.body), reasonOf(paid.answer.body)]).toEqual(['TM01', 'TM01'])
  expect(await stage.moves(collected.order.reference)).toEqual([])
})

test('an inquiry answers what was answered, and refuses ids that belong to different payments', async () => {
  const { order: asked, answer } = await stage.payOut()
  const inquiry = await stage.inquire(asked, 'pacs.008.001.08')
  expect(inquiry.status).toBe(200)
  expect(field(inquiry.body, 'StsId')).toBe(field(answer.body, 'StsId'))
  const mixed = await stage.inquire({ ...asked, uetr: randomUUID() }, 'pacs.008.001.08')
  expect(mixed.status).toBe(400)
  expect(field(mixed.body, 'OrgnlMsgNmId')).toBe('pacs.028.001.05')
})

test('a collect needs the mandate of its account; the same mandate request gets the same mandate', async () => {
  const without = await stage.collect({ account: CUSTOMER })
  expect(reasonOf(without.answer.body)).toBe('MD01')
  const { body, answer } = await mandate()
  expect(answer).toMatchObject({ status: 201, distrust: null })
  const made = Mandate.parse(JSON.parse(answer.body))
  expect((await mandate(body)).answer.body).toBe(answer.body)
  expect((await mandate({ ...body, holder: 'Someone else' })).answer.status).toBe(409)
  const under = { account: CUSTOMER, mandateId: made.mandateId, mandateSignedOn: made.dateOfSignature }
  expect(field((await stage.collect(under)).answer.body, 'TxSts')).toBe('ACSC')
  const ended = await stage.client.send('DELETE', `/iso20022/mandates/${made.mandateId}`, null, '')
  expect(ended).toMatchObject({ status: 204, body: '', distrust: null })
  expect(reasonOf((await stage.collect(under)).answer.body)).toBe('MD01')
})

test.each([
  ['an account whose check digits are wrong', { account: 'DE88370400440532013000' }, 'AC01'],
  ['a currency the bank does not keep', { currency: 'XYZ' }, 'FF01'],
])('a mandate on %s is refused', async (_, over, code) => {
  const { answer } = await mandate(over)
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body)).toMatchObject({ code })
})

test('an account that lacks the money is declined with AM04 and keeps what it has', async () => {
  const valid = await stage.control('POST', 'accounts', { account: SETTLES, balance: '100', currency: 'KES' })
  expect(valid.status).toBe(200)
  const short = await stage.collect({ amount: '1.01' })
  expect(reasonOf(short.answer.body)).toBe('AM04')
  expect(field((await stage.collect({ amount: '1.00' })).answer.body, 'TxSts')).toBe('ACSC')
  expect(await stage.balance(SETTLES)).toBe(0n)
  await stage.control('POST', 'accounts', { account: SETTLES, balance: '100000000', currency: 'KES' })
})

test('two hundred parallel collects of one balance: exactly the affordable ones settle', async () => {
  await stage.control('POST', 'accounts', { account: SETTLES, balance: '5000', currency: 'KES' })
  const answers = await Promise.all(Array.from({ length: 200 }, () => stage.collect({ amount: '1.00' })))
  const settled = answers.filter(({ answer }) => field(answer.body, 'TxSts') === 'ACSC')
  expect(settled).toHaveLength(50)
  expect(await stage.balance(SETTLES)).toBe(0n)
  await stage.control('POST', 'accounts', { account: SETTLES, balance: '100000000', currency: 'KES' })
})

test('refunds give back up to the original and no more, each under its own reference', async () => {
  const { order: asked } = await stage.collect({ amount: '10.00' })
  const first = await stage.message(refund(asked, { reference: `${asked.reference}a`, amount: '6.00' }))
  expect(field(first.body, 'TxSts')).toBe('ACSC')
  const over = await stage.message(refund(asked, { reference: `${asked.reference}b`, amount: '4.01' }))
  expect(reasonOf(over.body)).toBe('AM09')
  const rest = await stage.message(refund(asked, { reference: `${asked.reference}c`, amount: '4.00' }))
  expect(field(rest.body, 'TxSts')).toBe('ACSC')
  expect(await stage.moves(`${asked.reference}a`)).toMatchObject([
    { operation: 'refund', amount: '600', account: SETTLES, original: asked.reference },
  ])
  const stranger = await stage.message(refund(order(), { reference: `${asked.reference}d`, amount: '1.00' }))
  expect(reasonOf(stranger.body)).toBe('FF12')
})

test('amounts follow the exponent of their currency', async () => {
  const yen = await stage.collect({ currency: 'JPY', amount: '5', own: OWN_ACCOUNT })
  const dinar = await stage.collect({ currency: 'KWD', amount: '0.005', own: OWN_ACCOUNT })
  expect(await stage.moves(yen.order.reference)).toMatchObject([{ amount: '5', currency: 'JPY' }])
  expect(await stage.moves(dinar.order.reference)).toMatchObject([{ amount: '5', currency: 'KWD' }])
})

test('the certificate is entitled to its own account alone', async () => {
  await stage.collect()
  const { answer, order: asked } = await stage.payOut({ own: CUSTOMER })
  expect(answer).toMatchObject({ status: 403, distrust: null })
  expect(await stage.moves(asked.reference)).toEqual([])
  expect(await stage.message(payOut(order({ own: SETTLES })))).toMatchObject({ status: 403 })
})
