import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startOpenNats, type OpenNats } from '../support/open-nats.ts'
import { Phone, ScriptedHub, errorCode, refusal, startEdge, type TestEdge } from './harness.ts'

/** A merchant's socket: no proof, one feed, and nothing to say. */
const MERCHANT = 'mer_aaaaaaaaaaaa'
const STORE = 'sto_aaaaaaaaaaaa'

let nats: OpenNats
let hub: ScriptedHub
let edge: TestEdge
const tills: Phone[] = []

beforeAll(async () => {
  nats = await startOpenNats()
  hub = await ScriptedHub.start(nats.url)
})
afterAll(async () => {
  await hub.close()
  await nats.stop()
})
beforeEach(async () => {
  hub.reset()
  // A token is the merchant and perhaps a store, for as long.
  hub.on('session.open', ({ credential, body }) => {
    const [merchant = '', store = '', expiresIn_ms] = credential.type === 'device' ? credential.token.split('/') : []
    if (!merchant.startsWith('mer_') || (body as { proof?: string }).proof !== undefined)
      return refusal('unauthenticated')
    const expiresAt = new Date(Date.now() + Number(expiresIn_ms ?? 900_000)).toISOString()
    return { ok: true, body: { merchant, store: store === '' ? null : store, expiresAt, env: 'test' } }
  })
  edge = await startEdge(nats.url, { limits: { heartbeat_ms: 200 } })
})
afterEach(async () => {
  for (const till of tills.splice(0)) till.ws.terminate()
  await edge.stop()
})

async function connect(token = `${MERCHANT}/`, feeds?: object): Promise<Phone> {
  const till = await Phone.connect(edge.url)
  tills.push(till)
  till.ws.on('message', () => {
    const ping = till.of('ping').at(-1)
    if (ping !== undefined) till.send({ t: 'pong', n: ping['n'] })
  })
  till.send({ t: 'hello', token, agent: 'till/1', ...(feeds === undefined ? {} : { feeds }) })
  return till
}

async function open(token?: string, feeds?: object): Promise<Phone> {
  const till = await connect(token, feeds)
  await till.heard('ready')
  return till
}

describe('a merchant', () => {
  it.each([
    ['all of the merchant', MERCHANT, `${MERCHANT}/`, null],
    ['one store', STORE, `${MERCHANT}/${STORE}`, STORE],
  ])('opens without a proof and hears of %s', async (_what, feed, token, store) => {
    hub.write(feed)
    const till = await open(token)
    const ready = await till.heard('ready')
    expect(ready).toMatchObject({ merchant: MERCHANT, store, feeds: { [feed]: { mode: 'snapshot', seq: 1 } } })
    expect(ready).not.toHaveProperty('user')
    expect(ready).not.toHaveProperty('device')
    expect(hub.asked('session.open').at(-1)?.body).not.toHaveProperty('proof')
    await till.heard('snapshot')
    hub.say(feed)
    hub.say(feed)
    expect(await till.heard('event', 2)).toMatchObject({ feed, seq: 3 })
    expect((await till.heard('ping'))['heads']).toEqual({ [feed]: 3 })
  })

  it('goes on from its cursor', async () => {
    for (let i = 0; i < 3; i++) hub.write(STORE)
    const till = await open(`${MERCHANT}/${STORE}`, { [STORE]: { epoch: 'epoch-1', seq: 1 } })
    expect(await till.heard('event', 2)).toMatchObject({ feed: STORE, seq: 3 })
    expect(till.seqs()).toEqual([2, 3])
  })

  it('has as many sockets as it has tills: none gives way to another', async () => {
    const first = await open()
    const second = await open()
    hub.say(MERCHANT)
    await Promise.all([first.heard('event'), second.heard('event')])
    expect([first.closeCode, second.closeCode]).toEqual([null, null])
  })

  it.each([
    ['the merchant’s own, with a store’s token', `${MERCHANT}/${STORE}`, MERCHANT],
    ['its store’s, with the merchant’s token', `${MERCHANT}/`, STORE],
    ['another store’s', `${MERCHANT}/${STORE}`, 'sto_bbbbbbbbbbbb'],
    ['a user’s', `${MERCHANT}/`, 'usr_aaaaaaaaaaaa'],
  ])('is turned away with 4504 from %s', async (_what, token, feed) => {
    const till = await connect(token, { [feed]: { epoch: 'epoch-1', seq: 0 } })
    expect((await till.closed).code).toBe(4504)
    expect(hub.asked('feed.open')).toEqual([])
  })

  it('says nothing: a phone’s command is forbidden, another unknown, and the hub hears of neither', async () => {
    const till = await open()
    for (const name of ['payment.confirm', 'payment.get', 'wallet.balances']) {
      expect(errorCode(await till.command(name, {}))).toBe('forbidden')
      expect(hub.asked(name)).toEqual([])
    }
    expect(errorCode(await till.command('feed.open', { feed: 'usr_aaaaaaaaaaaa' }))).toBe('unknown_command')
    expect(hub.asked('feed.open')).toHaveLength(1)
    expect(till.closeCode).toBeNull()
  })

  it('brings a newer token without a proof, of the same feed alone', async () => {
    const till = await open(`${MERCHANT}/${STORE}/900000`)
    await till.heard('ping')
    till.send({ t: 'token', token: `${MERCHANT}/${STORE}/990000` })
    await till.heard('token')
    hub.say(STORE)
    await till.heard('event')
    const pings = till.of('ping').length
    await till.heard('ping', pings + 1)
    till.send({ t: 'token', token: `${MERCHANT}/` })
    expect((await till.closed).code).toBe(4501)
  })
})
