import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Feeds, type FeedListener } from '../../src/edge/feed.ts'
import { EDGE_LIMITS } from '../../src/edge/limits.ts'
import type { Accept, ClientSocket, SocketEvents } from '../../src/edge/transport/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { startOpenNats, type OpenNats } from '../support/open-nats.ts'
import { until } from '../support/until.ts'
import { Phone, ScriptedHub, USER, errorCode, startEdge, type TestEdge } from './harness.ts'

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

beforeEach(() => {
  hub.reset()
})

describe('a session', () => {
  /** An edge whose sockets do something while they are written to. */
  async function startWith(sending: (text: string, events: SocketEvents) => void): Promise<TestEdge> {
    const between = (socket: ClientSocket, accept: Accept): SocketEvents => {
      let events: SocketEvents | null = null
      events = accept({
        address: socket.address,
        origin: socket.origin,
        queuedBytes: () => socket.queuedBytes(),
        send: (frame) => {
          socket.send(frame)
          if (events !== null) sending(frame.toString(), events)
        },
        close: (code, reason) => socket.close(code, reason),
      })
      return events
    }
    return startEdge(nats.url, { between, limits: { session_mailbox: 4, command_timeout_ms: 60_000 } })
  }

  afterEach(async () => {
    await edge.stop()
  })

  it('handles what comes while it speaks after that, in order', async () => {
    edge = await startWith((text, events) => {
      if (!text.includes('"t":"ready"')) return
      for (const id of ['1', '2', '3']) events.message(JSON.stringify({ t: 'cmd', id, name: `no.such.${id}` }))
    })
    const phone = await Phone.open(edge.url)
    await phone.heard('reply', 3)
    expect(phone.of('reply').map((frame) => frame['id'])).toEqual(['1', '2', '3'])
    // The snapshot belongs to the turn that said ready.
    expect(phone.frames.map((frame) => frame.t)).toEqual(['challenge', 'ready', 'snapshot', 'reply', 'reply', 'reply'])
  })

  it('is closed retryably when more comes at once than it holds', async () => {
    edge = await startWith((text, events) => {
      if (text.includes('"t":"reply"')) for (let i = 0; i < 5; i++) events.drained()
    })
    const phone = await Phone.open(edge.url)
    phone.send({ t: 'cmd', id: '1', name: 'no.such' })
    expect((await phone.closed).code).toBe(4005)
    expect(errorCode(await phone.heard('error'))).toBe('overloaded')
  })

  it('fails alone: it is closed retryably, and others go on', async () => {
    edge = await startWith((text) => {
      if (text.includes('"id":"poison"')) throw new Error('poison')
    })
    const [one, other] = [await Phone.open(edge.url), await Phone.open(edge.url)]
    one.send({ t: 'cmd', id: 'poison', name: 'no.such' })
    expect((await one.closed).code).toBe(4000)
    expect(errorCode(await one.heard('error'))).toBe('internal')
    expect(await other.command('wallet.balances')).toMatchObject({ ok: true })
    hub.say()
    await other.heard('event')
  })

  it('passes over the answer that comes when its socket has gone', async () => {
    edge = await startWith(() => {})
    let answer: () => void = () => {}
    const waited = new Promise<void>((resolve) => (answer = resolve))
    const known = { user: USER, device: 'dev_bbbbbbbbbbbb', env: 'test' }
    hub.on('session.open', async () => {
      await waited
      return { ok: true, body: { ...known, expiresAt: new Date(Date.now() + 900_000).toISOString() } }
    })
    const gone = await Phone.connect(edge.url)
    gone.hello()
    await until(() => hub.asked('session.open').length === 1)
    gone.ws.close()
    await until(() => edge.edge.sessions === 0)
    answer()
    // Answers come in order, so the first one has been heard once there is one for the next.
    const next = await Phone.open(edge.url)
    await next.heard('snapshot')
    expect(hub.asked('feed.open').length).toBe(1)
    expect(await edge.registry.metrics()).toContain('mooring_edge_sessions 1')
  })
})

describe('a feed', () => {
  let feeds: Feeds

  beforeEach(async () => {
    edge = await startEdge(nats.url)
    const log = makeLog({ name: 'feeds', level: 'silent' })
    feeds = new Feeds({ bus: edge.bus, limits: { ...EDGE_LIMITS, feed_mailbox: 2 }, log })
  })

  afterEach(async () => {
    feeds.end()
    await edge.stop()
  })

  function noting(during: () => void = () => {}): { heard: string[]; listener: FeedListener } {
    const heard: string[] = []
    const listener: FeedListener = (news) => {
      heard.push(news.type === 'event' ? String(news.seq) : news.type)
      if (news.type === 'event') during()
    }
    return { heard, listener }
  }

  it('tells an event to all who listened when it came, and to those who came meanwhile the next', async () => {
    const late = noting()
    const early = noting(() => stop())
    const stop = feeds.listen(USER, early.listener)
    feeds.listen(USER, noting(() => void feeds.listen(USER, late.listener)).listener)
    const last = noting()
    feeds.listen(USER, last.listener)
    await edge.bus.flush()
    hub.say()
    hub.say()
    await until(() => last.heard.length === 2)
    expect([early.heard, late.heard, last.heard]).toEqual([['1'], ['2'], ['1', '2']])
  })

  it('has all who listen resume when more came at once than it holds, also one who could not be added', async () => {
    const refused = noting()
    const busy = noting(() => {
      for (let i = 0; i < 2; i++) feeds.listen(USER, noting().listener)
      feeds.listen(USER, refused.listener)
    })
    const other = noting()
    feeds.listen(USER, busy.listener)
    feeds.listen(USER, other.listener)
    await edge.bus.flush()
    hub.say()
    await until(() => other.heard.length === 2)
    expect([busy.heard, other.heard, refused.heard]).toEqual([['1', 'resync'], ['1', 'resync'], ['resync']])
  })

  it('has all who listen resume when it failed, and goes on', async () => {
    const broken = noting(() => {
      if (broken.heard.length === 1) throw new Error('broken')
    })
    const other = noting()
    feeds.listen(USER, broken.listener)
    feeds.listen(USER, other.listener)
    await edge.bus.flush()
    hub.say()
    hub.say()
    await until(() => other.heard.length === 2)
    expect([broken.heard, other.heard]).toEqual([
      ['1', 'resync', '2'],
      ['resync', '2'],
    ])
  })
})
