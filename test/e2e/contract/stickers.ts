import { expect, test } from 'vitest'
import { z } from 'zod'
import { encodeStaticQr } from '../../../src/domain/emvco.ts'
import { readQrPicture } from '../../support/qr-picture.ts'
import { random } from '../support/raw-key.ts'
import { codeOf, fault, paymentOf, type RawPhone } from '../support/raw-phone.ts'
import { granted, http, text, type Answer } from '../support/raw-rest.ts'
import { balance, type Bill, type Stage } from '../support/raw-stage.ts'

const Created = z.looseObject({ id: z.string(), amount: z.string() })
const NOBODY = 'mer_0000000000000000000000'
const NOWHERE = 'sto_0000000000000000000000'

/** A store's sticker: one code for all who pay there, each as much as they say. */
export function stickers(stage: () => Stage): void {
  const as = (secretKey: string, path: string): Promise<Answer> =>
    http(`${stage().dev.bridge}${path}`, { headers: { authorization: `Bearer ${secretKey}` } })
  const sticker = async () => {
    const { merchant } = stage()
    const picture = await as(merchant.secret_key, `/stores/${merchant.store}/qr.svg`)
    granted(picture)
    return { type: picture.headers.get('content-type'), payload: readQrPicture(picture.text) }
  }
  const create = async (phone: RawPhone, more: Record<string, unknown> = {}, key = random(18)) => {
    const { merchant, dev } = stage()
    const body = { merchant: merchant.id, store: merchant.store, amount: '2500', currency: dev.currency, ...more }
    return phone.ask('payment.create', body, key)
  }
  const billOf = (reply: Awaited<ReturnType<typeof create>>): Bill => {
    const { id, amount } = Created.parse(paymentOf(reply))
    return { id, amount, payee: stage().merchant.id, payload: '' }
  }
  const confirmation = (phone: RawPhone, bill: Bill) => phone.confirmation(stage().orderOf(bill))

  test('is scanned, says whom and where, and is paid as much as the payer says', async () => {
    const { merchant, dev } = stage()
    const { type, payload } = await sticker()
    expect(type).toContain('image/svg+xml')
    const payer = await stage().phone('4000')
    expect(await payer.must('payment.resolve_qr', { payload })).toEqual({
      offer: { merchant: { id: merchant.id, name: merchant.name }, store: merchant.store, currency: dev.currency },
    })
    const created = await create(payer, { note: 'Two coffees' })
    const bill = billOf(created)
    expect(created).toMatchObject({
      ok: true,
      body: {
        status: 'requires_confirmation',
        payer: payer.user,
        payee: merchant.id,
        store: merchant.store,
        amount: '2500',
        description: 'Two coffees',
      },
    })
    const signed = { payment: bill.id, source: 'wallet', confirmation: await confirmation(payer, bill) }
    paymentOf(await payer.ask('payment.confirm', signed, random(18)))
    expect((await payer.settled(bill.id)).status).toBe('succeeded')
    expect(await balance(payer)).toMatchObject({ available: '1500', pending: '0' })
    const seen = granted(await as(merchant.secret_key, `/payments/${bill.id}`))
    expect(seen).toMatchObject({ status: 'succeeded', store: merchant.store, amount: '2500' })
    expect(seen).not.toHaveProperty('qr')
    expect(seen['payer']).not.toBe(payer.user)
  })

  test('that somebody else printed is believed about nothing', async () => {
    const { anna, merchant, otherMerchant } = stage()
    const resolve = (to: { merchant: string; store: string | null }, merchantName = 'Your bank') => {
      const payload = encodeStaticQr({ ...to, merchantName, currencyNumeric: '840', country: 'US', city: 'Nowhere' })
      return anna.ask('payment.resolve_qr', { payload })
    }
    for (const to of [
      { merchant: NOBODY, store: null },
      { merchant: merchant.id, store: NOWHERE },
      { merchant: merchant.id, store: otherMerchant.store },
    ]) {
      expect(fault(await resolve(to))).toBe('not_found payload')
    }
    for (const to of [
      { merchant: 'mer_\u0000000000000', store: null },
      { merchant: "mer_00000000'--", store: null },
      { merchant: merchant.id, store: 'sto_\ud800000000000' },
    ]) {
      expect(fault(await resolve(to))).toBe('invalid_request payload')
    }
    expect(await resolve({ merchant: merchant.id, store: null })).toMatchObject({
      body: { offer: { merchant: { name: merchant.name }, store: null, currency: stage().dev.currency } },
    })
  })

  test('what is created is its payer’s alone, moves nothing by itself, and can be canceled', async () => {
    const { anna, ben } = stage()
    const before = await balance(anna)
    const bill = billOf(await create(anna))
    expect(await balance(anna)).toEqual(before)
    const stolen = { payment: bill.id, source: 'wallet', confirmation: await confirmation(ben, bill) }
    expect(codeOf(await ben.ask('payment.confirm', stolen, random(18)))).toBe('already_claimed')
    expect(codeOf(await ben.ask('payment.get', { payment: bill.id }))).toBe('not_found')
    paymentOf(await anna.ask('payment.cancel', { payment: bill.id }, random(18)))
    expect((await anna.settled(bill.id)).status).toBe('canceled')
    expect(await balance(anna)).toEqual(before)
  })

  test('one key creates one payment', async () => {
    const { anna } = stage()
    const key = random(18)
    const [first, again] = [await create(anna, {}, key), await create(anna, {}, key)]
    expect(again).toMatchObject({ ok: true, replayed: true })
    expect(paymentOf(again).id).toBe(paymentOf(first).id)
    expect(codeOf(await create(anna, { amount: '2501' }, key))).toBe('idempotency_key_reused')
  })

  test('what it names must be there, and the amount within the rules', async () => {
    const { anna, otherMerchant, restricted } = stage()
    await stage().unchanged([anna], [], async () => {
      for (const [more, said] of [
        [{ merchant: NOBODY }, 'not_found merchant'],
        [{ store: NOWHERE }, 'not_found store'],
        [{ store: otherMerchant.store }, 'not_found store'],
        [{ amount: '0' }, 'amount_too_small amount'],
        [{ amount: '999999999999999999' }, 'limit_exceeded amount'],
        [{ currency: 'USD' }, 'currency_not_supported currency'],
      ] as const) {
        expect([more, fault(await create(anna, more))]).toEqual([more, said])
      }
      expect(codeOf(await create(restricted))).toBe('device_restricted')
    })
  })

  test('a sticker is its merchant’s to print, and of a store that is there', async () => {
    const { merchant, otherMerchant } = stage()
    const code = ({ status, json }: Answer) => `${String(status)} ${text(json, 'code')}`
    const of = (store: string, key = merchant.secret_key) => as(key, `/stores/${store}/qr.svg`)
    expect(code(await of(merchant.store, otherMerchant.secret_key))).toBe('404 not_found')
    expect(code(await of(NOWHERE))).toBe('404 not_found')
    expect(code(await of('nonsense'))).toBe('404 not_found')
    expect(code(await of(merchant.store, 'sk_test_0000000000000000000000'))).toBe('401 unauthenticated')
  })
}
