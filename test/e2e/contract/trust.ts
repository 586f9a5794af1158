import { expect, test } from 'vitest'
import { z } from 'zod'
import { random, type Json } from '../support/raw-key.ts'
import { codeOf, fault, paymentOf, RawPhone } from '../support/raw-phone.ts'
import { tally, type Stage } from '../support/raw-stage.ts'

const PIN = '2580'
const Devices = z.array(z.object({ id: z.string(), status: z.string(), current: z.boolean() }))
/** From the answer to `device.revoke` to the socket being closed. */
const AT_ONCE_MS = 2_000

type Name = 'device.revoke' | 'device.approve' | 'pin.set'
/** A command under an action; `secrets` go beside what is signed. */
const act = async (phone: RawPhone, name: Name, covered: Json, secrets: Json = {}, claims: Json = {}) =>
  phone.ask(name, { ...covered, ...secrets, action: await phone.action(covered, { name, ...claims }) }, random(18))

const deviceEvent = (phone: RawPhone, name: string, device: string, status: string) =>
  phone.socket.frame(`${name} of ${device}`, (frame) => {
    const { body } = frame
    if (frame['name'] !== name || typeof body !== 'object' || body === null) return false
    return 'id' in body && body.id === device && 'status' in body && body.status === status
  })

export function trust(stage: () => Stage): void {
  const list = async (phone: RawPhone) =>
    Devices.parse((await phone.must('device.list', {}))['data']).map(({ id, status, current }) => [id, status, current])

  test('a further phone is told to the others, only looks until one of them approves it, and then pays', async () => {
    const phone = await stage().phone('1000')
    const second = await RawPhone.make(stage().dev, phone.number)
    expect(second.user).toBe(phone.user)
    await deviceEvent(phone, 'device.added', second.device, 'restricted')
    expect(await list(second)).toEqual([
      [second.device, 'restricted', true],
      [phone.device, 'active', false],
    ])
    const pay = async () => {
      const key = random(18)
      return second.ask('transfer.create', await second.transferBody(stage().anna.user, '10', key), key)
    }
    expect(codeOf(await pay())).toBe('device_restricted')
    expect(fault(await act(second, 'device.revoke', { device: phone.device }))).toBe('device_restricted')
    expect(await act(phone, 'device.approve', { device: second.device })).toMatchObject({
      ok: true,
      body: { id: second.device, status: 'active', current: false },
    })
    expect((await second.settled(paymentOf(await pay()).id)).status).toBe('succeeded')
    await deviceEvent(second, 'device.added', second.device, 'active')
    await Promise.all([phone.socket.close(), second.socket.close()])
  })

  test('a phone without another approves itself by the PIN, and not by guessing it', async () => {
    const phone = await stage().phone()
    const second = await RawPhone.make(stage().dev, phone.number)
    const approve = (secrets: Json = {}) => act(second, 'device.approve', { device: second.device }, secrets)
    expect(fault(await approve({ pin: PIN }))).toBe('pin_required pin')
    expect(codeOf(await act(phone, 'pin.set', {}, { pin: PIN }))).toBe('granted')
    expect(fault(await approve())).toBe('pin_required pin')
    expect(fault(await approve({ pin: '0852' }))).toBe('pin_wrong pin')
    expect(await approve({ pin: PIN })).toMatchObject({ ok: true, body: { status: 'active', current: true } })
    await Promise.all([phone.socket.close(), second.socket.close()])
  })

  test('a revoked phone is out at once: its socket, its token, its signature', async () => {
    const phone = await stage().phone('1000')
    const lost = await RawPhone.make(stage().dev, phone.number)
    await act(phone, 'device.approve', { device: lost.device })
    const closed = lost.socket.closed
    expect(codeOf(await act(phone, 'device.revoke', { device: lost.device }))).toBe('granted')
    const since = performance.now()
    expect(await closed).toBe(4504)
    expect(performance.now() - since).toBeLessThan(AT_ONCE_MS)
    await deviceEvent(phone, 'device.revoked', lost.device, 'revoked')
    // A hub may have read the device a moment before; it reads again once that is a second old.
    await expect
      .poll(
        () =>
          lost.connect().then(
            () => 'open',
            (error: unknown) => String(error),
          ),
        { timeout: 5_000, interval: 100 },
      )
      .toContain('4504')
    await expect(lost.renew()).rejects.toThrow('unauthenticated')
    await phone.socket.close()
  })

  test('a phone that gives itself up is out too', async () => {
    const phone = await stage().phone()
    const closed = phone.socket.closed
    await act(phone, 'device.revoke', { device: phone.device }).catch(() => undefined)
    expect(await closed).toBe(4504)
  })

  test('somebody else’s device is not_found', async () => {
    const { anna, ben, restricted } = stage()
    for (const name of ['device.revoke', 'device.approve'] as const) {
      for (const device of [ben.device, restricted.device, 'dev_0000000000000000000000']) {
        expect([name, fault(await act(anna, name, { device }))]).toEqual([name, 'not_found device'])
      }
    }
    expect(await list(ben)).toEqual([
      [restricted.device, 'restricted', false],
      [ben.device, 'active', true],
    ])
  })

  test('each claim of an action altered, missing or too many is named, and nothing changes', async () => {
    const { anna, ben } = stage()
    const phone = await stage().phone()
    const second = await RawPhone.make(stage().dev, phone.number)
    const wrong: [string, Json][] = [
      ['aud', { aud: 'mooring:confirm' }],
      ['sub', { sub: ben.user }],
      ['device', { device: anna.device }],
      ['name', { name: 'source.link' }],
      ['body', { body: random(32) }],
      ['jti', { jti: 'fifteen-letters' }],
      ['exp', { exp: '9999999999' }],
      ...['aud', 'sub', 'device', 'name', 'body', 'jti', 'exp'].map((claim): [string, Json] => [
        claim,
        { [claim]: undefined },
      ]),
      ['env', { env: 'test' }],
    ]
    for (const [claim, claims] of wrong) {
      const replies = [
        await act(phone, 'device.approve', { device: second.device }, {}, claims),
        await act(phone, 'device.revoke', { device: second.device }, {}, claims),
        await act(phone, 'pin.set', {}, { pin: PIN }, claims),
      ]
      expect(replies.map(fault)).toEqual(replies.map(() => `signature_mismatch ${claim}`))
    }
    expect(await list(phone)).toEqual([
      [second.device, 'restricted', false],
      [phone.device, 'active', true],
    ])
    expect(codeOf(await act(phone, 'pin.set', {}, { pin: PIN }))).toBe('granted')
    await Promise.all([phone.socket.close(), second.socket.close()])
  })

  test('a PIN is of 4 to 8 digits that nobody guesses first, and changes only by who knows it', async () => {
    const phone = await stage().phone()
    for (const pin of ['123', '123456789', '1111', '1234', '8765', '12a4', 2580]) {
      expect([pin, fault(await act(phone, 'pin.set', {}, { pin }))]).toEqual([pin, 'invalid_request pin'])
    }
    expect((await act(phone, 'pin.set', {}, { pin: PIN })).body).toEqual({})
    expect(fault(await act(phone, 'pin.set', {}, { pin: '7913' }))).toBe('pin_wrong old_pin')
    expect(fault(await act(phone, 'pin.set', {}, { pin: '7913', old_pin: '9999' }))).toBe('pin_wrong old_pin')
    expect(codeOf(await act(phone, 'pin.set', {}, { pin: '7913', old_pin: PIN }))).toBe('granted')
    await phone.socket.close()
  })

  test('above pin_above the right PIN moves money; of many guesses at once five are judged', async () => {
    const { dev, anna } = stage()
    const phone = await stage().phone()
    await phone.link()
    const above = (BigInt(dev.pin_above) + 1n).toString()
    const topUp = async (secrets: Json) => {
      const key = random(18)
      return phone.ask('topup.create', { ...(await phone.ownBody('topup', phone.source, above, key)), ...secrets }, key)
    }
    await act(phone, 'pin.set', {}, { pin: PIN })
    expect(fault(await topUp({}))).toBe('pin_required pin')
    expect((await phone.settled(paymentOf(await topUp({ pin: PIN })).id)).status).toBe('succeeded')
    const guesses = Array.from({ length: 40 }, async (_, i) => {
      const key = random(18)
      const body = await phone.transferBody(anna.user, above, key)
      return phone.ask('transfer.create', { ...body, pin: String(3_001 + i) }, key)
    })
    const replies = await Promise.all(guesses)
    expect(tally(replies)).toEqual({ pin_wrong: 5, pin_locked: 35 })
    const locked = replies.find((reply) => codeOf(reply) === 'pin_locked')
    expect(locked?.error).toMatchObject({ retryable: false, param: 'pin' })
    expect(locked?.error?.retry_after_ms ?? 0).toBeGreaterThan(0)
    expect(codeOf(await topUp({ pin: PIN }))).toBe('pin_locked')
    await phone.socket.close()
  })
}
