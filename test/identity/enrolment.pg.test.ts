import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HubReply } from '../../src/bus/messages.ts'
import { IDENTITY_LIMITS } from '../../src/identity/limits.ts'
import {
  ask,
  beginEnrolment,
  bodyOf,
  codeOf,
  enrol,
  freshPhone,
  makeKey,
  openStage,
  PROOF,
  verify,
  type Stage,
} from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

async function devicesOf(phone: string): Promise<number> {
  const [row] = await stage.admin<{ n: number }[]>`
    select count(*)::int as n from devices d join users u on u.id = d.user_id where u.phone = ${phone}`
  return row?.n ?? 0
}

const wrong = (otp: string) => (otp === '000000' ? '000001' : '000000')

describe('signing up', () => {
  it('makes a user with one active device from the password and a proof of the key', async () => {
    const { user, device, restrictedUntil, phone } = await enrol(stage)
    expect(user).toMatch(/^usr_[0-9A-Za-z]{22}$/)
    expect(device).toMatch(/^dev_[0-9A-Za-z]{22}$/)
    expect(restrictedUntil).toBeUndefined()
    expect(await devicesOf(phone)).toBe(1)
  })

  it('restricts a further device of the same number for 72 hours', async () => {
    const first = await enrol(stage)
    const second = await enrol(stage, first.phone)
    expect(second.user).toBe(first.user)
    expect(second.device).not.toBe(first.device)
    const hours = (Date.parse(second.restrictedUntil ?? '') - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(71.9)
    expect(hours).toBeLessThan(72.1)
  })

  it('finds the same device again where the same key enrols again', async () => {
    const first = await enrol(stage)
    const again = await enrol(stage, first.phone, first.key)
    expect(again.device).toBe(first.device)
    expect(again.restrictedUntil).toBeUndefined()
    expect(await devicesOf(first.phone)).toBe(1)
  })

  it('does not bring a revoked device back by its key', async () => {
    const first = await enrol(stage)
    await stage.admin`update devices set status = 'revoked' where id = ${first.device}`
    const enrolment = await beginEnrolment(stage.identity, first.phone, first.key)
    const reply = await verify(stage.identity, enrolment, stage.operator.otp(first.phone), first.key)
    expect(codeOf(reply)).toBe('forbidden')
  })

  it('makes one user of two sign-ups of one new number at once', async () => {
    const phone = freshPhone()
    const keys = await Promise.all([makeKey(), makeKey()])
    const begun: { id: string; otp: string }[] = []
    for (const key of keys) {
      const id = await beginEnrolment(stage.identity, phone, key)
      begun.push({ id, otp: stage.operator.otp(phone) })
    }
    const replies = await Promise.all(
      keys.map((key, i) => verify(stage.identity, begun[i]?.id ?? '', begun[i]?.otp ?? '', key)),
    )
    const answers = replies.map(bodyOf)
    expect(new Set(answers.map((answer) => answer.user)).size).toBe(1)
    expect(answers.filter((answer) => answer.restricted_until === undefined)).toHaveLength(1)
  })
})

describe('a password', () => {
  it('takes five tries, then is used up, even for the right one', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    const otp = stage.operator.otp(phone)
    for (let i = 0; i < 5; i++) expect(codeOf(await verify(stage.identity, id, wrong(otp), key))).toBe('otp_wrong')
    expect(codeOf(await verify(stage.identity, id, otp, key))).toBe('otp_exhausted')
    expect(await devicesOf(phone)).toBe(0)
  })

  it('is asked of the operator five times at most, however many guess at once', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    const otp = stage.operator.otp(phone)
    const before = stage.operator.asked
    const guesses = Array.from({ length: 60 }, () => verify(stage.identity, id, wrong(otp), key))
    const codes = (await Promise.all(guesses)).map(codeOf)
    expect(stage.operator.asked - before).toBeLessThanOrEqual(5)
    expect(codes.filter((code) => code === 'otp_wrong').length).toBeLessThanOrEqual(5)
    expect(new Set(codes).has('ok')).toBe(false)
  })

  it('is past its time by the database clock', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    await stage.admin`update enrolments set expires_at = clock_timestamp() where id = ${id}`
    expect(codeOf(await verify(stage.identity, id, stage.operator.otp(phone), key))).toBe('otp_expired')
  })

  it('is not spent by a try the operator could not judge', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    stage.operator.away = true
    for (let i = 0; i < 8; i++) {
      expect(codeOf(await verify(stage.identity, id, stage.operator.otp(phone), key))).toBe('temporarily_unavailable')
    }
    stage.operator.away = false
    expect(codeOf(await verify(stage.identity, id, stage.operator.otp(phone), key))).toBe('ok')
  })

  it('answers a repeated verify with the device the first made', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    const otp = stage.operator.otp(phone)
    const first = bodyOf(await verify(stage.identity, id, otp, key))
    expect(bodyOf(await verify(stage.identity, id, otp, key))).toEqual(first)
    expect(codeOf(await verify(stage.identity, id, wrong(otp), key))).toBe('otp_expired')
    expect(await devicesOf(phone)).toBe(1)
  })

  it('makes one device of twenty verifies at once', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    const otp = stage.operator.otp(phone)
    const replies = await Promise.all(Array.from({ length: 20 }, () => verify(stage.identity, id, otp, key)))
    const codes = new Set(replies.map(codeOf))
    expect(codes.has('ok')).toBe(true)
    expect([...codes].every((code) => code === 'ok' || code === 'in_flight')).toBe(true)
    expect(new Set(replies.filter((reply) => reply.ok).map((reply) => bodyOf(reply).device)).size).toBe(1)
    expect(await devicesOf(phone)).toBe(1)
  })

  it('survives the connection lost between the operator’s answer and the commit', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    stage.operator.beforeAnswer = async () => {
      await stage.admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where usename = 'mooring_hub' and datname = current_database()`
    }
    const reply = await verify(stage.identity, id, stage.operator.otp(phone), key)
    stage.operator.beforeAnswer = async () => {}
    expect(codeOf(reply)).toBe('ok')
    expect(await devicesOf(phone)).toBe(1)
    // Every connection of the pool has noticed and is new before the next test.
    const all = () => Promise.allSettled(Array.from({ length: 20 }, () => stage.sql`select pg_sleep(0.01)`))
    await expect.poll(async () => (await all()).every((one) => one.status === 'fulfilled')).toBe(true)
  })

  it('asks for a new one where a hub died after the operator judged', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    const otp = stage.operator.otp(phone)
    stage.operator.beforeAnswer = () => Promise.reject(new Error('the hub dies here'))
    await expect(verify(stage.identity, id, otp, key)).rejects.toThrow('dies here')
    stage.operator.beforeAnswer = async () => {}
    expect(codeOf(await verify(stage.identity, id, otp, key))).toBe('in_flight')
    await stage.admin`update enrolments set checking_until = clock_timestamp() where id = ${id}`
    expect(codeOf(await verify(stage.identity, id, otp, key))).toBe('otp_expired')
    expect(await devicesOf(phone)).toBe(0)
  })
})

describe('a proof at verify', () => {
  it.each([
    ['another key', { key: 'another' }],
    ['a kid, before there is one', { header: { kid: 'dev_00000000' } }],
    ['another typ', { header: { typ: 'mooring-confirm+jwt' } }],
    ['a further header field', { header: { jku: 'https://evil.example' } }],
    ['another enrolment', { claims: { enrolment: 'enr_00000000' } }],
    ['another audience', { claims: { aud: 'mooring:token' } }],
    ['a claim nobody knows', { claims: { admin: true } }],
  ])('by or about %s is unauthenticated and spends no try', async (_what, twist) => {
    const phone = freshPhone()
    const key = await makeKey()
    const id = await beginEnrolment(stage.identity, phone, key)
    const twisted: { key?: string; header?: object; claims?: object } = twist
    const signer = twisted.key === undefined ? key : await makeKey()
    const proof = await signer.sign(
      { aud: 'mooring:enrol', enrolment: id, ...twisted.claims },
      { typ: PROOF, ...twisted.header },
    )
    const before = stage.operator.asked
    const body = { enrolment: id, otp: stage.operator.otp(phone), proof }
    expect(codeOf(await ask(stage.identity.handlers['identity.verify'], body))).toBe('unauthenticated')
    expect(stage.operator.asked).toBe(before)
  })

  it('for an enrolment that is not there is not_found', async () => {
    const key = await makeKey()
    expect(codeOf(await verify(stage.identity, 'enr_0000000000', '123456', key))).toBe('not_found')
    expect(codeOf(await verify(stage.identity, 'no id at all', '123456', key))).toBe('not_found')
  })
})

describe('asking for a password', () => {
  const device = async () => ({ name: 'Test phone', public_key: (await makeKey()).publicKey })
  const askFor = async (phone: string, address?: string) =>
    ask(
      stage.identity.handlers['identity.enrol'],
      { phone, device: await device() },
      address === undefined ? {} : { address },
    )

  it('takes a public key as WebCrypto exports it, and keeps the key alone', async () => {
    const { name, public_key } = await device()
    const exported = { ...public_key, ext: true, key_ops: ['verify'] }
    const reply = await ask(stage.identity.handlers['identity.enrol'], {
      phone: freshPhone(),
      device: { name, public_key: exported },
    })
    const [row] = await stage.admin`select public_key from enrolments where id = ${bodyOf(reply)['id'] ?? ''}`
    expect(row?.['public_key']).toEqual(public_key)
  })

  it('gives a number three in an hour, also when asked for at once', async () => {
    const phone = freshPhone()
    const codes = (await Promise.all(Array.from({ length: 12 }, () => askFor(phone)))).map(codeOf)
    expect(codes.filter((code) => code === 'ok')).toHaveLength(3)
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(9)
    const refused = await askFor(phone)
    expect(refused.ok ? 0 : (refused.error.retry_after_ms ?? 0)).toBeGreaterThan(3_500_000)
    await stage.admin`update enrolments set created_at = created_at - interval '1 hour' where phone = ${phone}`
    expect(codeOf(await askFor(phone))).toBe('ok')
  })

  it('answers known and unknown numbers alike', async () => {
    const known = await enrol(stage)
    const [a, b] = [bodyOf(await askFor(known.phone)), bodyOf(await askFor(freshPhone()))]
    expect(Object.keys(a).toSorted()).toEqual(Object.keys(b).toSorted())
  })

  it('does not count a password the operator did not send', async () => {
    const phone = freshPhone()
    stage.operator.away = true
    for (let i = 0; i < 4; i++) expect(codeOf(await askFor(phone))).toBe('temporarily_unavailable')
    stage.operator.away = false
    expect(codeOf(await askFor(phone))).toBe('ok')
  })

  it('caps an address at twenty an hour, an IPv6 one by its /64', async () => {
    for (const [first, next, other] of [
      ['192.0.2.1', '192.0.2.1', '192.0.2.2'],
      ['2001:db8::1', '2001:db8::ffff:1', '2001:db8:0:1::1'],
    ]) {
      for (let i = 0; i < 20; i++) expect(codeOf(await askFor(freshPhone(), first))).toBe('ok')
      expect(codeOf(await askFor(freshPhone(), next))).toBe('rate_limited')
      expect(codeOf(await askFor(freshPhone(), other))).toBe('ok')
    }
  })

  it('lifts the address cap for loopback, and only there, where caps are off', async () => {
    const open = await stage.another({ caps: 'off' })
    const askOpen = async (address: string) =>
      ask(open.handlers['identity.enrol'], { phone: freshPhone(), device: await device() }, { address })
    for (let i = 0; i < 25; i++) expect(codeOf(await askOpen('127.0.0.1'))).toBe('ok')
    for (let i = 0; i < 20; i++) expect(codeOf(await askOpen('198.51.100.7'))).toBe('ok')
    expect(codeOf(await askOpen('198.51.100.7'))).toBe('rate_limited')
  })

  const many = <T>(n: number, make: (i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: n }, (_, i) => make(i)))
  const granted = (replies: readonly HubReply[]) => replies.filter((reply) => reply.ok).length

  it.each([
    ['an IPv6 /48', (i: number) => `2001:db8:48:${i.toString(16)}::1`, '2001:db8:49:1::1'],
    ['an IPv4 /24', (i: number) => `203.0.113.${String(i)}`, '203.0.114.1'],
  ])('caps %s at a hundred an hour, however many of its addresses ask at once', async (_what, at, neighbour) => {
    const replies = await many(250, (i) => askFor(freshPhone(), at(i)))
    expect(granted(replies)).toBe(100)
    expect(new Set(replies.map(codeOf))).toEqual(new Set(['ok', 'rate_limited']))
    expect(codeOf(await askFor(freshPhone(), neighbour))).toBe('ok')
    await stage.admin`
      update enrolments set created_at = created_at - interval '1 hour'
      where address_prefix = (select address_prefix from enrolments order by created_at desc offset 1 limit 1)`
    expect(codeOf(await askFor(freshPhone(), at(251)))).toBe('ok')
  })

  it('caps ten thousand neighbouring numbers at three hundred an hour, known ones as unknown ones', async () => {
    const number = (i: number) => `+25411000${String(i).padStart(4, '0')}`
    const known = await enrol(stage, number(9_999))
    // Each from another network.
    const replies = await many(320, (i) => askFor(number(i), `172.${String(16 + (i >> 8))}.${String(i & 255)}.1`))
    expect(granted(replies)).toBe(299)
    expect(new Set(replies.map(codeOf))).toEqual(new Set(['ok', 'rate_limited']))
    const refusals = [await askFor(known.phone), await askFor(number(5_000))]
    const [ofKnown, ofUnknown] = refusals.map((reply) => (reply.ok ? null : { ...reply.error, request_id: '' }))
    expect(ofKnown).toMatchObject({ code: 'rate_limited', retry_after_ms: 3_600_000 })
    expect(ofUnknown).toEqual(ofKnown)
    expect(codeOf(await askFor('+254110010000'))).toBe('ok')
    await stage.admin`
      update enrolments set created_at = created_at - interval '1 hour' where phone like '+25411000%'`
    expect(codeOf(await askFor(number(5_000)))).toBe('ok')
  })

  /** Runs it while somebody else counts a sign-up of the numbers that begin so. */
  async function whileCounted(prefix: string, run: () => Promise<void>): Promise<void> {
    await stage.admin.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`enrol:phone-prefix:${prefix}`}, 0))`
      await run()
    })
  }

  it('leaves the database to others while neighbouring numbers wait to be counted', async () => {
    const answered = new Array<string>()
    let waiting: Promise<void>[] = []
    await whileCounted('+25411222', async () => {
      waiting = Array.from({ length: 30 }, async (_, i) => {
        const reply = await askFor(`+2541122200${String(10 + i)}`, `10.${String(i)}.1.1`)
        answered.push(codeOf(reply))
      })
      await expect
        .poll(() => stage.admin`select from pg_locks where locktype = 'advisory' and not granted`)
        .not.toHaveLength(0)
      expect(codeOf(await askFor(freshPhone(), '10.99.1.1'))).toBe('ok')
      expect(answered).toEqual([])
    })
    await Promise.all(waiting)
    expect(answered).toEqual(Array<string>(30).fill('ok'))
  })

  it('refuses what is over a cap without waiting for anybody', async () => {
    const phone = '+254113330001'
    for (let i = 0; i < 3; i++) expect(codeOf(await askFor(phone))).toBe('ok')
    await whileCounted('+25411333', async () => expect(codeOf(await askFor(phone))).toBe('rate_limited'))
  })

  it('lifts the caps of prefixes for loopback where caps are off', async () => {
    const open = await stage.another({ caps: 'off' })
    const replies = await many(110, async (i) => {
      const phone = `+25412000${String(i).padStart(4, '0')}`
      return ask(open.handlers['identity.enrol'], { phone, device: await device() }, { address: '127.0.0.1' })
    })
    expect(granted(replies)).toBe(110)
  })

  it('stops at the budget of all messages, but for loopback where caps are off', async () => {
    await stage.admin`
      insert into enrolments (id, phone, device_name, public_key, jkt, expires_at)
      select 'budget' || n, '+' || n || '0000', 'x', '{}', 'x', clock_timestamp() from generate_series(1, 5000) n`
    const open = await stage.another({ caps: 'off' })
    const body = { phone: freshPhone(), device: await device() }
    expect(codeOf(await askFor(freshPhone()))).toBe('rate_limited')
    expect(codeOf(await ask(open.handlers['identity.enrol'], body, { address: '::1' }))).toBe('ok')
    await stage.admin`delete from enrolments where id like 'budget%'`
    expect(codeOf(await askFor(freshPhone()))).toBe('ok')
  })

  it.each([
    ['phone', { phone: '0700000001' }],
    [
      'device.name',
      { device: { name: '', public_key: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } } },
    ],
    [
      'device.public_key.d',
      { device: { name: 'x', public_key: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43), d: 'x' } } },
    ],
    [
      'device.public_key',
      { device: { name: 'x', public_key: { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) } } },
    ],
    ['admin', { admin: true }],
  ])('names %s when it is ill-formed', async (param, twist) => {
    const body = { phone: freshPhone(), device: await device(), ...twist }
    const reply = await ask(stage.identity.handlers['identity.enrol'], body)
    expect(reply.ok ? null : [reply.error.code, reply.error.param]).toEqual(['invalid_request', param])
  })
})

describe('housekeeping', () => {
  it('deletes what is past and nothing else', async () => {
    const phone = freshPhone()
    const key = await makeKey()
    const old = await beginEnrolment(stage.identity, phone, key)
    const kept = await beginEnrolment(stage.identity, phone, key)
    await stage.admin`update enrolments set created_at = created_at - interval '25 hours' where id = ${old}`
    const before = bodyOf(await ask(stage.identity.handlers['identity.nonce'], undefined))
    expect(before.nonce).toMatch(/^[A-Za-z0-9_-]{43}$/)
    await stage.admin`update nonces set expires_at = clock_timestamp() - interval '1 second'`
    await ask(stage.identity.handlers['identity.nonce'], undefined)
    await stage.identity.sweep()
    const left = await stage.admin<{ id: string }[]>`select id from enrolments where id in (${old}, ${kept})`
    expect(left.map((row) => row.id)).toEqual([kept])
    const [nonces] = await stage.admin<{ n: number }[]>`select count(*)::int as n from nonces`
    expect(nonces?.n).toBe(1)
  })

  const past = async (n: number) => {
    await stage.admin`
      insert into nonces (hash, expires_at)
      select sha256(gen_random_uuid()::text::bytea), clock_timestamp() - interval '1 second' from generate_series(1, ${n})`
    await stage.admin`
      insert into enrolments (id, phone, device_name, public_key, jkt, created_at, expires_at)
      select 'past' || gen_random_uuid(), '+' || n || '0000', 'x', '{}', 'x', clock_timestamp() - interval '25 hours', clock_timestamp()
      from generate_series(1, ${n}) n`
  }
  const left = async () => {
    const [row] = await stage.admin<{ nonces: number; enrolments: number }[]>`
      select (select count(*)::int from nonces where expires_at < clock_timestamp()) as nonces,
        (select count(*)::int from enrolments where id like 'past%') as enrolments`
    return row
  }

  it('goes on until nothing past is left, at any number of hubs at once', async () => {
    await past(3 * IDENTITY_LIMITS.sweep_rows + 1)
    await stage.identity.sweep()
    expect(await left()).toEqual({ nonces: 0, enrolments: 0 })
    await past(3 * IDENTITY_LIMITS.sweep_rows + 1)
    await Promise.all(Array.from({ length: 4 }, () => stage.identity.sweep()))
    expect(await left()).toEqual({ nonces: 0, enrolments: 0 })
  })

  it('ends after the batch in hand when its hub goes', async () => {
    await past(2 * IDENTITY_LIMITS.sweep_rows)
    await stage.identity.sweep(AbortSignal.abort())
    expect(await left()).toEqual({ nonces: IDENTITY_LIMITS.sweep_rows, enrolments: IDENTITY_LIMITS.sweep_rows })
    await stage.identity.sweep()
    expect(await left()).toEqual({ nonces: 0, enrolments: 0 })
  })
})
