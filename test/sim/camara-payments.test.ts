import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, CamaraStage, newReference, paymentRequest, PAYMENTS, refundsOf } from '../support/camara-stage.ts'

/** Carrier billing as the standard has it: connectors.md §2.1 to §2.3. */

let stage: CamaraStage
beforeAll(async () => {
  stage = await CamaraStage.open()
})
afterAll(() => stage.close())

let phones = 0
const newPhone = () => `+2547001${String(++phones).padStart(5, '0')}`

async function opened(step: '' | '/prepare', over: Parameters<typeof paymentRequest>[1] = {}) {
  const reference = newReference()
  const said = await stage.call('POST', `${PAYMENTS}${step}`, paymentRequest(reference, over))
  return { reference, said, id: String(at(said.body, 'paymentId')), phone: over.phone ?? '+254700000001' }
}
const statusOf = async (id: string) => at((await stage.call('GET', `${PAYMENTS}/${id}`)).body, 'paymentStatus')
const step = (id: string, name: 'confirm' | 'cancel', phoneNumber = '+254700000001') =>
  stage.call('POST', `${PAYMENTS}/${id}/${name}`, { phoneNumber })

test('a one-step payment is charged at once and stands in the book once', async () => {
  const { reference, said, id } = await opened('')
  expect(said.status).toBe(201)
  expect(at(said.body, 'paymentStatus')).toBe('succeeded')
  expect(at(said.body, 'paymentDate')).toBeTypeOf('string')
  expect(await stage.book(reference)).toMatchObject([
    { operation: 'collect', amount: '1250', currency: 'KES', account: '+254700000001', effect: 'moved' },
  ])
  expect(await statusOf(id)).toBe('succeeded')
})

test('amounts keep their text: a currency of three decimals, one of none, and no finer than either', async () => {
  for (const [currency, text, minor] of [
    ['KWD', '0.005', '5'],
    ['JPY', '7', '7'],
    ['KES', '0.10', '10'],
  ] as const) {
    const reference = newReference()
    const body = JSON.stringify(paymentRequest(reference, { currency })).replace('12.5', text)
    const said = await stage.call('POST', PAYMENTS, body)
    expect(said.text).toContain(`"amount":${text},`)
    expect(await stage.book(reference)).toMatchObject([{ amount: minor, currency }])
  }
  for (const amount of ['0.001', '0', '-1', '1e3', '1.0005']) {
    const body = JSON.stringify(paymentRequest(newReference())).replace('12.5', amount)
    const said = await stage.call('POST', PAYMENTS, body)
    expect([amount, said.status, at(said.body, 'code')]).toEqual([amount, 400, 'INVALID_ARGUMENT'])
  }
})

test('two steps: reserved, confirmed, charged; a second confirm says so', async () => {
  const { reference, said, id } = await opened('/prepare')
  expect([said.status, at(said.body, 'paymentStatus')]).toEqual([201, 'reserved'])
  expect(await stage.book(reference)).toEqual([])
  const confirmed = await step(id, 'confirm')
  expect([confirmed.status, confirmed.text]).toEqual([202, ''])
  expect(await statusOf(id)).toBe('succeeded')
  expect(await stage.book(reference)).toMatchObject([{ effect: 'moved', times_requested: 1 }])
  const again = await step(id, 'confirm')
  expect([again.status, at(again.body, 'code')]).toEqual([409, 'CARRIER_BILLING.PAYMENT_CONFIRMED'])
  const late = await step(id, 'cancel')
  expect([late.status, at(late.body, 'code')]).toEqual([409, 'CARRIER_BILLING.PAYMENT_CONFIRMED'])
  expect(await stage.book(reference)).toHaveLength(1)
})

test('a cancelled reservation moves nothing and cannot be confirmed', async () => {
  const { reference, id } = await opened('/prepare')
  expect((await step(id, 'cancel')).status).toBe(202)
  const late = await step(id, 'confirm')
  expect([late.status, at(late.body, 'code')]).toEqual([409, 'CARRIER_BILLING.PAYMENT_CANCELLED'])
  expect(await stage.book(reference)).toEqual([])
})

test('fifty confirms and cancels at once: one of the two wins, and the book agrees', async () => {
  const { reference, id } = await opened('/prepare')
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => step(id, n % 2 === 0 ? 'confirm' : 'cancel')))
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1)
  const charged = (await statusOf(id)) === 'succeeded'
  expect(await stage.book(reference)).toHaveLength(charged ? 1 : 0)
})

test('where the subscriber must type a code, it comes by SMS and has three tries', async () => {
  const phone = newPhone()
  await stage.control('POST', 'accounts', { account: phone, validation: true })
  const { id, said } = await opened('/prepare', { phone })
  expect(at(said.body, 'paymentStatus')).toBe('pending_validation')
  const authorizationId = at(said.body, 'validationInfo', 'authorizationId')
  const validate = (code: string, over: object = {}) =>
    stage.call('POST', `${PAYMENTS}/${id}/validate`, { authorizationId, code, ...over })
  const code = await stage.code(phone)
  const wrong = code === '000000' ? '000001' : '000000'
  const other = await validate(code, { authorizationId: 'another' })
  expect(at(other.body, 'code')).toBe('CARRIER_BILLING.INVALID_AUTHORIZATION_ID')
  for (let n = 0; n < 2; n++) expect(at((await validate(wrong)).body, 'code')).toBe('CARRIER_BILLING.INVALID_CODE')
  expect((await validate(code)).status).toBe(204)
  expect(await statusOf(id)).toBe('reserved')
  expect(at((await validate(code)).body, 'code')).toBe('ALREADY_EXISTS')

  const second = await opened('/prepare', { phone })
  const tries = []
  for (let n = 0; n < 4; n++) {
    const body = { authorizationId: at(second.said.body, 'validationInfo', 'authorizationId'), code: 'wrong' }
    tries.push(at((await stage.call('POST', `${PAYMENTS}/${second.id}/validate`, body)).body, 'code'))
  }
  expect(tries.map((one) => String(one).replace('CARRIER_BILLING.', ''))).toEqual([
    'INVALID_CODE',
    'INVALID_CODE',
    'VALIDATION_FAILED',
    'VALIDATION_FAILED',
  ])
  expect(await statusOf(second.id)).toBe('denied')
})

test('a reservation expires by the operator’s clock', async () => {
  const { id, reference } = await opened('/prepare')
  await stage.control('POST', 'clock', { offset_s: 3_601 })
  await expect.poll(() => statusOf(id)).toBe('cancelled')
  await stage.control('POST', 'clock', { offset_s: 0 })
  expect(await stage.book(reference)).toEqual([])
})

test('a used reference is never charged again', async () => {
  const reference = newReference()
  const body = paymentRequest(reference)
  const prepared = await stage.call('POST', `${PAYMENTS}/prepare`, body)
  const again = await stage.call('POST', `${PAYMENTS}/prepare`, body)
  expect([again.status, at(again.body, 'code')]).toEqual([400, 'INVALID_ARGUMENT'])
  await step(String(at(prepared.body, 'paymentId')), 'confirm')
  const done = await stage.call('POST', `${PAYMENTS}/prepare`, body)
  expect([done.status, at(done.body, 'code')]).toEqual([409, 'ALREADY_EXISTS'])
  const otherContent = await stage.call('POST', PAYMENTS, paymentRequest(reference, { amount: 99 }))
  expect([otherContent.status, at(otherContent.body, 'code')]).toEqual([409, 'ALREADY_EXISTS'])
  expect(await stage.book(reference)).toHaveLength(1)
})

test('two hundred equal requests at once charge once', async () => {
  const reference = newReference()
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => stage.call('POST', PAYMENTS, paymentRequest(reference))),
  )
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(await stage.book(reference)).toMatchObject([{ times_requested: 200 }])
})

test('refunds: in parts, never more than is left, and the rest is told', async () => {
  const { id, reference } = await opened('')
  const refund = (amount: number | null, over: object = {}) => {
    const code = newReference('RF01')
    const refundAmount =
      amount === null
        ? {}
        : { chargingInformation: { amount, currency: 'KES', description: 'Back', isTaxIncluded: true } }
    return stage
      .call('POST', refundsOf(id), {
        type: amount === null ? 'total' : 'partial',
        amountTransaction: { clientCorrelator: code, referenceCode: code, refundAmount },
        ...over,
      })
      .then((said) => ({ ...said, code }))
  }
  const part = await refund(2.5)
  expect([part.status, at(part.body, 'refundStatus')]).toEqual([201, 'succeeded'])
  expect(at((await stage.call('GET', `${refundsOf(id)}/remaining-amount`)).body, 'amount')).toBe(10)
  expect(at((await refund(null)).body, 'code')).toBe('CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT')
  const parallel = await Promise.all(Array.from({ length: 10 }, () => refund(4)))
  expect(parallel.filter(({ status }) => status === 201)).toHaveLength(2)
  expect(at((await stage.call('GET', `${refundsOf(id)}/remaining-amount`)).body, 'amount')).toBe(2)
  expect(await stage.book(part.code)).toMatchObject([{ operation: 'refund', amount: '250', original: reference }])
  const listed = await stage.call('GET', `${refundsOf(id)}?order=asc`)
  expect(listed.headers.get('x-total-count')).toBe('3')
  const one = await stage.call('GET', `${refundsOf(id)}/${String(at(part.body, 'refundId'))}`)
  expect(at(one.body, 'amountTransaction', 'referenceCode')).toBe(part.code)
})

test('a refund of what is not charged, or taxed otherwise, is refused by its own code', async () => {
  const { id } = await opened('/prepare')
  const body = (isTaxIncluded: boolean) => {
    const code = newReference('RF01')
    const chargingInformation = { amount: 1, currency: 'KES', description: 'Back', isTaxIncluded }
    const amountTransaction = { clientCorrelator: code, referenceCode: code, refundAmount: { chargingInformation } }
    return { type: 'partial', amountTransaction }
  }
  const early = await stage.call('POST', refundsOf(id), body(true))
  expect([early.status, at(early.body, 'code')]).toEqual([422, 'CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS'])
  await step(id, 'confirm')
  const taxed = await stage.call('POST', refundsOf(id), body(false))
  expect([taxed.status, at(taxed.body, 'code')]).toEqual([422, 'CARRIER_BILLING_REFUND.TAXES_MANAGEMENT_MISMATCH'])
  const nowhere = await stage.call('POST', refundsOf('P0'), body(true))
  expect([nowhere.status, at(nowhere.body, 'code')]).toEqual([404, 'NOT_FOUND'])
})

test('lists have filters, pages and a count', async () => {
  const merchant = `mer_${newReference()}`
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.push((await opened(n < 2 ? '/prepare' : '', { merchant })).id)
  const list = (query: string) => stage.call('GET', `${PAYMENTS}?merchantIdentifier=${merchant}&${query}`)
  const idsOf = (body: unknown) => (Array.isArray(body) ? body.map((one: unknown) => at(one, 'paymentId')) : [])
  const first = await list('order=asc&perPage=2&page=1')
  expect(idsOf(first.body)).toEqual(ids.slice(0, 2))
  expect([first.headers.get('x-total-count'), first.headers.get('content-last-key')]).toEqual(['5', '2'])
  expect(idsOf((await list('order=asc&perPage=2&page=3')).body)).toEqual(ids.slice(4))
  expect(idsOf((await list('paymentStatus=reserved&paymentStatus=denied&order=asc')).body)).toEqual(ids.slice(0, 2))
  expect(idsOf((await list('paymentCreationDate.lte=2020-01-01T00:00:00Z')).body)).toEqual([])
  expect(idsOf((await list('')).body)).toEqual(ids.toReversed())
  const range = await list('paymentCreationDate.gte=2030-01-01T00:00:00Z&paymentCreationDate.lte=2020-01-01T00:00:00Z')
  expect(at(range.body, 'code')).toBe('CARRIER_BILLING.INVALID_DATE_RANGE')
  expect(at((await list('perPage=101')).body, 'code')).toBe('OUT_OF_RANGE')
  for (const bad of ['page=0', 'referenceCode=x', 'order=up', 'paymentStatus=gone', 'paymentCreationDate.gte=today'])
    expect([bad, (await list(bad)).status]).toEqual([bad, 400])
})
