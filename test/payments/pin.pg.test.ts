import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { HubReply } from '../../src/bus/index.ts'
import { random } from '../e2e/support/raw-key.ts'
import { type Hub, openStage, type Phone, type Stage } from './support/acceptance.ts'

/** Above a sum money moves by the PIN too, and a guess at it costs a try. */
let stage: Stage
let hub: Hub
const ABOVE = 500n
const PIN = '2580'
beforeAll(async () => {
  stage = await openStage()
})
beforeEach(() => {
  stage.time.aheadMs = 0
  hub = stage.hub({ pinAboveMinor: ABOVE })
})
afterAll(() => stage.close())

const codeOf = (reply: HubReply): string => (reply.ok ? 'ok' : reply.error.code)
const faultOf = (reply: HubReply): string => (reply.ok ? 'ok' : `${reply.error.code} ${reply.error.param ?? ''}`)

async function setPin(phone: Phone, body: { pin: string; old_pin?: string }, key = random(18)): Promise<HubReply> {
  return hub.send(phone, 'pin.set', await stage.action(phone, 'pin.set', body), key)
}

async function withPin(balance = 10_000): Promise<Phone> {
  const phone = await stage.phone(balance)
  expect(codeOf(await setPin(phone, { pin: PIN }))).toBe('ok')
  return phone
}

async function transfer(phone: Phone, amount: number, pin?: string, to = phone0) {
  const { ask, body } = await stage.transfer(phone, await to(), amount)
  return hub.send(phone, ask.name, pin === undefined ? body : { ...body, pin }, ask.key)
}
const phone0 = () => stage.phone(0)

/** Tries taken since the last right PIN. */
async function taken(phone: Phone): Promise<number> {
  const [row] = await stage.books.owner<{ failures: number }[]>`select failures from pins where user_id = ${phone.user}`
  return row?.failures ?? 0
}

const tally = (replies: HubReply[]): Record<string, number> =>
  Object.fromEntries(Object.entries(Object.groupBy(replies, codeOf)).map(([code, each]) => [code, each?.length ?? 0]))

describe('pin.set', () => {
  test.each(['123', '123456789', '12a4', '1111', '00000000', '1234', '45678', '9876', '3210', '', '１２３４'])(
    '%s is none to choose',
    async (pin) => {
      const phone = await stage.phone(0)
      expect(faultOf(await setPin(phone, { pin }))).toBe('invalid_request pin')
    },
  )

  test.each(['2580', '1122', '13579', '90123', '12345679', '1235'])('%s is', async (pin) => {
    expect(codeOf(await setPin(await stage.phone(0), { pin }))).toBe('ok')
  })

  test('changes a PIN only by who knows the old one; a missing one takes no try, a wrong one does', async () => {
    const phone = await withPin()
    expect(faultOf(await setPin(phone, { pin: '7913' }))).toBe('pin_wrong old_pin')
    expect(await taken(phone)).toBe(0)
    expect(faultOf(await setPin(phone, { pin: '7913', old_pin: '9999' }))).toBe('pin_wrong old_pin')
    expect(await taken(phone)).toBe(1)
    expect(codeOf(await setPin(phone, { pin: '7913', old_pin: PIN }))).toBe('ok')
    expect(await taken(phone)).toBe(0)
    expect(codeOf(await transfer(phone, 600, PIN))).toBe('pin_wrong')
    expect(codeOf(await transfer(phone, 600, '7913'))).toBe('ok')
  })

  test('of many first PINs at once one is set, and of many changes at once one is made', async () => {
    const phone = await stage.phone(10_000)
    const first = await Promise.all(Array.from({ length: 12 }, (_, i) => setPin(phone, { pin: `258${String(i % 8)}` })))
    expect(tally(first)).toEqual({ ok: 1, pin_wrong: 11 })
    const other = await withPin()
    const changes = Array.from({ length: 4 }, (_, i) => setPin(other, { pin: `791${String(i)}`, old_pin: PIN }))
    expect(tally(await Promise.all(changes))).toEqual({ ok: 1, pin_wrong: 3 })
    const [row] = await stage.books.owner<{ version: number }[]>`select version from pins where user_id = ${other.user}`
    expect(row?.version).toBe(2)
  })

  test('sent again under its key is answered as before, whatever PIN comes with it, and takes no try', async () => {
    const phone = await stage.phone(0)
    const key = random(18)
    const body = await stage.action(phone, 'pin.set', { pin: PIN })
    expect(await hub.send(phone, 'pin.set', body, key)).toEqual({ ok: true, body: {} })
    expect(await hub.send(phone, 'pin.set', body, key)).toEqual({ ok: true, body: {}, replayed: true })
    const guess = await stage.action(phone, 'pin.set', { pin: '7913', old_pin: '9999' })
    expect(await hub.send(phone, 'pin.set', guess, key)).toEqual({ ok: true, body: {}, replayed: true })
    expect(await taken(phone)).toBe(0)
  })

  test('lies nowhere as it was typed', async () => {
    const phone = await stage.phone(0)
    const old = '8642097'
    await setPin(phone, { pin: old })
    await setPin(phone, { pin: '7531864', old_pin: old })
    const stored = await stage.books.owner`
      select secret as text from pins where user_id = ${phone.user}
      union all select coalesce(reply::text, '') from idempotency where scope = ${phone.user}
      union all select body::text from outbox where feed = ${phone.user}`
    expect(JSON.stringify(stored)).not.toMatch(/8642097|7531864/)
  })
})

describe('above the sum', () => {
  /** Each way to move money, as this phone would send it. */
  const ways: [
    string,
    (phone: Phone, amount: number) => Promise<{ ask: { name: string; key?: string }; body: object }>,
  ][] = [
    ['payment.confirm', async (phone, amount) => stage.confirm(phone, await stage.order(amount))],
    ['transfer.create', async (phone, amount) => stage.transfer(phone, await stage.phone(0), amount)],
    ['topup.create', (phone, amount) => stage.own('topup', phone, amount)],
    ['withdrawal.create', (phone, amount) => stage.own('withdrawal', phone, amount)],
  ]
  type Name = 'payment.confirm' | 'transfer.create' | 'topup.create' | 'withdrawal.create'

  test.each(ways)('%s needs the right PIN, and at it none', async (_name, way) => {
    const phone = await withPin()
    const none = await stage.phone(10_000)
    const send = async (who: Phone, amount: number, more: object): Promise<string> => {
      const { ask, body } = await way(who, amount)
      return faultOf(await hub.send(who, ask.name as Name, { ...body, ...more }, ask.key ?? random(18)))
    }
    expect(await send(phone, 500, {})).toBe('ok')
    // It is not looked at where it is not needed.
    expect(await send(phone, 500, { pin: '9999' })).toBe('ok')
    expect(await send(phone, 501, {})).toBe('pin_required pin')
    expect(await taken(phone)).toBe(0)
    expect(await send(phone, 501, { pin: '9999' })).toBe('pin_wrong pin')
    expect(await send(phone, 501, { pin: '99' })).toBe('invalid_request pin')
    expect(await taken(phone)).toBe(1)
    expect(await send(phone, 501, { pin: PIN })).toBe('ok')
    expect(await taken(phone)).toBe(0)
    expect(await send(none, 501, {})).toBe('pin_required pin')
    expect(await send(none, 501, { pin: PIN })).toBe('pin_required pin')
  })

  test('of 100 payments at once with wrong PINs five are judged, and then none, not even with the right one', async () => {
    const phone = await withPin(100_000)
    const hubs = [hub, stage.hub({ process: 1, pinAboveMinor: ABOVE })]
    const to = await stage.phone(0)
    const asked = await Promise.all(Array.from({ length: 100 }, () => stage.transfer(phone, to, 600)))
    const replies = await Promise.all(
      asked.map(({ ask, body }, i) =>
        (hubs[i % 2] ?? hub).send(phone, ask.name, { ...body, pin: String(3_001 + i) }, ask.key),
      ),
    )
    expect(tally(replies)).toEqual({ pin_wrong: 5, pin_locked: 95 })
    const locked = await transfer(phone, 600, PIN)
    expect(locked).toMatchObject({ ok: false, error: { code: 'pin_locked', retryable: false, param: 'pin' } })
    expect(!locked.ok && (locked.error.retry_after_ms ?? 0) > 0).toBe(true)
    expect(codeOf(await setPin(phone, { pin: '7913', old_pin: PIN }))).toBe('pin_locked')
    // What needs no PIN goes on.
    expect(codeOf(await transfer(phone, 400))).toBe('ok')
    await stage.books.owner`update pins set locked_until = clock_timestamp() where user_id = ${phone.user}`
    expect(codeOf(await transfer(phone, 600, PIN))).toBe('ok')
    expect(await taken(phone)).toBe(0)
    expect(await stage.breaches()).toEqual([])
  })

  test('a refused PIN leaves key, signature and claim as they were: the same command goes through with the right one', async () => {
    const phone = await withPin()
    const { ask, body } = await stage.transfer(phone, await stage.phone(0), 600)
    expect(codeOf(await hub.send(phone, ask.name, { ...body, pin: '9999' }, ask.key))).toBe('pin_wrong')
    expect(codeOf(await hub.send(phone, ask.name, { ...body, pin: PIN }, ask.key))).toBe('ok')
  })

  test('a payment that was accepted is answered again without a PIN, and with a wrong one that takes no try', async () => {
    const phone = await withPin()
    const { ask, body } = await stage.transfer(phone, await stage.phone(0), 600)
    expect(codeOf(await hub.send(phone, ask.name, { ...body, pin: PIN }, ask.key))).toBe('ok')
    expect(await hub.send(phone, ask.name, body, ask.key)).toMatchObject({ ok: true, replayed: true })
    expect(await hub.send(phone, ask.name, { ...body, pin: '9999' }, ask.key)).toMatchObject({
      ok: true,
      replayed: true,
    })
    expect(await taken(phone)).toBe(0)
  })

  test('what is wrong before it counts before it and takes no try; limits and funds come after', async () => {
    const phone = await withPin(700)
    const strict = stage.hub({ pinAboveMinor: ABOVE, limits: { paymentMaxMinor: 800n } })
    const to = await stage.phone(0)
    const send = async (amount: number, more: object, key?: string): Promise<string> => {
      const { ask, body } = await stage.transfer(phone, to, amount)
      return faultOf(await strict.send(phone, ask.name, { ...body, ...more }, key ?? ask.key))
    }
    const wrong = { pin: '9999' }
    expect(await send(600, { ...wrong, amount: '601' })).toBe('signature_mismatch amount')
    expect(await send(600, { ...wrong, to: 'usr_0000000000000000000000' })).toBe('not_found to')
    expect(await send(600, { ...wrong, confirmation: 'a.b.c' })).toBe('signature_invalid confirmation')
    const order = await stage.confirm(phone, await stage.order(600), 'src_0000000000000000000000')
    const noSource = await strict.send(phone, order.ask.name, { ...order.body, ...wrong }, order.ask.key)
    expect(faultOf(noSource)).toBe('source_not_found source')
    const { ask, body } = await stage.transfer(phone, to, 600)
    await strict.send(phone, ask.name, { ...body, pin: PIN }, ask.key)
    const again = await strict.send(phone, ask.name, { ...body, ...wrong, amount: '600' }, ask.key)
    expect(again).toMatchObject({ ok: true, replayed: true })
    const paid = await stage.confirm(phone, await stage.order(501))
    expect(codeOf(await strict.send(phone, paid.ask.name, { ...paid.body, pin: PIN }, paid.ask.key))).toBe(
      'insufficient_funds',
    )
    expect(await taken(phone)).toBe(0)
    expect(await send(900, wrong)).toBe('pin_wrong pin')
    expect(await send(900, { pin: PIN })).toBe('limit_exceeded amount')
    expect(await send(750, { pin: PIN })).toBe('insufficient_funds amount')
  })

  test('a signature that was used before is named without a try, whatever the PIN', async () => {
    const phone = await withPin()
    const order = await stage.confirm(phone, await stage.order(600))
    await stage.books.owner`
      insert into used_jtis (device, jti, expires_at)
      values (${phone.device}, ${jtiOf(order.body.confirmation)}, clock_timestamp() + interval '1 hour')`
    const reply = await hub.send(phone, order.ask.name, { ...order.body, pin: '9999' }, order.ask.key)
    expect(codeOf(reply)).toBe('confirmation_replayed')
    expect(await taken(phone)).toBe(0)
  })

  test('quote says so, to the unit, also to who has no PIN yet', async () => {
    const phone = await stage.phone(10_000)
    const needed = async (amount: number) => {
      const body = { kind: 'transfer', amount: String(amount), currency: 'KES', source: 'wallet' }
      const reply = await hub.send(phone, 'quote', body)
      return reply.ok && typeof reply.body === 'object' && reply.body !== null && 'pin_required' in reply.body
        ? reply.body.pin_required
        : reply
    }
    expect([await needed(500), await needed(501)]).toEqual([false, true])
  })
})

function jtiOf(jws: string): string {
  const claims: unknown = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString())
  return typeof claims === 'object' && claims !== null && 'jti' in claims ? String(claims.jti) : ''
}
