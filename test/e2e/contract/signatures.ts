import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { asDer, compactJws, makeKey, random, type Json } from '../support/raw-key.ts'
import { codeOf, fault, inSeconds, paymentOf, type RawPhone } from '../support/raw-phone.ts'
import { tally, type Bill, type Stage } from '../support/raw-stage.ts'

const TYP = 'mooring-confirm+jwt'

/** A claim altered to something else of its own kind. */
const ALTERED: Json = {
  aud: 'mooring:action',
  env: 'live',
  sub: 'usr_0000000000000000000000',
  device: 'dev_0000000000000000000000',
  kind: 'purchase',
  payment: 'pay_0000000000000000000000',
  key: 'another-key-of-mine',
  payee: 'usr_0000000000000000000000',
  amount: '2',
  currency: 'EUR',
  payer_fee: '1',
  total: '2',
  source: 'src_0000000000000000000000',
  capture_method: 'manual',
  order_ref: 'another order',
  jti: 'fifteen-letters',
}

/** Each way to sign what is right in a wrong way. */
/** The next digit of base64url: at the end of 64 bytes its lowest four bits say nothing. */
function nextDigit(digit: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return digits[digits.indexOf(digit) + 1] ?? ''
}

async function forgeries(phone: RawPhone, other: RawPhone, claims: Json): Promise<[string, string][]> {
  const { kid, publicJwk } = { kid: phone.device, publicJwk: phone.key.publicJwk }
  const stranger = await makeKey()
  const good = await phone.sign(TYP, claims)
  const [head = '', payload = '', signature = ''] = good.split('.')
  const hs256 = (secret: Uint8Array | string) => (input: Uint8Array) =>
    createHmac('sha256', secret).update(input).digest()
  const point = Buffer.concat([
    Buffer.from([4]),
    Buffer.from(publicJwk.x, 'base64url'),
    Buffer.from(publicJwk.y, 'base64url'),
  ])
  const dearer = Buffer.from(JSON.stringify({ ...claims, amount: '1' })).toString('base64url')
  return [
    ['another key', await phone.sign(TYP, claims, {}, stranger.sign)],
    ["another phone's key", await phone.sign(TYP, claims, {}, other.key.sign)],
    ['another kid', await phone.sign(TYP, claims, { kid: other.device })],
    ['no kid', await compactJws({ alg: 'ES256', typ: TYP }, claims, phone.key.sign)],
    ['a kid that is no text', await phone.sign(TYP, claims, { kid: 7 })],
    ['an action', await phone.sign('mooring-action+jwt', claims)],
    ['a proof', await phone.sign('mooring-proof+jwt', claims)],
    ['no typ', await compactJws({ alg: 'ES256', kid }, claims, phone.key.sign)],
    ['typ JWT', await phone.sign('JWT', claims)],
    ['alg none, unsigned', await phone.sign(TYP, claims, { alg: 'none' }, () => new Uint8Array())],
    ['alg none, signed', await phone.sign(TYP, claims, { alg: 'none' })],
    ['alg HS256 by the public point', await phone.sign(TYP, claims, { alg: 'HS256' }, hs256(point))],
    ['alg HS256 by the public JWK', await phone.sign(TYP, claims, { alg: 'HS256' }, hs256(JSON.stringify(publicJwk)))],
    ['alg ES384', await phone.sign(TYP, claims, { alg: 'ES384' })],
    ['no alg', await phone.sign(TYP, claims, { alg: undefined })],
    ['a DER signature', await phone.sign(TYP, claims, {}, async (input) => asDer(await phone.key.sign(input)))],
    ['a signature of zeros', await phone.sign(TYP, claims, {}, () => new Uint8Array(64))],
    ['a signature cut short', `${head}.${payload}.${signature.slice(0, -8)}`],
    ['no signature', `${head}.${payload}.`],
    ['another payload', `${head}.${dearer}.${signature}`],
    ['two parts', `${head}.${payload}`],
    ['four parts', `${good}.${signature}`],
    ['padding', `${good}==`],
    ['a line feed at the end', `${good}\n`],
    ['the same bytes written otherwise', good.slice(0, -1) + nextDigit(good.at(-1) ?? '')],
    ['a key of its own in the header', await phone.sign(TYP, claims, { jwk: stranger.publicJwk }, stranger.sign)],
    ['an extension we must understand', await phone.sign(TYP, claims, { crit: ['exp'] })],
    ['words', 'yes.please.now'],
    ['one word', 'yes'],
  ]
}

/** Every way to sign something else than what would happen, and the claim that must be named. */
function mismatches(claims: Json): [why: string, claims: Json, param: string][] {
  const names = Object.keys(claims)
  const extra = ['payment', 'key', 'order_ref', 'note'].filter((name) => !names.includes(name))
  return [
    ...names
      .filter((name) => name in ALTERED)
      .map((name): [string, Json, string] => {
        // A purchase's own kind is altered to another one.
        const value = claims[name] === ALTERED[name] ? 'topup' : ALTERED[name]
        return [`${name} altered`, { ...claims, [name]: value }, name]
      }),
    ...names.map((name): [string, Json, string] => [`${name} missing`, { ...claims, [name]: undefined }, name]),
    ...extra.map((name): [string, Json, string] => [
      `${name} too many`,
      { ...claims, [name]: ALTERED[name] ?? 'x' },
      name,
    ]),
    ['amount as a number', { ...claims, amount: 1 }, 'amount'],
    ['amount with a leading zero', { ...claims, amount: `0${String(claims['amount'])}` }, 'amount'],
    ['exp as text', { ...claims, exp: String(claims['exp']) }, 'exp'],
    ['exp as null', { ...claims, exp: null }, 'exp'],
    ['exp as the text of no time', { ...claims, exp: '1e300' }, 'exp'],
    ['iat as text', { ...claims, iat: 'now' }, 'iat'],
  ]
}

export function signatures(stage: () => Stage): void {
  const unpaid = async (order: Json = {}): Promise<{ bill: Bill; body: Json; claims: Json }> => {
    const { anna } = stage()
    const bill = await stage().bill(order)
    const body = await stage().confirmBody(anna, bill)
    return { bill, body, claims: anna.claims(stage().orderOf(bill)) }
  }

  test('a signature by anything but this device, over this kind of thing, is signature_invalid', async () => {
    const { anna, ben } = stage()
    const { bill, body, claims } = await unpaid()
    await stage().unchanged([anna], [bill], async () => {
      for (const [why, confirmation] of await forgeries(anna, ben, claims)) {
        expect([why, codeOf(await anna.ask('payment.confirm', { ...body, confirmation }, random(18)))]).toEqual([
          why,
          'signature_invalid',
        ])
      }
    })
    const right = await anna.ask('payment.confirm', { ...body, confirmation: await anna.sign(TYP, claims) }, random(18))
    expect((await anna.settled(paymentOf(right).id)).status).toBe('succeeded')
  })

  test('each claim of a purchase altered, missing or too many is named, and spends neither jti nor code', async () => {
    const { anna } = stage()
    const { bill, body, claims } = await unpaid({ order_ref: `order ${random(6)}` })
    await stage().unchanged([anna], [bill], async () => {
      for (const [why, signed, param] of mismatches(claims)) {
        const confirmation = await anna.sign(TYP, signed)
        const reply = await anna.ask('payment.confirm', { ...body, confirmation }, random(18))
        expect([why, fault(reply)]).toEqual([why, `signature_mismatch ${param}`])
      }
    })
    expect(await stage().stateOfBill(bill)).toMatchObject({ status: 'requires_confirmation', payer: null, version: 1 })
    const right = await anna.sign(TYP, { ...claims, iat: inSeconds(-4_000) })
    const reply = await anna.ask('payment.confirm', { ...body, confirmation: right }, random(18))
    expect((await anna.settled(paymentOf(reply).id)).status).toBe('succeeded')
  })

  test('an order_ref that the payment does not have is one claim too many', async () => {
    const { anna } = stage()
    const { bill, body, claims } = await unpaid()
    const confirmation = await anna.sign(TYP, { ...claims, order_ref: 'A-1001' })
    const ask = () => anna.ask('payment.confirm', { ...body, confirmation }, random(18))
    expect(fault(await stage().unchanged([anna], [bill], ask))).toBe('signature_mismatch order_ref')
  })

  test.each(['transfer', 'topup', 'withdrawal'] as const)(
    'each claim of a %s altered, missing or too many is named, and nothing moves',
    async (kind) => {
      const { anna, treasury } = stage()
      const own = kind !== 'transfer'
      const key = random(18)
      const order = {
        kind,
        subject: { key },
        payee: own ? 'self' : treasury.user,
        amount: '1',
        source: own ? anna.source : 'wallet',
      }
      const claims = anna.claims(order)
      const body = { ...(own ? { source: anna.source } : { to: treasury.user }), amount: '1', currency: 'KES' }
      await stage().unchanged([anna, treasury], [], async () => {
        for (const [why, signed, param] of mismatches(claims)) {
          const confirmation = await anna.sign(TYP, signed)
          const reply = await anna.ask(`${kind}.create`, { ...body, confirmation }, key)
          expect([why, fault(reply)]).toEqual([why, `signature_mismatch ${param}`])
        }
      })
      const reply = await anna.ask(`${kind}.create`, { ...body, confirmation: await anna.sign(TYP, claims) }, key)
      expect((await anna.settled(paymentOf(reply).id)).status).toBe('succeeded')
    },
  )

  test('a signature is past its time 60 s after exp, and too early more than 5 min and 60 s before it', async () => {
    const { anna, treasury } = stage()
    const send = async (seconds: number) => {
      const key = random(18)
      return anna.ask(
        'transfer.create',
        await anna.transferBody(treasury.user, '1', key, { exp: inSeconds(seconds) }),
        key,
      )
    }
    await stage().unchanged([anna], [], async () => {
      for (const seconds of [-62, -3_600, 365, 3_600, -1e12, 1e12]) {
        expect([`exp in ${seconds} s`, codeOf(await send(seconds))]).toEqual([
          `exp in ${seconds} s`,
          'confirmation_expired',
        ])
      }
    })
    for (const seconds of [-50, 1, 299, 350]) {
      expect([`exp in ${seconds} s`, (await anna.settled(paymentOf(await send(seconds)).id)).status]).toEqual([
        `exp in ${seconds} s`,
        'succeeded',
      ])
    }
  })

  test('a jti is good once, for whatever it signed', async () => {
    const { anna, treasury } = stage()
    const jti = random(18)
    const send = async () => {
      const key = random(18)
      return anna.ask('transfer.create', await anna.transferBody(treasury.user, '3', key, { jti }), key)
    }
    expect((await anna.settled(paymentOf(await send()).id)).status).toBe('succeeded')
    const bill = await stage().bill()
    const body = await stage().confirmBody(anna, bill, 'wallet', { jti })
    await stage().unchanged([anna, treasury], [bill], async () => {
      expect(codeOf(await send())).toBe('confirmation_replayed')
      expect(codeOf(await anna.ask('payment.confirm', body, random(18)))).toBe('confirmation_replayed')
    })
  })

  test('of 20 transfers at once with one jti one is made', async () => {
    const { anna, treasury } = stage()
    const jti = random(18)
    const keys = Array.from({ length: 20 }, () => random(18))
    const bodies = await Promise.all(keys.map((key) => anna.transferBody(treasury.user, '5', key, { jti })))
    const replies = await Promise.all(bodies.map((body, i) => anna.insist('transfer.create', body, keys[i] ?? '')))
    expect(tally(replies)).toEqual({ granted: 1, confirmation_replayed: 19 })
  })

  test('of 20 confirms at once with one signature under 20 keys one is made', async () => {
    const { anna } = stage()
    const { bill, body, claims } = await unpaid()
    const confirmation = await anna.sign(TYP, claims)
    const ask = () => anna.insist('payment.confirm', { ...body, confirmation }, random(18))
    const replies = await Promise.all(Array.from({ length: 20 }, ask))
    expect(tally(replies)).toEqual({ granted: 1, confirmation_replayed: 19 })
    expect(await anna.settled(bill.id)).toMatchObject({ status: 'succeeded', version: 3 })
  })
}
