import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { edgeControlSubject } from '../../src/bus/index.ts'
import { startOpenNats, type OpenNats } from '../support/open-nats.ts'
import { until } from '../support/until.ts'
import { KEY, ORIGIN, Phone, ScriptedHub, USER, errorCode, refusal, startEdge, type TestEdge } from './harness.ts'

let nats: OpenNats
let hub: ScriptedHub
let edge: TestEdge

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
  edge = await startEdge(nats.url)
})

afterEach(async () => {
  await edge.stop()
})

describe('opening', () => {
  it('goes challenge, hello, ready, snapshot for a client that has nothing yet', async () => {
    hub.write()
    const phone = await Phone.connect(edge.url, { origin: ORIGIN })
    const challenge = await phone.heard('challenge')
    expect(challenge['nonce']).toMatch(/^[A-Za-z0-9_-]{43}$/)
    phone.hello({ device: 'dev_bbbbbbbbbbbb' })
    const ready = await phone.heard('ready')
    expect(ready).toMatchObject({
      user: USER,
      device: 'dev_bbbbbbbbbbbb',
      heartbeat_ms: 25_000,
      env: 'test',
      feeds: { [USER]: { mode: 'snapshot', epoch: 'epoch-1', seq: 1 } },
    })
    expect(ready['session']).toMatch(/^ses_/)
    expect(ready['nonce']).not.toBe(challenge['nonce'])
    const snapshot = await phone.heard('snapshot')
    expect(snapshot).toEqual({
      t: 'snapshot',
      feed: USER,
      epoch: 'epoch-1',
      seq: 1,
      pos: '10',
      part: 1,
      last: true,
      body: { payments: [], balances: [] },
    })
    const [asked] = hub.asked('session.open')
    expect(asked?.body).toEqual({ nonce: challenge['nonce'], proof: 'a.b.c', origin: ORIGIN })
  })

  it.each([
    ['unauthenticated', 4501],
    ['forbidden', 4504],
    ['overloaded', 4005],
    ['temporarily_unavailable', 4000],
    ['internal', 4000],
  ] as const)('closes by what the hub says: %s is %i', async (refused, closeCode) => {
    hub.on('session.open', () => refusal(refused))
    const phone = await Phone.connect(edge.url)
    phone.hello()
    expect((await phone.closed).code).toBe(closeCode)
    expect(errorCode(await phone.heard('error'))).toBe(refused)
  })

  it('turns away a hello that names the feed of another', async () => {
    const phone = await Phone.connect(edge.url)
    phone.send({ t: 'hello', token: `${USER}/dev_b`, feeds: { usr_zzzzzzzzzzzz: { epoch: 'e', seq: 1 } } })
    expect((await phone.closed).code).toBe(4504)
    expect(hub.asked('feed.open')).toEqual([])
  })

  it.each([
    ['no token', { t: 'hello' }],
    ['an extra field', { t: 'hello', token: 'a/b', extra: 1 }],
    ['a cursor with a negative seq', { t: 'hello', token: 'a/b', feeds: { [USER]: { epoch: 'e', seq: -1 } } }],
    ['a cursor with a fractional seq', { t: 'hello', token: 'a/b', feeds: { [USER]: { epoch: 'e', seq: 1.5 } } }],
    ['a cursor without epoch', { t: 'hello', token: 'a/b', feeds: { [USER]: { seq: 1 } } }],
    ['an extra field in a cursor', { t: 'hello', token: 'a/b', feeds: { [USER]: { epoch: 'e', seq: 1, x: 1 } } }],
    ['a feed that is no id', { t: 'hello', token: 'a/b', feeds: { '*': { epoch: 'e', seq: 1 } } }],
    ['a command', { t: 'cmd', id: '1', name: 'wallet.balances', body: {} }],
    ['a pong', { t: 'pong', n: 1 }],
  ])('closes 4500 where the first frame is a hello with %s', async (_what, frame) => {
    const phone = await Phone.connect(edge.url)
    phone.send(frame)
    expect((await phone.closed).code).toBe(4500)
    expect(errorCode(await phone.heard('error'))).toBe('invalid_request')
  })

  it('closes 4500 at a cursor hidden under __proto__', async () => {
    const phone = await Phone.connect(edge.url)
    phone.sendText('{"t":"hello","token":"a/b","feeds":{"__proto__":{"epoch":"e","seq":1}}}')
    expect((await phone.closed).code).toBe(4500)
  })

  it('closes 4500 at a second hello, also while the first is being answered', async () => {
    const ready = await Phone.open(edge.url)
    ready.hello()
    expect((await ready.closed).code).toBe(4500)
    hub.on('session.open', () => 'silence')
    const opening = await Phone.connect(edge.url)
    opening.hello()
    opening.hello()
    expect((await opening.closed).code).toBe(4500)
  })

  it('closes 4004 when no hello comes', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { hello_timeout_ms: 100 } })
    const phone = await Phone.connect(edge.url)
    expect((await phone.closed).code).toBe(4004)
  })

  it('closes 4005 with a jittered delay when too many hellos are in progress', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { hellos_in_progress: 1 } })
    hub.on('session.open', () => 'silence')
    const first = await Phone.connect(edge.url)
    first.hello()
    await until(() => hub.asked('session.open').length === 1)
    const second = await Phone.connect(edge.url)
    second.hello()
    expect((await second.closed).code).toBe(4005)
    const error = (await second.heard('error'))['error'] as { retry_after_ms: number }
    expect(error.retry_after_ms).toBeGreaterThanOrEqual(500)
  })
})

describe('commands', () => {
  it('forwards name, body, key and token to the hub and hands back its answer', async () => {
    hub.on('payment.cancel', () => ({ ok: true, body: { id: 'pay_00000001' }, replayed: true }))
    const phone = await Phone.open(edge.url, { device: 'dev_bbbbbbbbbbbb' })
    const reply = await phone.command('payment.cancel', { payment: 'pay_00000001' })
    expect(reply).toMatchObject({ ok: true, body: { id: 'pay_00000001' }, replayed: true })
    const [asked] = hub.asked('payment.cancel')
    expect(asked).toMatchObject({
      credential: { type: 'device', token: `${USER}/dev_bbbbbbbbbbbb` },
      key: KEY,
      body: { payment: 'pay_00000001' },
    })
    expect(asked?.requestId).toMatch(/^req_/)
    expect(asked?.deadline).toBeGreaterThan(Date.now())
  })

  it('sends quote to its own subject and an absent body as an empty one', async () => {
    hub.on('payment.quote', () => ({ ok: true, body: {} }))
    const phone = await Phone.open(edge.url)
    expect(await phone.command('quote')).toMatchObject({ ok: true })
    expect(hub.asked('payment.quote')[0]?.body).toEqual({})
  })

  it('hands back a refusal as it is', async () => {
    hub.on('payment.get', () => refusal('not_found'))
    const phone = await Phone.open(edge.url)
    const reply = await phone.command('payment.get', { payment: 'pay_00000001' })
    expect(reply).toMatchObject({
      ok: false,
      error: { code: 'not_found', retryable: false, request_id: 'req_00000000' },
    })
  })

  it.each([
    ['nothing.known'],
    ['pin.set'],
    ['session.open'],
    ['feed.page'],
    ['__proto__'],
    ['x'.repeat(2_000)],
    [5],
    [undefined],
  ])('answers unknown_command for the name %j without asking the hub', async (name) => {
    const phone = await Phone.open(edge.url)
    const before = hub.requests.length
    expect(errorCode(await phone.command(name, {}))).toBe('unknown_command')
    expect(hub.requests.length).toBe(before)
  })

  it.each([
    [{}],
    [{ key: 'short' }],
    [{ key: 'x'.repeat(65) }],
    [{ key: 'has a space in it ok' }],
    [{ key: 5 }],
    [{ key: null }],
  ])('answers idempotency_key_missing where a changing command has %j', async (more) => {
    const phone = await Phone.open(edge.url)
    expect(errorCode(await phone.command('payment.cancel', { payment: 'pay_00000001' }, more))).toBe(
      'idempotency_key_missing',
    )
    expect(hub.asked('payment.cancel')).toEqual([])
  })

  it('answers temporarily_unavailable when the hub stays silent, and says to retry with the same key', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { command_timeout_ms: 150 } })
    hub.on('payment.cancel', () => 'silence')
    const phone = await Phone.open(edge.url)
    const reply = await phone.command('payment.cancel', { payment: 'pay_00000001' })
    expect(reply['error']).toMatchObject({ code: 'temporarily_unavailable', retryable: true })
    expect(JSON.stringify(reply)).toContain('same key')
  })

  it('answers overloaded at once beyond the commands one socket may have in flight', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { commands_per_session: 2 } })
    hub.on('wallet.balances', () => 'silence')
    const phone = await Phone.open(edge.url)
    phone.send({ t: 'cmd', id: 'a', name: 'wallet.balances' })
    phone.send({ t: 'cmd', id: 'b', name: 'wallet.balances' })
    const startedAt = performance.now()
    expect(errorCode(await phone.command('wallet.balances'))).toBe('overloaded')
    expect(performance.now() - startedAt).toBeLessThan(50)
  })

  it('limits a user over all sockets to a burst, says when to try again, and closes 4505 on abuse', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, {
      limits: { user_rate: { per_s: 1, burst: 3 }, refusal_rate: { per_s: 1, burst: 4 } },
    })
    const [first, second] = [await Phone.open(edge.url), await Phone.open(edge.url)]
    expect(await first.command('wallet.balances')).toMatchObject({ ok: true })
    expect(await second.command('wallet.balances')).toMatchObject({ ok: true })
    expect(await first.command('wallet.balances')).toMatchObject({ ok: true })
    const refused = await second.command('wallet.balances')
    expect(refused['error']).toMatchObject({ code: 'rate_limited', retryable: true })
    expect((refused['error'] as { retry_after_ms: number }).retry_after_ms).toBeGreaterThan(0)
    for (let i = 0; i < 20; i++) first.send({ t: 'cmd', id: `flood-${i}`, name: 'wallet.balances' })
    expect((await first.closed).code).toBe(4505)
    expect(second.closeCode).toBeNull()
  })

  it('closes 4505 on a flood of frames that are no commands', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { frame_rate: { per_s: 1, burst: 10 } } })
    const phone = await Phone.open(edge.url)
    for (let i = 0; i < 20; i++) phone.send({ t: 'ack', feed: USER, seq: 0 })
    expect((await phone.closed).code).toBe(4505)
  })
})

describe('frames', () => {
  it.each([
    ['text that is not JSON', 'hello'],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['an unknown t', '{"t":"nope"}'],
    ['a token that is none', '{"t":"token","token":7}'],
    ['an extra field in a token', '{"t":"token","token":"x","x":1}'],
    ['no t', '{"id":"1"}'],
    ['a command without id', '{"t":"cmd","name":"wallet.balances","body":{}}'],
    ['an empty id', '{"t":"cmd","id":"","name":"wallet.balances"}'],
    ['a long id', `{"t":"cmd","id":"${'x'.repeat(65)}","name":"wallet.balances"}`],
    ['an id that is a number', '{"t":"cmd","id":1,"name":"wallet.balances"}'],
    ['an extra field in a command', '{"t":"cmd","id":"1","name":"wallet.balances","body":{},"x":1}'],
    ['__proto__ in a command', '{"t":"cmd","id":"1","name":"wallet.balances","__proto__":{}}'],
    ['an extra field in a pong', '{"t":"pong","n":1,"x":1}'],
    ['33 levels', `{"t":"cmd","id":"1","name":"wallet.balances","body":${'['.repeat(32)}${']'.repeat(32)}}`],
  ])('closes 4500 at %s', async (_what, text) => {
    const phone = await Phone.open(edge.url)
    phone.sendText(text)
    expect((await phone.closed).code).toBe(4500)
    expect(errorCode(await phone.heard('error'))).toBe('invalid_request')
  })

  it('takes 32 levels', async () => {
    const phone = await Phone.open(edge.url)
    phone.sendText(`{"t":"cmd","id":"1","name":"wallet.balances","body":${'['.repeat(31)}${']'.repeat(31)}}`)
    expect(await phone.reply('1')).toMatchObject({ ok: true })
  })

  it('closes 4500 at an id used before, whether answered or in flight', async () => {
    const phone = await Phone.open(edge.url)
    phone.send({ t: 'cmd', id: 'same', name: 'wallet.balances' })
    await phone.reply('same')
    phone.send({ t: 'cmd', id: 'same', name: 'wallet.balances' })
    expect((await phone.closed).code).toBe(4500)
  })

  it('passes over an ack, also above the head or of another feed', async () => {
    const phone = await Phone.open(edge.url)
    phone.send({ t: 'ack', feed: USER, seq: 99 })
    phone.send({ t: 'ack', feed: 'usr_zzzzzzzzzzzz', seq: 1 })
    expect(await phone.command('wallet.balances')).toMatchObject({ ok: true })
  })
})

describe('the end of a session', () => {
  it('closes 4006 when the same device connects again, and the new socket stays', async () => {
    const older = await Phone.open(edge.url, { device: 'dev_bbbbbbbbbbbb' })
    const newer = await Phone.open(edge.url, { device: 'dev_bbbbbbbbbbbb' })
    expect((await older.closed).code).toBe(4006)
    expect(await newer.command('wallet.balances')).toMatchObject({ ok: true })
  })

  it('closes 4006 when the same device connects on another edge', async () => {
    const other = await startEdge(nats.url)
    const older = await Phone.open(edge.url, { device: 'dev_bbbbbbbbbbbb' })
    const newer = await Phone.open(other.url, { device: 'dev_bbbbbbbbbbbb' })
    expect((await older.closed).code).toBe(4006)
    expect(await newer.command('wallet.balances')).toMatchObject({ ok: true })
    await other.stop()
  })

  it('closes 4504 when the device is revoked', async () => {
    const phone = await Phone.open(edge.url, { device: 'dev_bbbbbbbbbbbb' })
    edge.bus.publish(edgeControlSubject('all'), JSON.stringify({ type: 'revoke', device: 'dev_bbbbbbbbbbbb' }))
    expect((await phone.closed).code).toBe(4504)
  })

  it('closes 4007 when the token expires', async () => {
    const phone = await Phone.connect(edge.url)
    phone.hello({ expiresIn_ms: 200 })
    await phone.heard('ready')
    expect((await phone.closed).code).toBe(4007)
  })

  it('pings with a fresh nonce and every head, and closes 4003 without a pong', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { heartbeat_ms: 150, pong_timeout_ms: 100 } })
    const phone = await Phone.open(edge.url)
    const first = await phone.heard('ping')
    phone.send({ t: 'pong', n: first['n'] })
    const second = await phone.heard('ping', 2)
    expect(first).toMatchObject({ n: 1, heads: { [USER]: 0 } })
    expect(second).toMatchObject({ n: 2, heads: { [USER]: 0 } })
    expect(second['nonce']).not.toBe(first['nonce'])
    expect(hub.asked('feed.heads').length).toBeGreaterThan(0)
    phone.send({ t: 'pong', n: 99 })
    expect((await phone.closed).code).toBe(4003)
  })

  it('draining asks clients to come back elsewhere, one after the other, and tells events until they have to', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { goaway_per_ms: 0.01, goaway_spread_ms: 600 } })
    const phones = await Promise.all(Array.from({ length: 12 }, () => Phone.open(edge.url)))
    const started = performance.now()
    const draining = edge.edge.drain()
    const asked = await Promise.all(phones.map((phone) => phone.heard('goaway')))
    hub.say()
    const stay_ms = asked.map((frame) => Number(frame['reconnect_after_ms']))
    const last = phones[stay_ms.indexOf(Math.max(...stay_ms))]
    await last?.heard('event')
    await Promise.all(phones.map((phone) => phone.closed))
    expect(performance.now() - started).toBeGreaterThanOrEqual(Math.max(...stay_ms) - 5)
    expect(new Set(phones.map(({ closeCode }) => closeCode))).toEqual(new Set([4001]))
    expect(Math.max(...stay_ms)).toBeLessThanOrEqual(600)
    expect(new Set(stay_ms).size).toBeGreaterThan(6)
    await draining
  })

  it('draining answers the command in flight, declines a new one, and closes 4001', async () => {
    let answer: () => void = () => {}
    hub.on('payment.cancel', async () => {
      await new Promise<void>((resolve) => (answer = resolve))
      return { ok: true, body: { id: 'pay_00000001' } }
    })
    const busy = await Phone.open(edge.url)
    const idle = await Phone.open(edge.url)
    busy.send({ t: 'cmd', id: 'running', key: KEY, name: 'payment.cancel', body: {} })
    await until(() => hub.asked('payment.cancel').length === 1)
    const draining = edge.edge.drain()
    expect((await idle.closed).code).toBe(4001)
    expect(errorCode(await busy.command('payment.cancel', {}))).toBe('temporarily_unavailable')
    expect(busy.closeCode).toBeNull()
    answer()
    expect((await busy.closed).code).toBe(4001)
    expect(busy.replyTo('running')).toMatchObject({ ok: true })
    await draining
  })
})

describe('a newer token', () => {
  const DEVICE = 'dev_bbbbbbbbbbbb'
  const token = (expiresIn_ms: number, device = DEVICE) => `${USER}/${device}/${expiresIn_ms}`
  const bring = (phone: Phone, value = token(900_000)) => phone.send({ t: 'token', token: value, proof: 'd.e.f' })

  async function open(expiresIn_ms: number): Promise<Phone> {
    const phone = await Phone.connect(edge.url, { origin: ORIGIN })
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
    expect(hub.asked('session.open').at(-1)).toMatchObject({
      credential: { token: token(900_000) },
      body: { nonce: ready['nonce'], proof: 'd.e.f', origin: ORIGIN },
    })
    await until(() => performance.now() - began > 500)
    expect(await phone.command('wallet.balances')).toMatchObject({ ok: true })
    expect(hub.asked('wallet.balances').at(-1)).toMatchObject({ credential: { token: token(900_000) } })
  })

  it('is proved over the nonce of the last ping from then on', async () => {
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { heartbeat_ms: 100 } })
    const phone = await open(900_000)
    bring(phone)
    await phone.heard('token')
    const before = phone.of('ping').length
    const ping = await phone.heard('ping', before + 1)
    bring(phone)
    await phone.heard('token', 2)
    expect(hub.asked('session.open').at(-1)?.body).toMatchObject({ nonce: ping['nonce'] })
  })

  it('is not taken over a nonce that was used', async () => {
    const phone = await open(900_000)
    bring(phone)
    bring(phone)
    expect((await phone.closed).code).toBe(4501)
    expect(errorCode(await phone.heard('error'))).toBe('unauthenticated')
    // The hub is asked about the first of them at the most.
    expect(hub.asked('session.open').length).toBeLessThanOrEqual(2)
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
    await edge.stop()
    edge = await startEdge(nats.url, { limits: { heartbeat_ms: 100 } })
    const phone = await open(900_000)
    hub.on('session.open', () => refusal('temporarily_unavailable'))
    bring(phone)
    await until(() => hub.asked('session.open').length === 2)
    hub.reset()
    const pings = phone.of('ping').length
    await phone.heard('ping', pings + 1)
    bring(phone)
    await phone.heard('token')
    expect(phone.closeCode).toBeNull()
  })
})
