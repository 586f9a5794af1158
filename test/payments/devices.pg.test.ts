import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { HubReply } from '../../src/bus/index.ts'
import { COMMANDS, isCommandName } from '../../src/contract/index.ts'
import { random } from '../e2e/support/raw-key.ts'
import { ids } from '../ledger/support/books.ts'
import { type Hub, openStage, type Phone, type Stage } from './support/acceptance.ts'

/** Who may let a device in, and who may shut one out. */
let stage: Stage
let hub: Hub
const PIN = '2580'
const NOBODYS = 'dev_0000000000000000000000'
beforeAll(async () => {
  stage = await openStage()
  hub = stage.hub()
})
afterAll(() => stage.close())

const codeOf = (reply: HubReply): string => (reply.ok ? 'ok' : reply.error.code)
const faultOf = (reply: HubReply): string => (reply.ok ? 'ok' : `${reply.error.code} ${reply.error.param ?? ''}`)

type Name = 'device.revoke' | 'device.approve'
async function ask(by: Phone, name: Name, device: string, more: { pin?: string } = {}, claims: object = {}) {
  const body = await stage.action(by, name, { device }, claims)
  return hub.send(by, name, { ...body, ...more }, random(18))
}

async function setPin(phone: Phone): Promise<void> {
  expect(codeOf(await hub.send(phone, 'pin.set', await stage.action(phone, 'pin.set', { pin: PIN }), random(18)))).toBe(
    'ok',
  )
}

async function statusOf(device: string): Promise<string | undefined> {
  const [row] = await stage.books.owner<{ status: string }[]>`select status from devices where id = ${device}`
  return row?.status
}

/** What the user's feed tells of devices. */
async function told(phone: Phone) {
  return stage.books.owner<{ seq: bigint; name: string; body: Record<string, unknown> }[]>`
    select seq, name, body from outbox where feed = ${phone.user} and name like 'device.%' order by seq`
}

const Listed = z.object({ data: z.array(z.object({ id: z.string(), status: z.string(), current: z.boolean() })) })
async function list(phone: Phone) {
  const reply = await hub.send(phone, 'device.list', {})
  return Listed.parse(reply.ok ? reply.body : reply).data.map(({ id, status, current }) => [id, status, current])
}

test('device.list names the user’s own, which of them asks, and how they stand', async () => {
  const phone = await stage.phone(0)
  await stage.phone(0)
  const waits = await stage.device(phone, 'restricted')
  const past = await stage.device(phone, 'restricted')
  const gone = await stage.device(phone, 'active')
  await stage.books.owner`
    update devices set restricted_until = clock_timestamp() - interval '1 second' where id = ${past.device}`
  expect(codeOf(await ask(phone, 'device.revoke', gone.device))).toBe('ok')
  const lines = [
    [past.device, 'active', false],
    [waits.device, 'restricted', false],
    [phone.device, 'active', true],
    [gone.device, 'revoked', false],
  ]
  expect(await list(phone)).toEqual(lines)
  expect(await list(waits)).toEqual(lines.map(([id, status]) => [id, status, id === waits.device]))
})

describe('device.revoke', () => {
  test('shuts another device out, and tells it in the transaction that does so', async () => {
    const phone = await stage.phone(0)
    const lost = await stage.device(phone, 'active')
    const reply = await ask(phone, 'device.revoke', lost.device)
    expect(reply).toMatchObject({ ok: true, body: { id: lost.device, status: 'revoked', current: false } })
    expect(await statusOf(lost.device)).toBe('revoked')
    expect(await told(phone)).toMatchObject([
      { seq: 1n, name: 'device.revoked', body: { id: lost.device, status: 'revoked' } },
    ])
    expect(codeOf(await hub.send(lost, 'device.list', {}))).toBe('forbidden')
    expect(await stage.breaches()).toEqual([])
  })

  test('of a device that is out already changes nothing and tells nothing, and spends its signature', async () => {
    const phone = await stage.phone(0)
    const lost = await stage.device(phone, 'active')
    await ask(phone, 'device.revoke', lost.device)
    const body = await stage.action(phone, 'device.revoke', { device: lost.device })
    expect(await hub.send(phone, 'device.revoke', body, random(18))).toMatchObject({
      ok: true,
      body: { status: 'revoked' },
    })
    expect(codeOf(await hub.send(phone, 'device.revoke', body, random(18)))).toBe('confirmation_replayed')
    expect(await told(phone)).toHaveLength(1)
  })

  test('asked for thirty times at once happens once', async () => {
    const phone = await stage.phone(0)
    const lost = await stage.device(phone, 'active')
    const replies = await Promise.all(Array.from({ length: 30 }, () => ask(phone, 'device.revoke', lost.device)))
    expect(new Set(replies.map(codeOf))).toEqual(new Set(['ok']))
    expect(await told(phone)).toHaveLength(1)
  })

  test('wins against approvals at the same moment: whoever was let in is out in the end', async () => {
    const phone = await stage.phone(0)
    for (let round = 0; round < 5; round++) {
      const late = await stage.device(phone, 'restricted')
      const names: Name[] = Array.from({ length: 12 }, (_, i) => (i === 5 ? 'device.revoke' : 'device.approve'))
      const replies = await Promise.all(names.map((name) => ask(phone, name, late.device)))
      expect(await statusOf(late.device)).toBe('revoked')
      expect(codeOf(replies[5] ?? { ok: true, body: null })).toBe('ok')
      expect(new Set(replies.map(codeOf)).difference(new Set(['ok', 'forbidden'])).size).toBe(0)
      expect((await told(phone)).at(-1)).toMatchObject({ name: 'device.revoked', body: { id: late.device } })
    }
  })
})

test('a device that is shut out while its right PIN waits to be judged pays nothing', async () => {
  const phone = await stage.phone(5_000)
  await setPin(phone)
  const lost = await stage.device(phone, 'active')
  const strict = stage.hub({ pinAboveMinor: 100n })
  const { ask: pay, body } = await stage.transfer(lost, await stage.phone(0), 600)
  const row = stage.books.owner.begin(async (tx) => {
    await tx`select from pins where user_id = ${phone.user} for update`
    const { promise: reply, resolve } = Promise.withResolvers<HubReply>()
    void strict.send(lost, pay.name, { ...body, pin: PIN }, pay.key).then(resolve)
    await expect
      .poll(async () => (await tx`select from pg_locks where not granted`).length, { timeout: 1_500, interval: 20 })
      .toBeGreaterThan(0)
    expect(codeOf(await ask(phone, 'device.revoke', lost.device))).toBe('ok')
    return { reply }
  })
  expect(codeOf(await (await row).reply)).toBe('forbidden')
  expect(await stage.wallet(phone)).toEqual({ left: 5_000n, held: 0n })
})

describe('device.approve', () => {
  test('by another, active device ends the waiting at once, and tells it', async () => {
    const phone = await stage.phone(5_000)
    const further = await stage.device(phone, 'restricted')
    const pay = await stage.transfer(further, await stage.phone(0), 10)
    expect(codeOf(await hub.send(further, pay.ask.name, pay.body, pay.ask.key))).toBe('device_restricted')
    expect(await ask(phone, 'device.approve', further.device)).toMatchObject({
      ok: true,
      body: { id: further.device, status: 'active' },
    })
    expect(codeOf(await hub.send(further, pay.ask.name, pay.body, pay.ask.key))).toBe('ok')
    expect(await told(phone)).toMatchObject([{ name: 'device.added', body: { id: further.device, status: 'active' } }])
    // Once more, and of one that never waited: it is so already.
    expect(codeOf(await ask(phone, 'device.approve', further.device))).toBe('ok')
    expect(codeOf(await ask(further, 'device.approve', phone.device))).toBe('ok')
    expect(await told(phone)).toHaveLength(1)
  })

  test('by itself takes the account’s PIN', async () => {
    const phone = await stage.phone(0)
    const further = await stage.device(phone, 'restricted')
    const approve = (more: { pin?: string } = {}) => ask(further, 'device.approve', further.device, more)
    expect(faultOf(await approve())).toBe('pin_required pin')
    expect(faultOf(await approve({ pin: PIN }))).toBe('pin_required pin')
    await setPin(phone)
    expect(faultOf(await approve({ pin: '9999' }))).toBe('pin_wrong pin')
    const guesses = await Promise.all(Array.from({ length: 20 }, (_, i) => approve({ pin: String(3_001 + i) })))
    expect(guesses.filter((reply) => codeOf(reply) === 'pin_wrong')).toHaveLength(4)
    expect(guesses.filter((reply) => codeOf(reply) === 'pin_locked')).toHaveLength(16)
    expect(codeOf(await approve({ pin: PIN }))).toBe('pin_locked')
    expect(await statusOf(further.device)).toBe('restricted')
    await stage.books.owner`update pins set locked_until = clock_timestamp() where user_id = ${phone.user}`
    expect(codeOf(await approve({ pin: PIN }))).toBe('ok')
    expect(await statusOf(further.device)).toBe('active')
  })

  test('by another device needs no PIN and looks at none', async () => {
    const phone = await stage.phone(0)
    await setPin(phone)
    const further = await stage.device(phone, 'restricted')
    expect(codeOf(await ask(phone, 'device.approve', further.device, { pin: '9999' }))).toBe('ok')
  })

  test('does not bring a revoked device back', async () => {
    const phone = await stage.phone(0)
    const lost = await stage.device(phone, 'restricted')
    await ask(phone, 'device.revoke', lost.device)
    expect(faultOf(await ask(phone, 'device.approve', lost.device))).toBe('forbidden device')
    expect(await statusOf(lost.device)).toBe('revoked')
  })
})

describe('a restricted device', () => {
  test('is refused every command that changes something, but to cancel and to speak of itself', async () => {
    const phone = await stage.phone(0)
    const further = await stage.device(phone, 'restricted')
    const jws = 'a.b.c'
    const order = { source: 'wallet', amount: '10', currency: 'KES', confirmation: jws }
    const bodies: Record<string, object> = {
      'payment.confirm': { payment: ids.make('pay'), source: 'wallet', confirmation: jws },
      'payment.create': { merchant: ids.make('mer'), amount: '10', currency: 'KES' },
      'payment.respond': { payment: ids.make('pay'), step: 'enter_code', value: '1234' },
      'transfer.create': { to: ids.make('usr'), amount: '10', currency: 'KES', confirmation: jws },
      'topup.create': order,
      'withdrawal.create': order,
      'source.link': { type: 'mobile_money', operator: 'demo', action: jws },
      'source.respond': { source: ids.make('src'), action: jws },
      'source.unlink': { source: ids.make('src'), action: jws },
      'device.revoke': { device: phone.device, action: jws },
      'device.approve': { device: phone.device, action: jws },
      'pin.set': { pin: PIN, action: jws },
      'code.register': { key: phone.key.publicJwk, action: jws },
    }
    const starred = Object.entries(COMMANDS).flatMap(([name, { starred: one }]) => (one ? [name] : []))
    for (const name of starred) {
      if (name === 'payment.cancel' || !isCommandName(name)) continue
      expect([name, codeOf(await hub.send(further, name, bodies[name], random(18)))]).toEqual([
        name,
        'device_restricted',
      ])
    }
    expect(codeOf(await hub.send(further, 'payment.cancel', { payment: ids.make('pay') }, random(18)))).toBe(
      'not_found',
    )
    expect(codeOf(await ask(further, 'device.revoke', further.device))).toBe('ok')
    expect(await statusOf(further.device)).toBe('revoked')
  })
})

describe('somebody else’s device', () => {
  test('does not exist, as one that nobody has', async () => {
    const [phone, other] = [await stage.phone(0), await stage.phone(0)]
    const waits = await stage.device(other, 'restricted')
    for (const name of ['device.revoke', 'device.approve'] as const) {
      for (const device of [other.device, waits.device, NOBODYS]) {
        expect([name, faultOf(await ask(phone, name, device))]).toEqual([name, 'not_found device'])
      }
    }
    expect(await list(phone)).toEqual([[phone.device, 'active', true]])
    expect([await statusOf(other.device), await statusOf(waits.device)]).toEqual(['active', 'restricted'])
  })
})

describe('what is signed', () => {
  const wrong: [claim: string, claims: object][] = [
    ['aud', { aud: 'mooring:confirm' }],
    ['sub', { sub: 'usr_0000000000000000000000' }],
    ['device', { device: NOBODYS }],
    ['name', { name: 'source.unlink' }],
    ['body', { body: random(32) }],
    ['jti', { jti: 'fifteen-letters' }],
    ['exp', { exp: '9999999999' }],
    ...['aud', 'sub', 'device', 'name', 'body', 'jti', 'exp'].map((claim): [string, object] => [
      claim,
      { [claim]: undefined },
    ]),
    ['env', { env: 'test' }],
    ['pin', { pin: PIN }],
  ]

  test('each claim altered, missing or too many is named, for a device and for a PIN, and nothing changes', async () => {
    const phone = await stage.phone(0)
    const further = await stage.device(phone, 'restricted')
    for (const [claim, claims] of wrong) {
      const expected = `signature_mismatch ${claim}`
      expect(faultOf(await ask(phone, 'device.revoke', further.device, {}, claims))).toBe(expected)
      expect(faultOf(await ask(phone, 'device.approve', further.device, {}, claims))).toBe(expected)
      const pin = await stage.action(phone, 'pin.set', { pin: PIN }, claims)
      expect(faultOf(await hub.send(phone, 'pin.set', pin, random(18)))).toBe(expected)
    }
    expect(await statusOf(further.device)).toBe('restricted')
    expect(await told(phone)).toEqual([])
    expect(await stage.books.owner`select from pins where user_id = ${phone.user}`).toHaveLength(0)
  })

  test('over one device it is none over another, nor over the other command', async () => {
    const phone = await stage.phone(0)
    const [one, other] = [await stage.device(phone, 'restricted'), await stage.device(phone, 'active')]
    const { action } = await stage.action(phone, 'device.revoke', { device: one.device })
    const send = async (name: Name, device: string) =>
      faultOf(await hub.send(phone, name, { device, action }, random(18)))
    expect(await send('device.revoke', other.device)).toBe('signature_mismatch body')
    expect(await send('device.approve', one.device)).toBe('signature_mismatch name')
    // A restricted one does not approve itself by another's signature.
    const borrowed = await hub.send(one, 'device.approve', { device: one.device, action, pin: PIN }, random(18))
    expect(codeOf(borrowed)).toBe('signature_invalid')
  })

  test('past its time, too far ahead or used is refused', async () => {
    const phone = await stage.phone(0)
    const further = await stage.device(phone, 'restricted')
    const at = (seconds: number) => ({ exp: Math.floor(Date.now() / 1_000) + seconds })
    expect(codeOf(await ask(phone, 'device.approve', further.device, {}, at(-62)))).toBe('confirmation_expired')
    expect(codeOf(await ask(phone, 'device.approve', further.device, {}, at(365)))).toBe('confirmation_expired')
    const jti = random(18)
    expect(codeOf(await ask(phone, 'device.approve', further.device, {}, { jti }))).toBe('ok')
    expect(codeOf(await ask(phone, 'device.revoke', further.device, {}, { jti }))).toBe('confirmation_replayed')
    expect(await statusOf(further.device)).toBe('active')
  })

  test('sent again under its key is answered as before', async () => {
    const phone = await stage.phone(0)
    const lost = await stage.device(phone, 'active')
    const body = await stage.action(phone, 'device.revoke', { device: lost.device })
    const key = random(18)
    const first = await hub.send(phone, 'device.revoke', body, key)
    expect(await hub.send(phone, 'device.revoke', body, key)).toEqual({ ...first, replayed: true })
    const again = await stage.action(phone, 'device.revoke', { device: lost.device })
    expect(await hub.send(phone, 'device.revoke', again, key)).toEqual({ ...first, replayed: true })
  })
})

describe('revoked by an operator', () => {
  const revoke = async (device: string): Promise<string | undefined> => {
    const [row] = await stage.books.owner<{ said: string }[]>`
      select revoke_device(${device}, ${ids.make('evt')}, 'amara', 'lost phone') as said`
    return row?.said
  }

  test('row, event and log are one, and once', async () => {
    const phone = await stage.phone(0)
    expect(await revoke(phone.device)).toBe('revoked')
    expect(await revoke(phone.device)).toBe('revoked_before')
    expect(await revoke(NOBODYS)).toBe('unknown')
    const [event, ...more] = await told(phone)
    expect(more).toEqual([])
    const { body } = event ?? { body: {} }
    const time: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(body).toEqual({ id: phone.device, name: 'test', created_at: time, last_seen_at: null, status: 'revoked' })
    const log = await stage.books.owner`select kind, operator from ops_audit where subject = ${phone.device}`
    expect([...log]).toEqual([{ kind: 'device_revoked', operator: 'amara' }])
  })

  test('while it is being approved it is out in the end', async () => {
    const phone = await stage.phone(0)
    for (let round = 0; round < 5; round++) {
      const late = await stage.device(phone, 'restricted')
      const approvals = Array.from({ length: 8 }, () => ask(phone, 'device.approve', late.device))
      const [said, ...replies] = await Promise.all([revoke(late.device), ...approvals])
      expect(said).toBe('revoked')
      expect(await statusOf(late.device)).toBe('revoked')
      const codes = replies.map((reply) => (typeof reply === 'object' ? codeOf(reply) : ''))
      expect(new Set(codes).difference(new Set(['ok', 'forbidden'])).size).toBe(0)
    }
  })
})
