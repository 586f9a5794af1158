import { describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { ORIGIN, Phone, USER, errorCode, refusal, edgeStage } from './harness.ts'

const stage = edgeStage()

describe('a newer token', () => {
  const DEVICE = 'dev_bbbbbbbbbbbb'
  const token = (expiresIn_ms: number, device = DEVICE) => `${USER}/${device}/${expiresIn_ms}`
  const bring = (phone: Phone, value = token(900_000)) => phone.send({ t: 'token', token: value, proof: 'd.e.f' })

  async function open(expiresIn_ms: number): Promise<Phone> {
    const phone = await Phone.connect(stage.edge.url, { origin: ORIGIN })
    phone.hello({ device: DEVICE, expiresIn_ms })
    await phone.heard('ready')
    return phone
  }

  it('is proved over the nonce of ready, and the session lives past the end of the one before', async () => {
    const phone = await open(400)
    const ready = await phone.heard('ready')
    const began = performance.now()
    bring(phone)
    const taken = await phone.heard('token')
    expect(Date.parse(String(taken['expires_at']))).toBeGreaterThan(Date.now() + 800_000)
    expect(stage.hub.asked('session.open').at(-1)).toMatchObject({
      credential: { token: token(900_000) },
      body: { nonce: ready['nonce'], proof: 'd.e.f', origin: ORIGIN },
    })
    await until(() => performance.now() - began > 500)
    expect(await phone.command('wallet.balances')).toMatchObject({ ok: true })
    expect(stage.hub.asked('wallet.balances').at(-1)).toMatchObject({ credential: { token: token(900_000) } })
  })

  it('that never came ends the session with its token, many beats later too', async () => {
    await stage.restart({ limits: { heartbeat_ms: 100 } })
    const began = performance.now()
    const phone = await open(900)
    expect((await phone.closed).code).toBe(4007)
    expect(performance.now() - began).toBeGreaterThan(890)
  })

  it('is proved over the nonce of the last ping from then on', async () => {
    await stage.restart({ limits: { heartbeat_ms: 700 } })
    const phone = await open(900_000)
    bring(phone)
    await phone.heard('token')
    const before = phone.of('ping').length
    const ping = await phone.heard('ping', before + 1)
    bring(phone)
    await phone.heard('token', 2)
    expect(stage.hub.asked('session.open').at(-1)?.body).toMatchObject({ nonce: ping['nonce'] })
  })

  it('may be proved over the nonce before, which a newer one crossed on its way; once', async () => {
    await stage.restart({ limits: { heartbeat_ms: 300 } })
    const phone = await open(900_000)
    const crossed = String((await phone.heard('ready'))['nonce'])
    await phone.heard('ping')
    const proof = `e30.${Buffer.from(JSON.stringify({ nonce: crossed })).toString('base64url')}.c2ln`
    phone.send({ t: 'token', token: token(900_000), proof })
    await phone.heard('token')
    expect(stage.hub.asked('session.open').at(-1)?.body).toMatchObject({ nonce: crossed, proof })
    phone.send({ t: 'token', token: token(900_000), proof })
    await until(() => stage.hub.asked('session.open').length === 3)
    // Over another nonce than it says the hub refuses it.
    expect(stage.hub.asked('session.open').at(-1)?.body).not.toMatchObject({ nonce: crossed })
  })

  it('is not taken over a nonce that was used', async () => {
    const phone = await open(900_000)
    bring(phone)
    bring(phone)
    expect((await phone.closed).code).toBe(4501)
    expect(errorCode(await phone.heard('error'))).toBe('unauthenticated')
    // The hub is asked about the first of them at the most.
    expect(stage.hub.asked('session.open').length).toBeLessThanOrEqual(2)
  })

  it.each([
    ['the hub refuses', 'nonsense'],
    ["is another device's", token(900_000, 'dev_cccccccccccc')],
  ])('that %s ends the session with 4501', async (_what, value) => {
    const phone = await open(900_000)
    bring(phone, value)
    expect((await phone.closed).code).toBe(4501)
    expect(errorCode(await phone.heard('error'))).toBe('unauthenticated')
  })

  it('that nobody can tell about now costs nothing: the next ping brings another nonce', async () => {
    await stage.restart({ limits: { heartbeat_ms: 700 } })
    const phone = await open(900_000)
    stage.hub.on('session.open', () => refusal('temporarily_unavailable'))
    bring(phone)
    await until(() => stage.hub.asked('session.open').length === 2)
    stage.hub.reset()
    const pings = phone.of('ping').length
    await phone.heard('ping', pings + 1)
    bring(phone)
    await phone.heard('token')
    expect(phone.closeCode).toBeNull()
  })
})
