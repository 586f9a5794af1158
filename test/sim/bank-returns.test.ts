import { afterAll, beforeAll, expect, test } from 'vitest'
import { collect, field, MAGIC, order, payOut, reasonOf, refund, type Order } from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'
import { until } from '../support/sim-process.ts'

let stage: BankStage
beforeAll(async () => {
  stage = await BankStage.open()
  await stage.collect()
})
afterAll(() => stage.close())

/** pacs.004s heard of a reference, once there are so many. */
const returnsOf = (reference: string, count: number) =>
  until(`${count} returns`, () => {
    const seen = stage.callbacksFor(reference).filter(({ body }) => body.includes('<PmtRtr>'))
    return seen.length === count ? seen : null
  })
const effects = async (reference: string) =>
  (await stage.moves(reference)).map(({ effect, amount }) => `${effect} ${amount}`)

test.each([
  ['collect', collect],
  ['payOut', payOut],
])('a %s comes back: the book has it, the balance is as before, a signed pacs.004 says so', async (_, write) => {
  const asked = order({ account: MAGIC('00', '23') })
  await stage.rule(asked.reference, { kind: 'return_later', after_s: 0.2, reason: 'AC06' }, 1)
  const before = await stage.balance(asked.account)
  expect(field((await stage.message(write(asked))).body, 'TxSts')).toBe('ACSC')
  const [returned] = await returnsOf(asked.reference, 1)
  expect(returned?.distrust).toBeNull()
  const said = (name: string) => field(returned?.body ?? '', name)
  expect(said('OrgnlTxId')).toBe(asked.reference)
  expect(said('OrgnlUETR')).toBe(asked.uetr)
  expect(said('RtrdIntrBkSttlmAmt')).toBe('125.50')
  expect(reasonOf(returned?.body ?? '')).toBe('AC06')
  expect(await effects(asked.reference)).toEqual(['moved 12550', 'returned 12550'])
  expect(await stage.balance(asked.account)).toBe(before)
  // The transaction was settled, and stays so.
  const name = write === collect ? 'pacs.003.001.09' : 'pacs.008.001.08'
  expect(field((await stage.inquire(asked, name)).body, 'TxSts')).toBe('ACSC')
})

test('it comes back in parts, which make up the amount asked for, each with an id of its own', async () => {
  const asked = order({ amount: '10.01' })
  await stage.rule(asked.reference, { kind: 'return_later', after_s: 0.1, amount: '100', parts: 3 }, 1)
  await stage.message(collect(asked))
  const seen = await returnsOf(asked.reference, 3)
  expect(new Set(seen.map(({ body }) => field(body, 'RtrId'))).size).toBe(3)
  expect(await effects(asked.reference)).toEqual(['moved 1001', 'returned 33', 'returned 33', 'returned 34'])
})

test('what was refunded does not come back, and what came back is not refunded', async () => {
  const asked = order({ amount: '10.00' })
  await stage.rule(asked.reference, { kind: 'return_later', after_s: 0.3 }, 1)
  await stage.message(collect(asked))
  const first = await stage.message(refund(asked, { reference: `${asked.reference}a`, amount: '4.00' }))
  expect(field(first.body, 'TxSts')).toBe('ACSC')
  await returnsOf(asked.reference, 1)
  expect(await effects(asked.reference)).toEqual(['moved 1000', 'returned 600'])
  const second = await stage.message(refund(asked, { reference: `${asked.reference}b`, amount: '0.01' }))
  expect(reasonOf(second.body)).toBe('AM09')
})

test('what was never settled, and a refund, never come back', async () => {
  const declined = order({ amount: '99999999.00' })
  const asked = order()
  await stage.message(collect(asked))
  const given: Pick<Order, 'reference'> = { reference: `${asked.reference}a` }
  for (const { reference } of [declined, given]) await stage.rule(reference, { kind: 'return_later', after_s: 0 }, 1)
  expect(reasonOf((await stage.message(collect(declined))).body)).toBe('AM04')
  expect(
    field((await stage.message(refund(asked, { reference: given.reference, amount: '1.00' }))).body, 'TxSts'),
  ).toBe('ACSC')
  // One that does come back, asked for later, is heard; those two are not.
  const last = order()
  await stage.rule(last.reference, { kind: 'return_later', after_s: 0.1 }, 1)
  await stage.message(collect(last))
  await returnsOf(last.reference, 1)
  expect(await effects(given.reference)).toEqual(['moved 100'])
  expect(await effects(declined.reference)).toEqual([])
})

test('a bank that is killed gives back what is due, and what it gave back only once', async () => {
  const asked = order({ amount: '10.00' })
  await stage.rule(asked.reference, { kind: 'return_later', after_s: 0.5, parts: 2 }, 1)
  await stage.message(collect(asked))
  await returnsOf(asked.reference, 1)
  await stage.bank.kill()
  await stage.restart()
  await until('both parts', async () => (await effects(asked.reference)).length === 3)
  expect(await effects(asked.reference)).toEqual(['moved 1000', 'returned 500', 'returned 500'])
})
