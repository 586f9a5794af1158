import { expect, test } from 'vitest'
import { makeKey, random, type Json } from '../support/raw-key.ts'
import { codeOf, inSeconds, paymentOf, type RawPhone } from '../support/raw-phone.ts'
import type { Bill, Stage } from '../support/raw-stage.ts'

const NOBODY = 'usr_0000000000000000000000'
const NO_PAYMENT = 'pay_0000000000000000000000'
const NO_SOURCE = 'src_0000000000000000000000'

/**
 * Two faults at once: the first of the protocol's list answers. Each test has
 * the later fault beside the earlier one; that the later one answers alone is
 * what the other parts show.
 */
export function order(stage: () => Stage): void {
  const expectRefusal = async (
    phone: RawPhone,
    code: string,
    name: string,
    body: unknown,
    key: unknown = random(18),
  ) => {
    const reply = await stage().unchanged([phone], [], () => phone.ask(name, body, key))
    expect(codeOf(reply)).toBe(code)
  }
  const paidBy = async (phone: RawPhone): Promise<{ bill: Bill; jti: string }> => {
    const bill = await stage().bill()
    const jti = random(18)
    const body = await stage().confirmBody(phone, bill, 'wallet', { jti })
    await phone.settled(paymentOf(await phone.ask('payment.confirm', body, random(18))).id)
    return { bill, jti }
  }
  const signedBy = async (phone: RawPhone, bill: Bill, claims: Json, source = 'wallet'): Promise<Json> => {
    const confirmation = await phone.confirmation(stage().orderOf(bill, source), claims)
    return { payment: bill.id, claim: 'none', source, confirmation }
  }

  test('an ill-formed key before a bad body', () =>
    expectRefusal(stage().anna, 'idempotency_key_missing', 'transfer.create', { amount: 7 }, 'short'))

  test('a key reused before a bad body', async () => {
    const { anna, ben } = stage()
    const key = random(18)
    await anna.settled(
      paymentOf(await anna.ask('transfer.create', await anna.transferBody(ben.user, '1', key), key)).id,
    )
    await expectRefusal(anna, 'idempotency_key_reused', 'transfer.create', { amount: 7 }, key)
  })

  test('a stored answer before a device that is restricted', async () => {
    const { ben, restricted } = stage()
    const key = random(18)
    const first = await ben.ask('payment.cancel', { payment: NO_PAYMENT }, key)
    expect(codeOf(first)).toBe('not_found')
    expect(await restricted.ask('payment.cancel', { payment: NO_PAYMENT }, key)).toMatchObject({
      replayed: true,
      error: first.error,
    })
    const moneyKey = random(18)
    const again = await ben.ask('transfer.create', await ben.transferBody(NOBODY, '1', moneyKey), moneyKey)
    const body = await restricted.transferBody(NOBODY, '1', moneyKey)
    expect(await restricted.ask('transfer.create', body, moneyKey)).toMatchObject({
      replayed: true,
      error: again.error,
    })
  })

  test('a bad body, amount or currency before a device that is restricted', async () => {
    const { restricted, anna } = stage()
    const right = { to: anna.user, amount: '1', currency: 'KES', confirmation: 'a.b.c' }
    await expectRefusal(restricted, 'invalid_request', 'transfer.create', { ...right, surprise: 1 })
    await expectRefusal(restricted, 'amount_too_small', 'transfer.create', { ...right, amount: '0' })
    await expectRefusal(restricted, 'currency_not_supported', 'transfer.create', { ...right, currency: 'EUR' })
    const link = { type: 'bank', bank: 'demo-bank', account: 'DE00370400440532013000', action: 'a.b.c' }
    await expectRefusal(restricted, 'invalid_request', 'source.link', link)
  })

  test('a restricted device before a signature that is invalid', async () => {
    const { restricted, anna } = stage()
    const right = { to: anna.user, amount: '1', currency: 'KES', confirmation: 'a.b.c' }
    await expectRefusal(restricted, 'device_restricted', 'transfer.create', right)
    const link = { type: 'bank', bank: 'no-bank', account: restricted.account, action: 'a.b.c' }
    await expectRefusal(restricted, 'device_restricted', 'source.link', link)
  })

  test('a signature that is invalid before one that is past its time', async () => {
    const { anna, ben } = stage()
    const key = random(18)
    const claims = anna.claims({ kind: 'transfer', subject: { key }, payee: ben.user, amount: '1', source: 'wallet' })
    const signer = (await makeKey()).sign
    const confirmation = await anna.sign('mooring-confirm+jwt', { ...claims, exp: inSeconds(-400) }, {}, signer)
    await expectRefusal(
      anna,
      'signature_invalid',
      'transfer.create',
      { to: ben.user, amount: '1', currency: 'KES', confirmation },
      key,
    )
  })

  test('past its time before replayed, replayed before not_found', async () => {
    const { anna } = stage()
    const { jti } = await paidBy(anna)
    const nothing = { id: NO_PAYMENT, payload: '', amount: '1', payee: stage().merchant.id }
    await expectRefusal(
      anna,
      'confirmation_expired',
      'payment.confirm',
      await signedBy(anna, nothing, { jti, exp: inSeconds(-400) }),
    )
    await expectRefusal(anna, 'confirmation_replayed', 'payment.confirm', await signedBy(anna, nothing, { jti }))
    const key = random(18)
    await expectRefusal(
      anna,
      'confirmation_replayed',
      'transfer.create',
      await anna.transferBody(NOBODY, '1', key, { jti }),
      key,
    )
  })

  test('replayed before already_claimed and before payment_not_confirmable', async () => {
    const { anna, treasury } = stage()
    const { bill, jti } = await paidBy(anna)
    const foreign = await paidBy(treasury)
    await expectRefusal(anna, 'confirmation_replayed', 'payment.confirm', await signedBy(anna, bill, { jti }))
    await expectRefusal(anna, 'confirmation_replayed', 'payment.confirm', await signedBy(anna, foreign.bill, { jti }))
  })

  test('not_found before signature_mismatch, source and sum', async () => {
    const { anna } = stage()
    const bill = await stage().bill({ amount: '600000' })
    await expectRefusal(anna, 'not_found', 'payment.confirm', await signedBy(anna, bill, { amount: '1' }, NO_SOURCE))
    const key = random(18)
    await expectRefusal(
      anna,
      'not_found',
      'transfer.create',
      await anna.transferBody(NOBODY, '600000', key, { total: '1' }),
      key,
    )
    const link = { type: 'bank', bank: 'no-bank', account: anna.account }
    const action = await anna.action({ ...link, account: 'another' })
    await expectRefusal(anna, 'not_found', 'source.link', { ...link, action })
  })

  test('already_claimed before payment_not_confirmable and signature_mismatch, with or without claim', async () => {
    const { anna, treasury } = stage()
    const bill = await stage().bill()
    const claim = await stage().claim(anna, bill)
    await stage().pay(treasury, bill)
    const wrong = await signedBy(anna, bill, { amount: '1' })
    const { claim: _claim, ...without } = wrong
    for (const body of [{ ...wrong, claim }, wrong, without])
      await expectRefusal(anna, 'already_claimed', 'payment.confirm', body)
  })

  test('payment_not_confirmable before signature_mismatch and source', async () => {
    const { anna } = stage()
    const { bill } = await paidBy(anna)
    await expectRefusal(
      anna,
      'payment_not_confirmable',
      'payment.confirm',
      await signedBy(anna, bill, { amount: '1' }, NO_SOURCE),
    )
  })

  test('signature_mismatch before source, pin, limit and funds', async () => {
    const { anna } = stage()
    const key = random(18)
    const body = await anna.ownBody('withdrawal', NO_SOURCE, '99999999', key, { payer_fee: '1' })
    await expectRefusal(anna, 'signature_mismatch', 'withdrawal.create', body, key)
    const bill = await stage().bill({ amount: '600000' })
    const confirm = await stage().confirmBody(anna, bill, NO_SOURCE, { payer_fee: '1' })
    await expectRefusal(anna, 'signature_mismatch', 'payment.confirm', confirm)
  })

  test('a source that is not there or not usable before pin, limit and funds', async () => {
    const { anna } = stage()
    for (const [source, code] of [
      [NO_SOURCE, 'source_not_found'],
      ['wallet', 'source_not_usable'],
      ['operator', 'source_not_usable'],
    ] as const) {
      const key = random(18)
      await expectRefusal(
        anna,
        code,
        'withdrawal.create',
        await anna.ownBody('withdrawal', source, '99999999', key),
        key,
      )
    }
  })

  test('a PIN before the limit and before the funds', async () => {
    const { ben } = stage()
    for (const amount of ['500001', '10000001', '999999999999999999']) {
      const key = random(18)
      await expectRefusal(
        ben,
        'pin_required',
        'transfer.create',
        await ben.transferBody(stage().anna.user, amount, key),
        key,
      )
    }
  })
}
