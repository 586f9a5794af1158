import { expect, test } from 'vitest'
import { z } from 'zod'
import { random, type Json } from '../support/raw-key.ts'
import { codeOf, fault, paymentOf, type RawPhone } from '../support/raw-phone.ts'
import { granted, http, otpOf, text } from '../support/raw-rest.ts'
import { balance, type Bill, type Stage } from '../support/raw-stage.ts'

const Lines = z.array(z.looseObject({ effect: z.string(), amount: z.string() }))

/** Phone bills and mobile money, as payers and merchants meet them. */
export function operators(stage: () => Stage): void {
  const control = (path: string, body?: Json) => {
    const { control: url, control_token } = stage().dev.sim.camara
    return http(`${url}${path}`, {
      headers: { authorization: `Bearer ${control_token}` },
      ...(body === undefined ? {} : { body }),
    })
  }
  /** What the operator's own book says of a number. */
  const book = async ({ number }: RawPhone) =>
    Lines.parse(granted(await control(`/book?account=${encodeURIComponent(number)}`))['data'])
  const ask = (verb: 'capture' | 'cancel', id: string, body: Json = {}) =>
    http(`${stage().dev.bridge}/payments/${id}/${verb}`, {
      headers: { authorization: `Bearer ${stage().merchant.secret_key}`, 'idempotency-key': random(18) },
      body,
    })
  /** The n-th version of a payment that is in this state. */
  const updated = async (phone: RawPhone, id: string, status: string, above = 0): Promise<Json> => {
    const frame = await phone.socket.frame(`${id} ${status}`, ({ name, body }) => {
      if (name !== 'payment.updated' || typeof body !== 'object' || body === null) return false
      return (
        'id' in body &&
        body.id === id &&
        'status' in body &&
        body.status === status &&
        Number(body['version' as keyof typeof body]) > above
      )
    })
    return z.record(z.string(), z.unknown()).parse(frame['body'])
  }

  async function confirmed(phone: RawPhone, order: Json): Promise<Bill> {
    const bill = await stage().bill({ amount: '700', ...order })
    const manual = order['capture_method'] === 'manual' ? { capture_method: 'manual' } : {}
    const body = await stage().confirmBody(phone, bill, 'operator', manual)
    expect(paymentOf(await phone.ask('payment.confirm', body, random(18))).status).toBe('processing')
    return bill
  }

  test('a phone bill is charged once its merchant captures, as a whole, and not before', async () => {
    const phone = await stage().phone()
    const bill = await confirmed(phone, { capture_method: 'manual' })
    const held = await updated(phone, bill.id, 'requires_capture')
    expect(held).toMatchObject({ source: { type: 'operator' }, captured_amount: '0' })
    expect(await book(phone)).toEqual([])
    const part = await ask('capture', bill.id, { amount: '699' })
    expect([part.status, part.json['code'], part.json['param']]).toEqual([422, 'capture_method_unsupported', 'amount'])
    const asked = await ask('capture', bill.id)
    expect([asked.status, asked.json['status']]).toEqual([200, 'requires_capture'])
    expect((await ask('cancel', bill.id)).json['code']).toBe('payment_not_cancelable')
    expect(await updated(phone, bill.id, 'succeeded')).toMatchObject({ captured_amount: '700' })
    expect((await book(phone)).filter(({ effect }) => effect === 'moved')).toHaveLength(1)
    await phone.socket.close()
  })

  test('a reservation that its merchant cancels is given back, and nothing is charged', async () => {
    const phone = await stage().phone()
    const bill = await confirmed(phone, { capture_method: 'manual' })
    await updated(phone, bill.id, 'requires_capture')
    const asked = await ask('cancel', bill.id)
    expect([asked.status, asked.json['status']]).toEqual([200, 'requires_capture'])
    expect((await ask('capture', bill.id)).json['code']).toBe('payment_not_capturable')
    expect(await updated(phone, bill.id, 'canceled')).toMatchObject({ captured_amount: '0', failure: null })
    expect((await book(phone)).filter(({ effect }) => effect === 'moved')).toEqual([])
    await phone.socket.close()
  })

  test('a payer types the code of the operator: a wrong one is asked for again, the right one pays', async () => {
    const phone = await stage().phone()
    granted(await control('/accounts', { account: phone.number, validation: true }))
    const bill = await confirmed(phone, {})
    const asked = await updated(phone, bill.id, 'requires_action')
    expect(asked).toMatchObject({ next_action: { type: 'enter_code', hint: `··${phone.number.slice(-4)}` } })
    expect(await stage().stateOfBill(bill)).toMatchObject({ status: 'requires_action' })
    const code = await otpOf(stage().dev, phone.number)
    const respond = (value: string) =>
      phone.ask('payment.respond', { payment: bill.id, step: 'enter_code', value }, random(18))
    const wrong = await respond(code === '111111' ? '222222' : '111111')
    expect(wrong).toMatchObject({ ok: true, body: { status: 'processing', next_action: null } })
    const again = await updated(phone, bill.id, 'requires_action', Number(asked['version']))
    expect(again['next_action']).toMatchObject({ type: 'enter_code' })
    expect(codeOf(await respond(code))).toBe('granted')
    expect(await updated(phone, bill.id, 'succeeded')).toMatchObject({ captured_amount: '700', next_action: null })
    expect((await book(phone)).filter(({ effect }) => effect === 'moved')).toHaveLength(1)
    expect(codeOf(await respond(code))).toBe('payment_not_confirmable')
    await phone.socket.close()
  })

  test('a payer who is asked for a code may withdraw instead', async () => {
    const phone = await stage().phone()
    granted(await control('/accounts', { account: phone.number, validation: true }))
    const bill = await confirmed(phone, {})
    await updated(phone, bill.id, 'requires_action')
    const withdrawn = await phone.ask('payment.cancel', { payment: bill.id }, random(18))
    expect(withdrawn).toMatchObject({ ok: true, body: { status: 'requires_action', next_action: null } })
    expect(await updated(phone, bill.id, 'canceled')).toMatchObject({ failure: null })
    expect(await book(phone)).toEqual([])
    await phone.socket.close()
  })

  test('mobile money is linked by the enrolled number, fills the wallet and is filled by it', async () => {
    const { dev } = stage()
    const phone = await stage().phone()
    const { operators: offered } = await phone.must('source.options', {})
    expect(offered).toContainEqual(expect.objectContaining({ id: dev.sim.gsma.operator, kinds: ['mobile_money'] }))
    const body = { type: 'mobile_money', operator: dev.sim.gsma.operator }
    const link = async () => phone.must('source.link', { ...body, action: await phone.action(body) }, random(18))
    const linked = await link()
    expect(linked).toMatchObject({ type: 'mobile_money', status: 'active', next_action: null })
    expect(String(linked['label'])).toContain(`··${phone.number.slice(-4)}`)
    expect(String(linked['label'])).not.toContain(phone.number.slice(0, -4))
    // Linked once, however often.
    expect((await link())['id']).toBe(linked['id'])
    phone.source = text(linked, 'id')
    expect((await phone.topUp('500')).status).toBe('succeeded')
    const key = random(18)
    const out = await phone.ask('withdrawal.create', await phone.ownBody('withdrawal', phone.source, '200', key), key)
    expect((await phone.settled(paymentOf(out).id)).status).toBe('succeeded')
    expect(await balance(phone)).toMatchObject({ available: '300' })
    const bill = await stage().bill({ capture_method: 'manual' })
    const manual = await stage().confirmBody(phone, bill, phone.source, { capture_method: 'manual' })
    expect(fault(await phone.ask('payment.confirm', manual, random(18)))).toBe('capture_method_unsupported source')
    await phone.socket.close()
  })
}
