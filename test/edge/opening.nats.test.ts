import { describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { ORIGIN, Phone, USER, errorCode, refusal, edgeStage } from './harness.ts'

const stage = edgeStage()

describe('opening', () => {
  it('goes challenge, hello, ready, snapshot for a client that has nothing yet', async () => {
    stage.hub.write()
    const phone = await Phone.connect(stage.edge.url, { origin: ORIGIN })
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
    const [asked] = stage.hub.asked('session.open')
    expect(asked?.body).toEqual({ nonce: challenge['nonce'], proof: 'a.b.c', origin: ORIGIN })
  })

  it.each([
    ['unauthenticated', 4501],
    ['forbidden', 4504],
    ['overloaded', 4005],
    ['temporarily_unavailable', 4000],
    ['internal', 4000],
  ] as const)('closes by what the hub says: %s is %i', async (refused, closeCode) => {
    stage.hub.on('session.open', () => refusal(refused))
    const phone = await Phone.connect(stage.edge.url)
    phone.hello()
    expect((await phone.closed).code).toBe(closeCode)
    expect(errorCode(await phone.heard('error'))).toBe(refused)
  })

  it('turns away a hello that names the feed of another', async () => {
    const phone = await Phone.connect(stage.edge.url)
    phone.send({ t: 'hello', token: `${USER}/dev_b`, feeds: { usr_zzzzzzzzzzzz: { epoch: 'e', seq: 1 } } })
    expect((await phone.closed).code).toBe(4504)
    expect(stage.hub.asked('feed.open')).toEqual([])
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
    const phone = await Phone.connect(stage.edge.url)
    phone.send(frame)
    expect((await phone.closed).code).toBe(4500)
    expect(errorCode(await phone.heard('error'))).toBe('invalid_request')
  })

  it('closes 4500 at a cursor hidden under __proto__', async () => {
    const phone = await Phone.connect(stage.edge.url)
    phone.sendText('{"t":"hello","token":"a/b","feeds":{"__proto__":{"epoch":"e","seq":1}}}')
    expect((await phone.closed).code).toBe(4500)
  })

  it('closes 4500 at a second hello, also while the first is being answered', async () => {
    const ready = await Phone.open(stage.edge.url)
    ready.hello()
    expect((await ready.closed).code).toBe(4500)
    stage.hub.on('session.open', () => 'silence')
    const opening = await Phone.connect(stage.edge.url)
    opening.hello()
    opening.hello()
    expect((await opening.closed).code).toBe(4500)
  })

  it('closes 4004 when no hello comes', async () => {
    await stage.restart({ limits: { hello_timeout_ms: 100 } })
    const phone = await Phone.connect(stage.edge.url)
    expect((await phone.closed).code).toBe(4004)
  })

  it('closes 4005 with a jittered delay when too many hellos are in progress', async () => {
    await stage.restart({ limits: { hellos_in_progress: 1 } })
    stage.hub.on('session.open', () => 'silence')
    const first = await Phone.connect(stage.edge.url)
    first.hello()
    await until(() => stage.hub.asked('session.open').length === 1)
    const second = await Phone.connect(stage.edge.url)
    second.hello()
    expect((await second.closed).code).toBe(4005)
    const error = (await second.heard('error'))['error'] as { retry_after_ms: number }
    expect(error.retry_after_ms).toBeGreaterThanOrEqual(500)
  })
})
