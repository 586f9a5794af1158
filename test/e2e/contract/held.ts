import { expect, test } from 'vitest'
import { random, type Json } from '../support/raw-key.ts'
import { codeOf, fault, paymentOf, randomIban, type RawPhone } from '../support/raw-phone.ts'
import { granted, http, text, type Answer } from '../support/raw-rest.ts'
import { balance, type Bill, type Stage } from '../support/raw-stage.ts'

const NO_PAYMENT = 'pay_0000000000000000000000'

/** Money that is held for its merchant, and what else waits for somebody. */
export function held(stage: () => Stage): void {
  const ask = (
    verb: 'capture' | 'cancel',
    id: string,
    body?: unknown,
    key: string | null = random(18),
    secretKey = stage().merchant.secret_key,
  ) =>
    http(`${stage().dev.bridge}/payments/${id}/${verb}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secretKey}`, ...(key === null ? {} : { 'idempotency-key': key }) },
      ...(body === undefined ? {} : { body }),
    })
  const said = ({ status, json }: Answer): string => `${status} ${String(json['code'] ?? json['status'])}`

  const updated = (phone: RawPhone, id: string, status: string) =>
    phone.socket.frame(`${id} ${status}`, ({ name, body }) => {
      if (name !== 'payment.updated' || typeof body !== 'object' || body === null) return false
      return 'id' in body && body.id === id && 'status' in body && body.status === status
    })

  /** A bill that its payer has confirmed and whose money is held. */
  async function authorised(phone: RawPhone, amount: string): Promise<Bill> {
    const bill = await stage().bill({ amount, capture_method: 'manual' })
    const body = await stage().confirmBody(phone, bill, 'wallet', { capture_method: 'manual' })
    expect(paymentOf(await phone.ask('payment.confirm', body, random(18))).status).toBe('processing')
    await updated(phone, bill.id, 'requires_capture')
    return bill
  }

  test('a part is captured, the rest is free at once, and payer and merchant see the same', async () => {
    const phone = await stage().phone('1000')
    const bill = await authorised(phone, '700')
    expect(await balance(phone)).toMatchObject({ available: '300' })
    expect(await stage().stateOfBill(bill)).toMatchObject({ status: 'requires_capture', captured_amount: '0' })
    const key = random(18)
    const captured = await ask('capture', bill.id, { amount: '250' }, key)
    expect(said(captured)).toBe('200 succeeded')
    expect(captured.json).toMatchObject({ amount: '700', captured_amount: '250', refunded_amount: '0' })
    const fee = BigInt(text(captured.json, 'fee'))
    expect(fee >= 0n && fee < 250n).toBe(true)
    const { body } = await updated(phone, bill.id, 'succeeded')
    expect(body).toMatchObject({ captured_amount: '250', version: captured.json['version'] })
    expect(await balance(phone)).toMatchObject({ available: '750' })
    const again = await ask('capture', bill.id, { amount: '250' }, key)
    expect(again.text).toBe(captured.text)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(said(await ask('capture', bill.id, { amount: '251' }, key))).toBe('422 idempotency_key_reused')
    expect(said(await ask('capture', bill.id))).toBe('409 payment_not_capturable')
    expect(said(await ask('cancel', bill.id))).toBe('409 payment_not_cancelable')
    expect(await stage().stateOfBill(bill)).toEqual(captured.json)
    await phone.socket.close()
  })

  test('what is canceled is back in the wallet, and cannot be captured', async () => {
    const phone = await stage().phone('1000')
    const bill = await authorised(phone, '700')
    expect(codeOf(await phone.ask('payment.cancel', { payment: bill.id }, random(18)))).toBe('payment_not_cancelable')
    const canceled = await ask('cancel', bill.id, {})
    expect(said(canceled)).toBe('200 canceled')
    expect(canceled.json).toMatchObject({ captured_amount: '0', failure: null })
    expect((await phone.settled(bill.id)).status).toBe('canceled')
    expect(await balance(phone)).toMatchObject({ available: '1000' })
    expect(said(await ask('capture', bill.id))).toBe('409 payment_not_capturable')
    await phone.socket.close()
  })

  test('all is captured where no amount is named, with or without a body', async () => {
    const phone = await stage().phone('1000')
    const [one, two] = [await authorised(phone, '300'), await authorised(phone, '400')]
    expect((await ask('capture', one.id)).json).toMatchObject({ status: 'succeeded', captured_amount: '300' })
    expect((await ask('capture', two.id, {})).json).toMatchObject({ status: 'succeeded', captured_amount: '400' })
    expect(await balance(phone)).toMatchObject({ available: '300' })
    await phone.socket.close()
  })

  test('of captures and cancels at the same moment one happens; one key is one capture', async () => {
    const phone = await stage().phone('2000')
    const bill = await authorised(phone, '1000')
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        i % 3 === 2 ? ask('cancel', bill.id) : ask('capture', bill.id, { amount: String(100 + i) }),
      ),
    )
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    for (const answer of answers) if (answer.status !== 200) expect(answer.status).toBe(409)
    const moved = BigInt(text(won[0]?.json ?? {}, 'captured_amount'))
    expect(await balance(phone)).toMatchObject({ available: (2000n - moved).toString() })

    const other = await authorised(phone, '500')
    const key = random(18)
    const same = await Promise.all(Array.from({ length: 8 }, () => ask('capture', other.id, { amount: '123' }, key)))
    const bodies = same.filter(({ status }) => status === 200)
    expect(new Set(bodies.map((answer) => answer.text)).size).toBe(1)
    for (const answer of same) expect(['200 succeeded', '409 in_flight']).toContain(said(answer))
    expect(await balance(phone)).toMatchObject({ available: (2000n - moved - 123n).toString() })
    await phone.socket.close()
  })

  test('what cannot be captured is refused by its own code, and stays held', async () => {
    const phone = await stage().phone('1000')
    const bill = await authorised(phone, '700')
    const open = await stage().bill({ capture_method: 'manual' })
    await stage().unchanged([phone], [bill, open], async () => {
      for (const amount of ['', '-1', '01', '1.0', '1e3', 1, null]) {
        const answer = await ask('capture', bill.id, { amount })
        expect([said(answer), answer.json['param']]).toEqual(['400 invalid_request', '/amount'])
      }
      const unknown = await ask('capture', bill.id, { sum: '1' })
      expect([said(unknown), unknown.json['param']]).toEqual(['400 invalid_request', '/sum'])
      expect(said(await ask('cancel', bill.id, { amount: '1' }))).toBe('400 invalid_request')
      const refused = async (amount: string) => {
        const answer = await ask('capture', bill.id, { amount })
        return [said(answer), answer.json['param']]
      }
      expect(await refused('0')).toEqual(['422 amount_too_small', 'amount'])
      expect(await refused('701')).toEqual(['422 amount_invalid', 'amount'])
      expect(await refused('999999999999999999')).toEqual(['422 amount_invalid', 'amount'])
      expect(said(await ask('capture', open.id))).toBe('409 payment_not_capturable')
      for (const verb of ['capture', 'cancel'] as const) {
        const theirs = stage().otherMerchant.secret_key
        expect(said(await ask(verb, bill.id, {}, random(18), theirs))).toBe('404 not_found')
        expect(said(await ask(verb, NO_PAYMENT))).toBe('404 not_found')
        expect(said(await ask(verb, 'pay_1'))).toBe('404 not_found')
        expect(said(await ask(verb, bill.id, {}, null))).toBe('400 idempotency_key_missing')
        expect(said(await ask(verb, bill.id, {}, random(18), 'sk_test_0000000000000000000000000000'))).toBe(
          '401 unauthenticated',
        )
      }
    })
    await ask('cancel', bill.id)
    await phone.socket.close()
  })

  test('a payer signs how it is captured, and only what can be held may be the source', async () => {
    const { anna } = stage()
    const bill = await stage().bill({ capture_method: 'manual' })
    await stage().unchanged([anna], [bill], async () => {
      const automatic = await stage().confirmBody(anna, bill)
      expect(fault(await anna.ask('payment.confirm', automatic, random(18)))).toBe('signature_mismatch capture_method')
      const fromBank = await stage().confirmBody(anna, bill, anna.source, { capture_method: 'manual' })
      expect(fault(await anna.ask('payment.confirm', fromBank, random(18)))).toBe('capture_method_unsupported source')
    })
  })

  test('a merchant takes back a bill that nobody has paid, and then nobody can', async () => {
    const { anna } = stage()
    const order_ref = random(12)
    const bill = await stage().bill({ order_ref })
    const body = await stage().confirmBody(anna, bill)
    expect((await ask('cancel', bill.id)).json).toMatchObject({ status: 'canceled', version: 2, payer: null })
    expect(codeOf(await anna.ask('payment.confirm', body, random(18)))).toBe('payment_not_confirmable')
    // The order may be paid by another bill now.
    expect((await stage().bill({ order_ref })).order_ref).toBe(order_ref)
  })

  test('of a confirm and a cancel of the bill at the same moment one happens', async () => {
    const phone = await stage().phone('5000')
    const ends = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const bill = await stage().bill({ amount: '100' })
        const body = await stage().confirmBody(phone, bill)
        const [confirmed, canceled] = await Promise.all([
          phone.ask('payment.confirm', body, random(18)),
          ask('cancel', bill.id),
        ])
        if (canceled.status !== 200) {
          expect([codeOf(confirmed), said(canceled)]).toEqual(['granted', '409 payment_not_cancelable'])
          return (await phone.settled(bill.id)).status
        }
        if (!confirmed.ok) expect(codeOf(confirmed)).toBe('payment_not_confirmable')
        return String((await stage().stateOfBill(bill))['status'])
      }),
    )
    const paid = ends.filter((status) => status === 'succeeded').length
    expect(ends.filter((status) => status === 'canceled')).toHaveLength(10 - paid)
    expect(await balance(phone)).toMatchObject({ available: (5000 - 100 * paid).toString() })
    await phone.socket.close()
  })

  test('a code is taken only from whom it was asked of, while it is asked for', async () => {
    const phone = await stage().phone('1000')
    const bill = await authorised(phone, '100')
    const respond = (by: RawPhone, more: Json = {}) =>
      by.ask('payment.respond', { payment: bill.id, step: 'enter_code', value: '352673', ...more }, random(18))
    await stage().unchanged([phone], [bill], async () => {
      expect(codeOf(await respond(phone))).toBe('payment_not_confirmable')
      expect(fault(await respond(stage().ben))).toBe('not_found payment')
      expect(fault(await respond(phone, { payment: NO_PAYMENT }))).toBe('not_found payment')
      expect(codeOf(await respond(stage().restricted))).toBe('device_restricted')
    })
    await ask('cancel', bill.id)
    await phone.socket.close()
  })

  test('an account that is unlinked pays nothing any more, and can be linked again', async () => {
    const phone = await stage().phone()
    await phone.link()
    const change = async (name: string, body: Json) =>
      phone.ask(name, { ...body, action: await phone.action(body, { name }) }, random(18))
    const { source } = phone
    const unlinked = await change('source.unlink', { source })
    expect(unlinked).toMatchObject({ ok: true, body: { id: source, status: 'revoked', next_action: null } })
    expect((await change('source.unlink', { source })).body).toEqual(unlinked.body)
    const key = random(18)
    const topUp = await phone.ask('topup.create', await phone.ownBody('topup', source, '100', key), key)
    expect(fault(topUp)).toBe('source_not_usable source')
    expect(fault(await change('source.respond', { source }))).toBe('source_not_usable source')
    expect(fault(await change('source.unlink', { source: 'src_0000000000000000000000' }))).toBe(
      'source_not_found source',
    )
    const theirs = await change('source.unlink', { source: stage().anna.source })
    expect(fault(theirs)).toBe('source_not_found source')
    const unsigned = { source, action: await phone.action({ source }) }
    expect(fault(await phone.ask('source.unlink', unsigned, random(18)))).toBe('signature_mismatch name')
    await phone.link()
    expect(phone.source).not.toBe(source)
    await phone.socket.close()
  })

  test('an operator that offers no mobile money is not_found', async () => {
    const { anna, dev } = stage()
    for (const operator of ['no-operator', dev.sim.bank.bank]) {
      const body = { type: 'mobile_money', operator }
      const reply = await anna.ask('source.link', { ...body, action: await anna.action(body) }, random(18))
      expect(fault(reply)).toBe('not_found operator')
    }
  })

  test('an account whose bank waits for its customer becomes usable by the bank’s word, and its user hears of it', async () => {
    const { dev } = stage()
    const phone = await stage().phone()
    const account = randomIban()
    const rule = { match: { operation: 'mandate', account }, fault: { kind: 'pending', after_s: 2 } }
    const headers = { authorization: `Bearer ${dev.sim.bank.control_token}` }
    granted(await http(`${dev.sim.bank.control}/rules`, { headers, body: rule }))
    const body = { type: 'bank', bank: dev.sim.bank.bank, account }
    const linked = await phone.must('source.link', { ...body, action: await phone.action(body) }, random(18))
    expect(linked).toMatchObject({ status: 'requires_action', next_action: { type: 'approve_mandate' } })
    const source = text(linked, 'id')
    const key = random(18)
    const early = await phone.ask('topup.create', await phone.ownBody('topup', source, '100', key), key)
    expect(fault(early)).toBe('source_not_usable source')
    const frame = await phone.socket.frame('the bank’s word', ({ name, body: told }) => {
      if (name !== 'source.updated' || typeof told !== 'object' || told === null) return false
      return 'id' in told && told.id === source && 'status' in told && told.status === 'active'
    })
    expect(frame['body']).toMatchObject({ next_action: null })
    phone.source = source
    expect((await phone.topUp('100')).status).toBe('succeeded')
    await phone.socket.close()
  })
}
