import { expect, test } from 'vitest'
import { random } from '../support/raw-key.ts'
import { codeOf, fault, inSeconds, paymentOf, RawPhone } from '../support/raw-phone.ts'
import { aNumber, balance, tally, type Stage } from '../support/raw-stage.ts'

export function idempotency(stage: () => Stage): void {
  const one = async (amount = '11') => {
    const { anna, ben } = stage()
    const key = random(18)
    const first = await anna.ask('transfer.create', await anna.transferBody(ben.user, amount, key), key)
    await anna.settled(paymentOf(first).id)
    return { key, first, again: (more = {}) => anna.transferBody(ben.user, amount, key, more) }
  }

  test('the same command under the same key gets its first answer again, also when signed anew', async () => {
    const { anna, ben } = stage()
    const { key, first, again } = await one()
    expect(first.replayed).toBeUndefined()
    await stage().unchanged([anna, ben], [], async () => {
      for (const body of [await again(), await again({ iat: inSeconds(0) }), await again({ jti: random(30) })]) {
        const reply = await anna.ask('transfer.create', body, key)
        expect(reply).toMatchObject({ ok: true, replayed: true })
        expect(reply.body).toEqual(first.body)
      }
    })
  })

  test('the key is looked up before the signature, its time and its jti are', async () => {
    const { anna } = stage()
    const { key, first, again } = await one()
    const late = await again({ exp: inSeconds(-4_000) })
    const broken = { ...(await again()), confirmation: `${String((await again())['confirmation']).slice(0, -6)}AAAAAA` }
    const { jti } = anna.claims({ kind: 'transfer', subject: { key }, payee: '', amount: '', source: '' })
    const replayed = await again({ jti })
    for (const body of [late, broken, replayed, replayed]) {
      const reply = await anna.ask('transfer.create', body, key)
      expect(reply).toMatchObject({ ok: true, replayed: true, body: first.body })
    }
  })

  test('a retry comes from another socket, or from another phone of the user, restricted or not', async () => {
    const { anna } = stage()
    const { key, first, again } = await one()
    const body = await again()
    await anna.connect()
    expect(await anna.ask('transfer.create', body, key)).toMatchObject({ ok: true, replayed: true, body: first.body })
    const second = await RawPhone.make(anna.dev, anna.number)
    const own = await second.transferBody(stage().ben.user, '11', key)
    expect(await second.ask('transfer.create', own, key)).toMatchObject({ ok: true, replayed: true, body: first.body })
    await second.socket.close()
  })

  test('other content under the same key is idempotency_key_reused, before anything else of it is looked at', async () => {
    const { anna, ben, treasury } = stage()
    const { key } = await one()
    await stage().unchanged([anna, ben, treasury], [], async () => {
      const others: [string, unknown][] = [
        ['transfer.create', await anna.transferBody(ben.user, '12', key)],
        ['transfer.create', await anna.transferBody(treasury.user, '11', key)],
        ['transfer.create', { ...(await anna.transferBody(ben.user, '11', key)), note: 'again' }],
        ['transfer.create', { ...(await anna.transferBody(ben.user, '11', key)), confirmation: 'a.b.c' }],
        ['transfer.create', await anna.transferBody(ben.user, '11', key, { source: 'operator' })],
        ['transfer.create', { surprise: 1 }],
        ['topup.create', await anna.ownBody('topup', anna.source, '11', key)],
        ['payment.cancel', { payment: 'pay_0000000000000000000000' }],
      ]
      for (const [name, body] of others) expect(codeOf(await anna.ask(name, body, key))).toBe('idempotency_key_reused')
    })
  })

  test("a key is one user's own: another user's is another key", async () => {
    const { anna, ben } = stage()
    const { key } = await one()
    const reply = await ben.ask('transfer.create', await ben.transferBody(anna.user, '11', key), key)
    expect(reply.replayed).toBeUndefined()
    expect((await ben.settled(paymentOf(reply).id)).status).toBe('succeeded')
  })

  test('fifty at once under one key have one effect and one answer', async () => {
    const { anna, ben } = stage()
    const before = BigInt((await balance(anna)).available)
    const key = random(18)
    const bodies = await Promise.all(Array.from({ length: 50 }, () => anna.transferBody(ben.user, '13', key)))
    const replies = await Promise.all(bodies.map((body) => anna.ask('transfer.create', body, key)))
    const granted = replies.filter(({ ok }) => ok)
    expect(Object.keys(tally(replies)).filter((code) => code !== 'granted' && code !== 'in_flight')).toEqual([])
    expect(granted.filter(({ replayed }) => replayed === undefined)).toHaveLength(1)
    for (const { error } of replies)
      if (error !== undefined) expect(error).toMatchObject({ retryable: true, retry_after_ms: aNumber })
    expect(new Set(granted.map((reply) => paymentOf(reply).id)).size).toBe(1)
    await anna.settled(paymentOf(granted[0] ?? expect.fail('nobody was granted')).id)
    expect(BigInt((await balance(anna)).available)).toBe(before - 13n)
  })

  test('insufficient_funds is stored: after a top-up the old key says it again, a new one pays', async () => {
    const { anna } = stage()
    const poor = await stage().phone('50')
    const bill = await stage().bill({ amount: '60' })
    const key = random(18)
    const jti = random(18)
    const body = await stage().confirmBody(poor, bill, 'wallet', { jti })
    const first = await stage().unchanged([poor], [bill], () => poor.ask('payment.confirm', body, key))
    expect(codeOf(first)).toBe('insufficient_funds')
    await anna.transfer(poor.user, '10')
    const again = await poor.ask('payment.confirm', body, key)
    expect(again).toMatchObject({ ok: false, replayed: true, error: first.error })
    // A refused confirm has not spent its jti.
    const paid = await poor.ask('payment.confirm', body, random(18))
    expect((await poor.settled(paymentOf(paid).id)).status).toBe('succeeded')
    expect(await balance(poor)).toEqual({ available: '0', pending: '0' })
    await poor.socket.close()
  })

  test('a refusal that says nothing lasting leaves the key free, also for other content', async () => {
    const { anna, ben } = stage()
    const key = random(18)
    const right = (more = {}) => anna.transferBody(ben.user, '17', key, more)
    const dear = await anna.transferBody(ben.user, '500001', key)
    const used = random(18)
    const other = random(18)
    await anna.must('transfer.create', await anna.transferBody(ben.user, '1', other, { jti: used }), other)
    const tries: [string, unknown][] = [
      ['invalid_request surprise', { ...(await right()), surprise: 1 }],
      ['signature_invalid confirmation', { ...(await right()), confirmation: 'a.b.c' }],
      ['confirmation_expired exp', await right({ exp: inSeconds(-400) })],
      ['confirmation_replayed jti', await right({ jti: used })],
      ['signature_mismatch amount', await right({ amount: '18' })],
      ['pin_required pin', dear],
    ]
    for (const [what, body] of tries) {
      const reply = await anna.ask('transfer.create', body, key)
      expect(fault(reply).split(' ')[0]).toBe(what.split(' ')[0])
      expect(reply.replayed).toBeUndefined()
    }
    const reply = await anna.ask('transfer.create', await right(), key)
    expect(reply.replayed).toBeUndefined()
    expect((await anna.settled(paymentOf(reply).id)).status).toBe('succeeded')
  })

  test('a lasting refusal is stored: not_found, payment_not_confirmable and source_not_found come again, replayed', async () => {
    const { anna, treasury } = stage()
    const paid = await stage().bill()
    const confirm = await stage().confirmBody(anna, paid)
    await anna.settled(paymentOf(await anna.ask('payment.confirm', confirm, random(18))).id)
    const open = await stage().bill()
    const key = random(18)
    const cases: [string, string, unknown][] = [
      [
        'not_found',
        'payment.confirm',
        { ...(await stage().confirmBody(anna, open)), payment: 'pay_0000000000000000000000' },
      ],
      ['payment_not_confirmable', 'payment.confirm', await stage().confirmBody(anna, paid)],
      ['source_not_found', 'payment.confirm', await stage().confirmBody(anna, open, treasury.source)],
      ['payment_not_cancelable', 'payment.cancel', { payment: paid.id }],
    ]
    for (const [i, [code, name, body]] of cases.entries()) {
      const first = await anna.ask(name, body, `${key}-${i}`)
      expect(codeOf(first)).toBe(code)
      expect(await anna.ask(name, body, `${key}-${i}`)).toMatchObject({ ok: false, replayed: true, error: first.error })
    }
  })

  test('a claim is no part of the content: a retry may leave it out or bring a fresh one', async () => {
    const { anna } = stage()
    const bill = await stage().bill()
    const { claim: _claim, ...bare } = await stage().confirmBody(anna, bill)
    const key = random(18)
    const first = await anna.ask('payment.confirm', { ...bare, claim: await stage().claim(anna, bill) }, key)
    await anna.settled(paymentOf(first).id)
    for (const body of [bare, { ...bare, claim: 'gone' }]) {
      expect(await anna.ask('payment.confirm', body, key)).toMatchObject({ ok: true, replayed: true, body: first.body })
    }
  })
}
