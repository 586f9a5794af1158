import { expect, test } from 'vitest'
import { random } from '../support/raw-key.ts'
import { codeOf, fault, paymentOf, type RawPhone } from '../support/raw-phone.ts'
import { http } from '../support/raw-rest.ts'
import { balance, tally, type Stage } from '../support/raw-stage.ts'

const NO_PAYMENT = 'pay_0000000000000000000000'

export function claims(stage: () => Stage): void {
  const expectRefusals = async (phone: RawPhone, code: string, commands: [name: string, body: unknown][]) => {
    await stage().unchanged([phone], [], async () => {
      for (const [name, body] of commands)
        expect([name, codeOf(await phone.ask(name, body, random(18)))]).toEqual([name, code])
    })
  }

  test('a payment that is not there is not_found, to look at, confirm and cancel', async () => {
    const { anna, merchant } = stage()
    const nothing = { id: NO_PAYMENT, payload: '', amount: '1', payee: merchant.id }
    const confirmation = await anna.confirmation(stage().orderOf(nothing))
    await expectRefusals(anna, 'not_found', [
      ['payment.get', { payment: NO_PAYMENT }],
      ['payment.cancel', { payment: NO_PAYMENT }],
      ['payment.confirm', { payment: NO_PAYMENT, source: 'wallet', confirmation }],
    ])
  })

  test("somebody else's payment is not_found, and in nobody else's list", async () => {
    const { anna, treasury, ben } = stage()
    const { id } = await treasury.transfer(anna.user, '21')
    const confirmation = await ben.confirmation({
      kind: 'transfer',
      subject: { payment: id },
      payee: anna.user,
      amount: '21',
      source: 'wallet',
    })
    await expectRefusals(ben, 'not_found', [
      ['payment.get', { payment: id }],
      ['payment.cancel', { payment: id }],
      ['payment.confirm', { payment: id, source: 'wallet', confirmation }],
    ])
    expect(JSON.stringify(await ben.must('payment.list', { limit: 100 }))).not.toContain(id)
    for (const party of [anna, treasury]) expect((await party.must('payment.get', { payment: id }))['id']).toBe(id)
  })

  test("a bill nobody has claimed is not_found to everyone without its code's claim", async () => {
    const { anna, ben } = stage()
    const bill = await stage().bill()
    const other = await stage().bill()
    const own = await stage().confirmBody(anna, bill)
    const { claim: _claim, ...without } = own
    await stage().unchanged([anna], [bill, other], async () => {
      await expectRefusals(anna, 'not_found', [
        ['payment.get', { payment: bill.id }],
        ['payment.cancel', { payment: bill.id }],
        ['payment.confirm', without],
        ['payment.confirm', { ...own, claim: await stage().claim(ben, bill) }],
        ['payment.confirm', { ...own, claim: await stage().claim(anna, other) }],
        ['payment.confirm', { ...own, claim: `${String(own['claim'])}A` }],
        ['payment.confirm', { ...own, claim: 'guess' }],
      ])
    })
    expect((await stage().pay(anna, bill)).status).toBe('succeeded')
  })

  test('a code must be ours and whole, and its token the right one', async () => {
    const { anna } = stage()
    const { payload } = await stage().bill()
    const flipped = payload.endsWith('0') ? '1' : '0'
    for (const broken of [
      payload.slice(0, -1) + flipped,
      payload.slice(0, -4),
      'https://example.com/pay',
      payload.toLowerCase(),
      `${payload} `,
    ]) {
      expect(fault(await anna.ask('payment.resolve_qr', { payload: broken }))).toBe('invalid_request payload')
    }
    const guessed = payload.slice(0, -4).replace(/0222(.{22})/, `0222${random(16)}`)
    const whole = guessed + crc16(guessed)
    expect(whole).not.toBe(payload)
    expect(codeOf(await anna.ask('payment.resolve_qr', { payload: whole }))).toBe('not_found')
    expect(
      codeOf(await anna.ask('payment.resolve_qr', { payload: payload.slice(0, -4) + crc16(payload.slice(0, -4)) })),
    ).toBe('granted')
  })

  test('the first confirm claims; whoever comes later, by claim or without, is told already_claimed', async () => {
    const { anna, treasury } = stage()
    const bill = await stage().bill()
    const late = await stage().confirmBody(anna, bill)
    const { claim: _claim, ...without } = late
    await stage().pay(treasury, bill)
    await stage().unchanged([anna, treasury], [bill], () =>
      expectRefusals(anna, 'already_claimed', [
        ['payment.confirm', late],
        ['payment.confirm', without],
        ['payment.resolve_qr', { payload: bill.payload }],
      ]),
    )
    await expectRefusals(anna, 'not_found', [
      ['payment.get', { payment: bill.id }],
      ['payment.cancel', { payment: bill.id }],
    ])
  })

  test('of 30 phones confirming one code at once one pays, the others keep what they have', async () => {
    const bill = await stage().bill({ amount: '40' })
    const phones = await Promise.all(Array.from({ length: 30 }, () => stage().phone('100')))
    const bodies = await Promise.all(phones.map((phone) => stage().confirmBody(phone, bill)))
    const replies = await Promise.all(phones.map((phone, i) => phone.ask('payment.confirm', bodies[i], random(18))))
    expect(tally(replies)).toEqual({ granted: 1, already_claimed: 29 })
    const winner = replies.findIndex(({ ok }) => ok)
    await phones[winner]?.settled(bill.id)
    const left = await Promise.all(phones.map(balance))
    expect(left).toEqual(phones.map((_, i) => ({ available: i === winner ? '60' : '100', pending: '0' })))
    expect(await stage().stateOfBill(bill)).toMatchObject({ status: 'succeeded', version: 3 })
    await Promise.all(phones.map(({ socket }) => socket.close()))
  }, 60_000)

  test('a refused confirm leaves the bill to others', async () => {
    const { anna } = stage()
    const poor = await stage().phone('5')
    const bill = await stage().bill({ amount: '6' })
    const refused = await poor.ask('payment.confirm', await stage().confirmBody(poor, bill), random(18))
    expect(codeOf(refused)).toBe('insufficient_funds')
    expect(await stage().stateOfBill(bill)).toMatchObject({ status: 'requires_confirmation', payer: null, version: 1 })
    expect((await stage().pay(anna, bill)).status).toBe('succeeded')
    await poor.socket.close()
  })

  test('a payment that is over can be neither confirmed nor canceled', async () => {
    const { anna } = stage()
    const bill = await stage().bill()
    await stage().pay(anna, bill)
    const again = { ...(await stage().confirmBody(anna, bill)) }
    await stage().unchanged([anna], [bill], async () => {
      await expectRefusals(anna, 'payment_not_confirmable', [['payment.confirm', again]])
      await expectRefusals(anna, 'payment_not_cancelable', [['payment.cancel', { payment: bill.id }]])
    })
  })

  test('a payment that is with the bank can no longer be canceled; who only receives cannot cancel', async () => {
    const { anna, dev } = stage()
    const rule = { match: { account: anna.account }, fault: { kind: 'delay', ms: 2_500 }, times: 1 }
    const headers = { authorization: `Bearer ${dev.sim.bank.control_token}` }
    expect((await http(`${dev.sim.bank.control}/rules`, { headers, body: rule })).status).toBeLessThan(300)
    const key = random(18)
    const topUp = paymentOf(await anna.ask('topup.create', await anna.ownBody('topup', anna.source, '31', key), key))
    await anna.socket.frame(
      'the hand-over to the bank',
      ({ body }) => JSON.stringify(body ?? null).includes(`"awaiting_rail"`) && JSON.stringify(body).includes(topUp.id),
    )
    expect(codeOf(await anna.ask('payment.cancel', { payment: topUp.id }, random(18)))).toBe('payment_not_cancelable')
    expect((await anna.settled(topUp.id)).status).toBe('succeeded')
    const { id } = await anna.transfer(stage().ben.user, '1')
    const byPayee = await stage().unchanged([anna, stage().ben], [], () =>
      stage().ben.ask('payment.cancel', { payment: id }, random(18)),
    )
    expect(['not_found', 'payment_not_cancelable']).toContain(codeOf(byPayee))
  })
}

/** CRC-16/CCITT-FALSE in four hex digits, as EMVCo's merchant-presented codes end. */
function crc16(text: string): string {
  let crc = 0xffff
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff
  }
  return crc.toString(16).toUpperCase().padStart(4, '0')
}
