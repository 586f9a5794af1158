import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openJwe, receivingPair } from '../../clients/mobile/jwe.ts'
import type { HubReply } from '../../src/bus/index.ts'
import { COMMANDS } from '../../src/contract/index.ts'
import { GUESS_LIMITS, makeCodeBook } from '../../src/payments/codes/book.ts'
import { expireOpen } from '../../src/payments/index.ts'
import { random } from '../e2e/support/raw-key.ts'
import { until } from '../support/until.ts'
import { type Hub, openStage, type Phone, type Shop, type Stage } from './support/acceptance.ts'

/** A shop is paid by the code that its customer shows: once, by whom the code is, and by nobody who guesses. */
let stage: Stage
let hub: Hub
let shop: Shop
let phone: Phone
beforeAll(async () => {
  stage = await openStage()
})
beforeEach(async () => {
  // In the midst of a step, so that none ends while a test works.
  stage.time.aheadMs = 0
  stage.time.aheadMs = STEP_MS - (Date.now() % STEP_MS) + STEP_MS / 3
  hub = stage.hub()
  shop = await stage.shop()
  phone = await stage.phone(10_000)
})
afterAll(() => stage.close())

const STEP_MS = 30_000

type Maker = { number: string; secret: Uint8Array; answer: z.infer<(typeof COMMANDS)['code.register']['answer']> }

async function register(of: Phone = phone, on: Hub = hub): Promise<Maker> {
  const pair = await receivingPair()
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
  const key = { kty, crv, x, y }
  const reply = await on.send(of, 'code.register', await stage.action(of, 'code.register', { key }), random(18))
  if (!reply.ok) throw new Error(reply.error.code)
  const answer = COMMANDS['code.register'].answer.parse(reply.body)
  return { number: answer.number, secret: await openJwe(answer.secret_jwe, pair.privateKey), answer }
}

/** As protocol.md says, by Node's HMAC. `steps`: how many before, or after, the one of now. */
function codeOf({ number, secret }: Pick<Maker, 'number' | 'secret'>, steps = 0): string {
  const step = Math.floor((Date.now() + stage.time.aheadMs) / STEP_MS) + steps
  const message = Buffer.alloc(29)
  message.write(`mooring:code${number}`, 'ascii')
  message.writeBigUInt64BE(BigInt(step), 21)
  const value = createHmac('sha256', secret).update(message).digest().readBigUInt64BE(0) % 1_000_000_000n
  return `29${number}${value.toString().padStart(9, '0')}`
}

/** A code whose last digits are others. */
const wrong = (code: string, by = 1): string =>
  code.slice(0, 11) + String((Number(code.slice(11)) + by) % 1_000_000_000).padStart(9, '0')

const order = (code: string, amount: number, more: object = {}) => ({
  amount: String(amount),
  currency: 'KES',
  method: { type: 'code', code },
  ...more,
})

const Seen = z.object({
  id: z.string(),
  status: z.string(),
  payer: z.string().nullable(),
  next_action: z.object({ type: z.string(), expires_at: z.string() }).nullable(),
  source: z.object({ type: z.string() }).nullable(),
  payee: z.string(),
  amount: z.string(),
})

function paid(reply: HubReply): z.infer<typeof Seen> {
  if (!reply.ok) throw new Error(reply.error.code)
  return Seen.parse(reply.body)
}

const codeOfReply = (reply: HubReply): string => (reply.ok ? paid(reply).status : reply.error.code)

async function pay(code: string, amount = 100, by: Shop = shop): Promise<string> {
  return codeOfReply(await hub.post(by, order(code, amount)))
}

async function paymentsOf(user: string): Promise<{ id: string; status: string; qr_token: string | null }[]> {
  return stage.books.owner<{ id: string; status: string; qr_token: string | null }[]>`
    select id, status, qr_token from payments where payer = ${user} order by id`
}

async function makeOlder(seconds: number): Promise<void> {
  await stage.books.owner`update code_misses set at = at - make_interval(secs => ${seconds})`
}

describe('registering', () => {
  test('gives a number and a secret that only this phone reads and that nowhere lies open', async () => {
    const { number, secret, answer } = await register()
    expect(answer).toMatchObject({ step_s: 30, no_touch_max: '2000' })
    expect(secret).toHaveLength(32)
    const [row] = await stage.books.owner<{ number: string; sealed: string; device: string }[]>`
      select number, sealed, device from codes where device = ${phone.device}`
    expect(row).toMatchObject({ number, device: phone.device })
    const kept = await stage.books.owner<{ text: string }[]>`
      select c::text as text from codes c union all select reply::text from idempotency union all select result::text from units`
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      const text = Buffer.from(secret).toString(form).replaceAll('=', '')
      expect(kept.filter((each) => each.text.includes(text))).toEqual([])
    }
  })

  test('again gives others, and the code of before is no code', async () => {
    const before = await register()
    const after = await register()
    expect(after.number).not.toBe(before.number)
    expect(after.secret).not.toEqual(before.secret)
    expect(await pay(codeOf(before))).toBe('code_invalid')
    expect(await pay(codeOf(after))).toBe('processing')
  })

  test('under the same key is answered the same, however the command is signed', async () => {
    const pair = await receivingPair()
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
    const [body, key] = [{ key: { kty, crv, x, y } }, random(18)]
    const send = async () => hub.send(phone, 'code.register', await stage.action(phone, 'code.register', body), key)
    const [first, second] = [await send(), await send()]
    expect(second).toEqual({ ...first, replayed: true })
  })

  test('at the same moment leaves one number a device, which is the last that was answered', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => register()))
    const rows = await stage.books.owner<{ number: string; version: number }[]>`
      select number, version from codes where device = ${phone.device}`
    expect(rows.map(({ version }) => version)).toEqual([8])
    expect(made.filter(({ number }) => number === rows[0]?.number)).toHaveLength(1)
  })

  test('needs this device’s signature over this very key, and a key that is one', async () => {
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', (await receivingPair()).publicKey)
    const key = { kty, crv, x, y }
    const send = async (body: object) => hub.send(phone, 'code.register', body, random(18))
    const other = await stage.action(phone, 'code.register', { key: { ...key, x: y } })
    expect(await send({ ...other, key })).toMatchObject({ error: { code: 'signature_mismatch', param: 'body' } })
    const named = await stage.action(phone, 'source.unlink', { key })
    expect(await send(named)).toMatchObject({ error: { code: 'signature_mismatch', param: 'name' } })
    expect(await send(other)).toMatchObject({ error: { code: 'invalid_request', param: 'key' } })
  })
})

describe('a code', () => {
  test('pays the shop from its customer’s wallet, held in the same unit', async () => {
    const maker = await register()
    const seen = paid(await hub.post(shop, order(codeOf(maker), 700, { order_ref: 'A-1' })))
    expect(seen).toMatchObject({ status: 'processing', payee: shop.id, source: { type: 'wallet' }, next_action: null })
    expect(seen.payer).not.toBe(phone.user)
    expect(await stage.wallet(phone)).toEqual({ left: 10_000n, held: 700n })
    expect(hub.started).toEqual([seen.id])
    expect(await paymentsOf(phone.user)).toEqual([{ id: seen.id, status: 'processing', qr_token: null }])
    const events = await stage.books.owner`select name from outbox where feed = ${phone.user} order by seq`
    expect(events.map(({ name }) => String(name))).toEqual(['payment.updated', 'balance.updated'])
    expect(Object.values(await stage.used(phone)).map(({ held }) => held)).toEqual([700n, 700n])
    expect(await stage.breaches()).toEqual([])
  })

  test('pays at once on the express lane', async () => {
    const always = stage.hub({ mode: 'always' })
    const maker = await register()
    expect(paid(await always.post(shop, order(codeOf(maker), 700)))).toMatchObject({ status: 'succeeded' })
    expect(await stage.wallet(phone)).toEqual({ left: 9_300n, held: 0n })
    expect(await stage.breaches()).toEqual([])
  })

  test('of two merchants and a hundred orders at once pays one, over two hubs', async () => {
    const [other, second] = [await stage.shop('Other'), stage.hub({ process: 1 })]
    const code = codeOf(await register())
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 4 < 2 ? hub : second).post(i % 2 === 0 ? shop : other, order(code, 100 + i)),
      ),
    )
    const codes = replies.map(codeOfReply)
    expect(codes.filter((each) => each === 'processing')).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['processing', 'code_used']))
    expect(await paymentsOf(phone.user)).toHaveLength(1)
    const { held } = await stage.wallet(phone)
    expect(held).toBe(BigInt(paid(replies[codes.indexOf('processing')] ?? { ok: true, body: null }).amount))
    expect(await stage.breaches()).toEqual([])
  })

  test('under one key is one payment, answered the same to a hundred at once and ever after', async () => {
    const [code, key] = [codeOf(await register()), random(18)]
    const replies = await Promise.all(Array.from({ length: 100 }, () => hub.post(shop, order(code, 100), key)))
    const codes = new Set(replies.map(codeOfReply))
    expect(codes.difference(new Set(['processing', 'in_flight'])).size).toBe(0)
    const first = paid(replies.find(({ ok }) => ok) ?? { ok: true, body: null })
    stage.time.aheadMs += 10 * STEP_MS
    const again = await hub.post(shop, order(code, 100), key)
    expect(again).toMatchObject({ ok: true, replayed: true, body: { id: first.id } })
    expect(await hub.post(shop, order(code, 101), key)).toMatchObject({ error: { code: 'idempotency_key_reused' } })
    expect(await paymentsOf(phone.user)).toHaveLength(1)
  })

  test('is good in its step and the next one, and neither before nor after', async () => {
    const maker = await register()
    const at = async (steps: number) => pay(codeOf(maker, steps))
    expect([await at(-2), await at(1), await at(-1), await at(0)]).toEqual([
      'code_invalid',
      'code_invalid',
      'processing',
      'processing',
    ])
    expect([await at(-1), await at(0)]).toEqual(['code_used', 'code_used'])
  })

  test.each([
    [-1, false],
    [0, true],
    [2 * STEP_MS - 1, true],
    [2 * STEP_MS, false],
  ])('is, %d ms from when its step begins, good: %s', async (ms, good) => {
    const maker = await register()
    const begins = Math.floor((Date.now() + stage.time.aheadMs) / STEP_MS) * STEP_MS
    const checked = await hub.deps.codes.check(shop.id, codeOf(maker), begins + ms)
    expect(checked.ok ? checked.value.row.device : checked.error.code).toBe(good ? phone.device : 'code_invalid')
  })

  test.each([
    '',
    '29',
    '290000000010000000001',
    '28123456789123456789',
    '5901234123457',
    'code',
    '29 2345678 123456789',
  ])('is not %j, which is no guess at one', async (text) => {
    expect(await hub.post(shop, order(text, 100))).toMatchObject({
      ok: false,
      error: { code: 'code_invalid', param: 'method.code' },
    })
    expect(await stage.books.owner`select from code_misses where merchant = ${shop.id}`).toHaveLength(0)
  })

  test('of a device that is restricted or revoked, or whose user is gone, is no code', async () => {
    const maker = await register()
    const be = (status: string, to: string | null) => stage.books.owner`
      update devices set status = ${status}, restricted_until = ${to} where id = ${phone.device}`
    await be('revoked', null)
    expect(await pay(codeOf(maker))).toBe('code_invalid')
    await be('restricted', '2100-01-01T00:00:00Z')
    expect(await pay(codeOf(maker))).toBe('code_invalid')
    await be('active', null)
    await stage.books.owner`update users set status = 'closed' where id = ${phone.user}`
    expect(await pay(codeOf(maker))).toBe('code_invalid')
    await stage.books.owner`update users set status = 'active' where id = ${phone.user}`
    await be('restricted', '2020-01-01T00:00:00Z')
    expect(await pay(codeOf(maker))).toBe('processing')
  })

  test('of a device that is revoked while it is being judged pays nothing and asks nobody', async () => {
    const maker = await register()
    const { check } = hub.deps.codes
    hub.deps.codes.check = async (...asked) => {
      const checked = await check(...asked)
      await stage.books.owner`update devices set status = 'revoked' where id = ${phone.device}`
      return checked
    }
    expect(await pay(codeOf(maker))).toBe('code_invalid')
    await stage.books.owner`update devices set status = 'active' where id = ${phone.device}`
    expect(await pay(codeOf(maker), 3_000)).toBe('code_invalid')
    expect(await paymentsOf(phone.user)).toEqual([])
  })

  test('is not used up by a payment that is refused, whatever for', async () => {
    const poor = await stage.phone(50)
    const maker = await register(poor)
    const code = codeOf(maker)
    expect(await hub.post(shop, order(code, 100))).toMatchObject({ error: { code: 'insufficient_funds' } })
    await stage.books.owner`update accounts set frozen = true where name = ${`wallet:${poor.user}`}`
    expect(await hub.post(shop, order(code, 20))).toMatchObject({ error: { code: 'source_not_usable' } })
    await stage.books.owner`update accounts set frozen = false where name = ${`wallet:${poor.user}`}`
    expect(await paymentsOf(poor.user)).toEqual([])
    expect(await pay(code, 50)).toBe('processing')
    expect(await pay(code, 50)).toBe('code_used')
    expect(await stage.breaches()).toEqual([])
  })

  test('is not used up by a payment beyond its customer’s limits', async () => {
    const limited = stage.hub({ limits: { dayMaxMinor: 90n } })
    const code = codeOf(await register())
    expect(await limited.post(shop, order(code, 100))).toMatchObject({ error: { code: 'limit_exceeded' } })
    expect(await limited.post(shop, order(code, 90))).toMatchObject({ ok: true, body: { status: 'processing' } })
    expect(await stage.breaches()).toEqual([])
  })

  test('is looked at last: an order that is refused anyway guesses at nothing', async () => {
    const code = codeOf(await register())
    await hub.post(shop, order(code, 100, { order_ref: 'B-1' }))
    const bad = wrong(codeOf(await register()))
    const codes: string[] = []
    for (const more of [{ order_ref: 'B-1' }, { amount: '0' }, { currency: 'USD' }, { store: 'sto_00000000000000' }])
      codes.push(codeOfReply(await hub.post(shop, order(bad, 100, more))))
    expect(codes).toEqual(['order_ref_in_use', 'amount_too_small', 'currency_not_supported', 'not_found'])
    expect(await stage.books.owner`select from code_misses where merchant = ${shop.id}`).toHaveLength(0)
  })

  test('holds for a merchant that captures later', async () => {
    const seen = paid(await hub.post(shop, order(codeOf(await register()), 100, { capture_method: 'manual' })))
    expect(seen.status).toBe('processing')
    const always = stage.hub({ mode: 'always' })
    const other = await stage.phone(1_000)
    const maker = await register(other)
    expect(paid(await always.post(shop, order(codeOf(maker), 100, { capture_method: 'manual' }))).status).toBe(
      'processing',
    )
  })
})

describe('guesses', () => {
  const misses = GUESS_LIMITS.number_misses

  test('lock a number at the fifth, also for its own code, until the first is ten minutes old', async () => {
    const maker = await register()
    for (let i = 1; i <= misses; i++) expect(await pay(wrong(codeOf(maker), i))).toBe('code_invalid')
    expect(await pay(codeOf(maker))).toBe('code_invalid')
    await makeOlder(GUESS_LIMITS.number_window_s - 30)
    expect(await pay(codeOf(maker))).toBe('code_invalid')
    await makeOlder(31)
    // What was tried while it was locked does not keep it locked.
    expect(await pay(codeOf(maker))).toBe('processing')
  })

  test('four leave a number as it is', async () => {
    const maker = await register()
    for (let i = 1; i < misses; i++) expect(await pay(wrong(codeOf(maker), i))).toBe('code_invalid')
    expect(await pay(codeOf(maker))).toBe('processing')
  })

  test('of several merchants at one number are counted together', async () => {
    const maker = await register()
    for (let i = 1; i <= misses; i++) {
      expect(await pay(wrong(codeOf(maker), i), 100, await stage.shop())).toBe('code_invalid')
    }
    expect(await pay(codeOf(maker))).toBe('code_invalid')
  })

  test('block a merchant at the twentieth, its right codes too, until the first is an hour old; others go on', async () => {
    const maker = await register()
    for (let i = 0; i < GUESS_LIMITS.merchant_misses; i++) {
      expect(await pay(`29${String(i).padStart(9, '0')}000000000`)).toBe('code_invalid')
    }
    const reply = await hub.post(shop, order(codeOf(maker), 100))
    expect(reply).toMatchObject({ ok: false, error: { code: 'rate_limited', retryable: true } })
    const retryMs = reply.ok ? 0 : (reply.error.retry_after_ms ?? 0)
    expect(retryMs).toBeGreaterThan(3_500_000)
    expect(retryMs).toBeLessThanOrEqual(3_600_000)
    expect(await pay(codeOf(maker), 100, await stage.shop())).toBe('processing')
    await makeOlder(GUESS_LIMITS.merchant_window_s)
    expect(await pay(codeOf(maker, -1))).toBe('processing')
    // What is past is not kept.
    await pay(wrong(codeOf(maker)))
    expect(await stage.books.owner`select from code_misses where merchant = ${shop.id}`).toHaveLength(1)
  })

  test('a hundred at once, over two hubs, get as many tries as a hundred in turn', async () => {
    const second = stage.hub({ process: 1 })
    const shops = await Promise.all(Array.from({ length: 10 }, () => stage.shop()))
    const maker = await register()
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        (i % 2 === 0 ? hub : second).post(shops[i % 10] ?? shop, order(wrong(codeOf(maker), i + 1), 100)),
      ),
    )
    expect(new Set(replies.map(codeOfReply))).toEqual(new Set(['code_invalid']))
    const counted = await stage.books.owner`select from code_misses where number = ${maker.number}`
    expect(counted).toHaveLength(misses)
    expect(await pay(codeOf(maker))).toBe('code_invalid')
  })

  test('a hundred of one merchant at once count twenty, and the rest are blocked', async () => {
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) => hub.post(shop, order(`29${String(i).padStart(9, '0')}123456789`, 100))),
    )
    const codes = replies.map(codeOfReply)
    expect(codes.filter((code) => code === 'code_invalid')).toHaveLength(GUESS_LIMITS.merchant_misses)
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(80)
  })

  /** What a right code is answered that comes while guesses are being counted, once they have been. */
  async function judgedMeanwhile(
    guesses: [merchant: string, number: string][],
    right: [merchant: string, number: string],
  ) {
    const { number_misses, number_window_s, merchant_misses, merchant_window_s } = GUESS_LIMITS
    let answered = false
    const meanwhile = await stage.books.hub.begin(async (tx) => {
      for (const [merchant, number] of guesses) {
        await tx`
          select judge_code(${merchant}, ${number}, false, ${number_misses}, make_interval(secs => ${number_window_s}),
            ${merchant_misses}, make_interval(secs => ${merchant_window_s}))`
      }
      const judged = makeCodeBook(stage.books.hub)
        .judge(...right, true)
        .finally(() => {
          answered = true
        })
      await until(async () => {
        const waiting = await stage.books.owner`select from pg_locks where locktype = 'advisory' and not granted`
        return answered || waiting.length > 0
      })
      return { judged }
    })
    return (await meanwhile.judged).verdict
  }

  test('that wait to be counted leave the database, and a lane, to others', async () => {
    const [{ id: merchant }, { id: other }] = [await stage.shop(), await stage.shop()]
    const book = makeCodeBook(stage.books.hub)
    let judged = 0
    const { waiting } = await stage.books.owner.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`codes of ${merchant}`}, 0))`
      const guesses = Array.from({ length: 12 }, async (_, i) => {
        const { verdict } = await book.judge(merchant, String(700_000_300 + i), false)
        judged += 1
        return verdict
      })
      await until(async () => (await tx`select from pg_locks where locktype = 'advisory' and not granted`).length > 0)
      expect(await book.judge(other, '700000400', false)).toEqual({ verdict: 'wrong' })
      expect(judged).toBe(0)
      return { waiting: guesses }
    })
    expect(await Promise.all(waiting)).toEqual(Array<string>(12).fill('wrong'))
  })

  test('that are being counted are waited for, at a number and of a merchant', async () => {
    const [other, number] = [await stage.shop(), '700000001']
    const atNumber = Array.from({ length: misses }, (): [string, string] => [shop.id, number])
    expect(await judgedMeanwhile(atNumber, [other.id, number])).toBe('wrong')
    const third = await stage.shop()
    const ofMerchant = Array.from({ length: GUESS_LIMITS.merchant_misses }, (_, i): [string, string] => [
      third.id,
      String(700_000_100 + i),
    ])
    expect(await judgedMeanwhile(ofMerchant, [third.id, '700000200'])).toBe('blocked')
  })

  test('tell nothing: a number that nobody has is answered as a wrong code, word for word', async () => {
    const maker = await register()
    const answers = async (number: string) => {
      const replies: HubReply[] = []
      for (let i = 1; i <= misses + 2; i++) {
        replies.push(await hub.post(shop, order(`29${number}${String(i).padStart(9, '0')}`, 100)))
      }
      return replies.map((reply) => (reply.ok ? reply : { ...reply.error, request_id: '' }))
    }
    const known = await answers(maker.number)
    expect(await answers('999999990')).toEqual(known)
    expect(new Set(known.map((each) => JSON.stringify(each))).size).toBe(1)
  })

  test('the same wrong code under the same key is one guess', async () => {
    const [code, key] = [wrong(codeOf(await register())), random(18)]
    const first = await hub.post(shop, order(code, 100), key)
    expect(await hub.post(shop, order(code, 100), key)).toEqual({ ...first, replayed: true })
    expect(await stage.books.owner`select from code_misses where merchant = ${shop.id}`).toHaveLength(1)
  })
})

describe('a sum above what a code alone pays', () => {
  async function asked(amount = 2_001, more: object = {}) {
    const maker = await register()
    const code = codeOf(maker)
    const seen = paid(await hub.post(shop, order(code, amount, more)))
    expect(seen).toMatchObject({ status: 'requires_action', next_action: { type: 'confirm_on_phone' } })
    const row = await stage.store.payment(seen.id)
    if (row === null) throw new Error('no payment')
    return { row, code, seen }
  }

  async function yes(of: Phone, { row }: Pick<Awaited<ReturnType<typeof asked>>, 'row'>, source = 'wallet') {
    const { body } = await stage.confirm(of, row, source)
    const { claim: _, ...confirmed } = body
    return hub.send(of, 'payment.respond', { ...confirmed, step: 'confirm_on_phone' }, random(18))
  }

  test('asks the payer, who hears of it, holds nothing, and is paid by the payer’s yes', async () => {
    const { row, seen } = await asked()
    expect(row.next_action?.expires_at).toBe(row.expires_at?.toISOString())
    expect(await stage.wallet(phone)).toEqual({ left: 10_000n, held: 0n })
    const [event] = await stage.books.owner<{ name: string; body: unknown }[]>`
      select name, body from outbox where feed = ${phone.user} order by seq desc limit 1`
    expect(event).toMatchObject({
      name: 'payment.updated',
      body: { id: row.id, status: 'requires_action', next_action: { type: 'confirm_on_phone' }, payee_name: 'Shop' },
    })
    expect(hub.started).toEqual([])
    expect(await yes(phone, { row })).toMatchObject({ ok: true, body: { status: 'processing', next_action: null } })
    expect(await stage.wallet(phone)).toEqual({ left: 10_000n, held: 2_001n })
    expect(hub.started).toEqual([seen.id])
    expect(await yes(phone, { row })).toMatchObject({ error: { code: 'payment_not_confirmable' } })
    expect(await stage.breaches()).toEqual([])
  })

  test('may be paid from another source, and on the express lane', async () => {
    const { row } = await asked()
    expect(await yes(phone, { row }, phone.source)).toMatchObject({ ok: true, body: { source: { type: 'bank' } } })
    const { row: next } = await asked(3_000)
    hub = stage.hub({ mode: 'always' })
    expect(await yes(phone, { row: next })).toMatchObject({ ok: true, body: { status: 'succeeded' } })
    expect(await stage.breaches()).toEqual([])
  })

  test('uses the code up, once, however many ask', async () => {
    const code = codeOf(await register())
    const replies = await Promise.all(Array.from({ length: 30 }, (_, i) => hub.post(shop, order(code, 3_000 + i))))
    const codes = replies.map(codeOfReply)
    expect(codes.filter((each) => each === 'requires_action')).toHaveLength(1)
    expect(new Set(codes)).toEqual(new Set(['requires_action', 'code_used']))
    expect(await paymentsOf(phone.user)).toHaveLength(1)
  })

  test('takes no other’s yes, no claim by QR code and no yes over something else', async () => {
    const { row } = await asked()
    const other = await stage.phone(10_000)
    expect(await yes(other, { row })).toMatchObject({ error: { code: 'not_found' } })
    const { body } = await stage.confirm(other, row)
    expect(await hub.send(other, 'payment.confirm', body, random(18))).toMatchObject({
      error: { code: 'already_claimed' },
    })
    const forged = await yes(phone, { row: { ...row, amount: row.amount - 1n } })
    expect(forged).toMatchObject({ error: { code: 'signature_mismatch', param: 'amount' } })
    const { body: own } = await stage.confirm(phone, row)
    expect(await hub.send(phone, 'payment.confirm', own, random(18))).toMatchObject({
      error: { code: 'payment_not_confirmable' },
    })
  })

  test('is refused for lack of funds, and may be confirmed again from elsewhere', async () => {
    const { row } = await asked(20_000)
    expect(await yes(phone, { row })).toMatchObject({ error: { code: 'insufficient_funds' } })
    expect((await stage.store.payment(row.id))?.status).toBe('requires_action')
    expect(await yes(phone, { row }, phone.source)).toMatchObject({ ok: true })
  })

  test('expires at its time like any other, and may be canceled by its payer', async () => {
    const { row } = await asked(5_000, { expires_in: 60 })
    expect(row.expires_at?.getTime()).toBe(row.created_at.getTime() + 60_000)
    await stage.books.owner`
      update payments set expires_at = clock_timestamp() - interval '1 second' where id = ${row.id}`
    expect(await yes(phone, { row })).toMatchObject({ error: { code: 'payment_expired' } })
    await expireOpen({ ...hub.deps, startLate: () => {}, restart: () => {} })
    expect(await stage.store.payment(row.id)).toMatchObject({ status: 'expired', next_action: null })
    expect(await yes(phone, { row })).toMatchObject({ error: { code: 'payment_expired' } })
    const { row: next } = await asked()
    expect(await hub.send(phone, 'payment.cancel', { payment: next.id }, random(18))).toMatchObject({
      ok: true,
      body: { status: 'canceled', next_action: null },
    })
    expect(await stage.breaches()).toEqual([])
  })
})

describe('what is paid by code alone', () => {
  /** Steps pass, so that there is another code. */
  async function next(maker: Maker, amount: number, on: Hub = hub): Promise<string> {
    stage.time.aheadMs += STEP_MS
    return codeOfReply(await on.post(shop, order(codeOf(maker), amount)))
  }

  test('comes to an end after so many in a row, and begins anew by a payment signed on the device', async () => {
    const counted = stage.hub({ caps: { countMax: 3 } })
    const maker = await register()
    const seen: string[] = []
    for (let i = 0; i < 4; i++) seen.push(await next(maker, 10, counted))
    expect(seen).toEqual(['processing', 'processing', 'processing', 'requires_action'])
    const other = await stage.phone(0)
    const { ask, body } = await stage.transfer(phone, other, 1)
    expect(await counted.ask(phone, ask, body)).toMatchObject({ status: 'processing' })
    await until(async () => (await next(maker, 10, counted)) === 'processing')
  })

  test('comes to an end at a day’s sum, and begins anew the next day', async () => {
    const counted = stage.hub({ caps: { dayMaxMinor: 100n } })
    const maker = await register()
    expect(await next(maker, 60, counted)).toBe('processing')
    expect(await next(maker, 41, counted)).toBe('requires_action')
    expect(await next(maker, 40, counted)).toBe('processing')
    expect(await next(maker, 1, counted)).toBe('requires_action')
    stage.time.aheadMs += 86_400_000
    expect(await next(maker, 100, counted)).toBe('processing')
  })

  test('stays counted where the device registers again, or another device of the user signs', async () => {
    const counted = stage.hub({ caps: { countMax: 1 } })
    expect(await next(await register(), 10, counted)).toBe('processing')
    const again = await register()
    expect(await next(again, 10, counted)).toBe('requires_action')
    const other = await stage.phone(10)
    const { ask, body } = await stage.transfer(other, phone, 1)
    expect(await counted.ask(other, ask, body)).toMatchObject({ status: 'processing' })
    expect(await next(again, 10, counted)).toBe('requires_action')
  })

  test('is counted in its payment’s own unit: of two codes at once one is over the cap', async () => {
    const counted = stage.hub({ caps: { countMax: 1 } })
    const second = stage.hub({ process: 1, caps: { countMax: 1 } })
    for (let i = 0; i < 5; i++) {
      const own = await stage.phone(1_000)
      const maker = await register(own)
      const replies = await Promise.all([
        counted.post(shop, order(codeOf(maker), 10)),
        second.post(shop, order(codeOf(maker, -1), 10)),
      ])
      expect(replies.map(codeOfReply).toSorted()).toEqual(['processing', 'requires_action'])
    }
  })

  test('does not count what was refused', async () => {
    const counted = stage.hub({ caps: { countMax: 1 } })
    const poor = await stage.phone(5)
    const maker = await register(poor)
    expect(await next(maker, 10, counted)).toBe('insufficient_funds')
    expect(await next(maker, 5, counted)).toBe('processing')
  })
})
