import { describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { Phone, USER, refusal, edgeStage } from './harness.ts'

const stage = edgeStage()

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)
const cursor = (seq: number, epoch = 'epoch-1') => ({ epoch, seq, pos: String(seq * 10) })

describe('a feed on one socket', () => {
  it('carries a live event as the relay published it, with its position in the stream', async () => {
    const phone = await Phone.open(stage.edge.url)
    stage.hub.say(USER, { id: 'pay_00000001', description: 'Zoë ☕' })
    expect(await phone.heard('event')).toEqual({
      t: 'event',
      feed: USER,
      seq: 1,
      pos: '10',
      id: `evt_${USER}1`,
      name: 'payment.updated',
      at: '2026-11-23T08:00:00.000Z',
      body: { id: 'pay_00000001', description: 'Zoë ☕' },
    })
  })

  it('goes live without a snapshot where the cursor is the head', async () => {
    stage.hub.write()
    const phone = await Phone.open(stage.edge.url, { cursor: cursor(1) })
    expect((await phone.heard('ready'))['feeds']).toMatchObject({ [USER]: { mode: 'live', seq: 1 } })
    stage.hub.say()
    await phone.heard('event')
    expect(phone.seqs()).toEqual([2])
    expect(phone.of('snapshot')).toEqual([])
  })

  it('replays what was missed, over several pages, in order and none missing', async () => {
    for (let i = 0; i < 450; i++) stage.hub.write()
    const phone = await Phone.open(stage.edge.url, { cursor: cursor(7) })
    expect((await phone.heard('ready'))['feeds']).toMatchObject({ [USER]: { mode: 'replay', seq: 450 } })
    await phone.heard('event', 443)
    expect(phone.seqs()).toEqual(upTo(450).slice(7))
  })

  it('takes an ack of each event of the longest replay, and no more of them than of other frames', async () => {
    for (let i = 0; i < 1_000; i++) stage.hub.write()
    const phone = await Phone.open(stage.edge.url, { cursor: cursor(0) })
    await phone.heard('event', 1_000)
    for (const seq of upTo(1_000)) phone.send({ t: 'ack', feed: USER, seq })
    stage.hub.on('payment.quote', () => ({ ok: true, body: {} }))
    expect(await phone.command('quote')).toMatchObject({ ok: true })
    for (let i = 0; i < 1_000; i++) phone.send({ t: 'ack', feed: USER, seq: 1_000 })
    expect((await phone.closed).code).toBe(4505)
  })

  it('lets no event slip between replay and live, nor come twice', async () => {
    for (let i = 0; i < 300; i++) stage.hub.write()
    stage.hub.on('feed.open', () => {
      stage.hub.say() // 301: committed and published after the subscription stood, before the answer
      return { ok: true, body: { mode: 'replay', epoch: 'epoch-1', seq: 301, pos: '3010' } }
    })
    const phone = await Phone.open(stage.edge.url, { cursor: cursor(250) })
    stage.hub.say()
    await phone.heard('event', 52)
    stage.hub.say()
    await phone.heard('event', 53)
    expect(phone.seqs()).toEqual(upTo(303).slice(250))
    expect(phone.frames.findIndex((frame) => frame.t === 'event')).toBeGreaterThan(
      phone.frames.findIndex((frame) => frame.t === 'ready'),
    )
  })

  it('sends a snapshot before the live events that follow it', async () => {
    stage.hub.write()
    stage.hub.on('feed.open', () => {
      stage.hub.say()
      stage.hub.say()
      return { ok: true, body: { mode: 'snapshot', epoch: 'epoch-1', seq: 2, pos: '20', snapshot: { payments: [] } } }
    })
    const phone = await Phone.open(stage.edge.url)
    await phone.heard('event')
    expect(phone.frames.map((frame) => frame.t)).toEqual(['challenge', 'ready', 'snapshot', 'event'])
    expect(phone.seqs()).toEqual([3])
  })

  it.each([
    ['another epoch', cursor(1, 'epoch-0')],
    ['a cursor above the head', cursor(99)],
  ])('answers a snapshot to %s', async (_what, given) => {
    stage.hub.write()
    const phone = await Phone.open(stage.edge.url, { cursor: given })
    expect((await phone.heard('snapshot'))['seq']).toBe(1)
  })

  it('delivers once and in order what comes duplicated and out of order', async () => {
    const phone = await Phone.open(stage.edge.url)
    const events = upTo(8).map(() => stage.hub.write())
    const order = [1, 1, 3, 2, 2, 3, 6, 5, 8, 4, 1, 7, 8]
    for (const seq of order) {
      const event = events[seq - 1]
      if (event !== undefined) stage.hub.publish(event)
    }
    await phone.heard('event', 8)
    stage.hub.say()
    await phone.heard('event', 9)
    expect(phone.seqs()).toEqual(upTo(9))
  })

  it('reads a missing event from Postgres through the hub', async () => {
    const phone = await Phone.open(stage.edge.url)
    stage.hub.say()
    stage.hub.write() // never published
    stage.hub.write()
    stage.hub.say()
    await phone.heard('event', 4)
    expect(phone.seqs()).toEqual([1, 2, 3, 4])
    expect(stage.hub.asked('feed.page').map((request) => request.body)).toEqual([{ feed: USER, after: 1, upto: 4 }])
  })

  it('closes 4000 to resume where a missing event cannot be had within a second', async () => {
    const phone = await Phone.open(stage.edge.url)
    stage.hub.on('feed.page', () => refusal('temporarily_unavailable'))
    stage.hub.write()
    stage.hub.say()
    const startedAt = performance.now()
    expect((await phone.closed).code).toBe(4000)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(phone.seqs()).toEqual([])
  })

  it('holds a bounded number of events and reads the rest', async () => {
    await stage.restart({ limits: { held_events: 4 } })
    const phone = await Phone.open(stage.edge.url)
    let release: () => void = () => {}
    const blocked = new Promise<void>((resolve) => (release = resolve))
    stage.hub.on('feed.page', async (request) => {
      await blocked
      return stage.hub.page(request)
    })
    stage.hub.write()
    for (let i = 0; i < 20; i++) stage.hub.say()
    await until(() => stage.hub.asked('feed.page').length > 0)
    release()
    await phone.heard('event', 21)
    expect(phone.seqs()).toEqual(upTo(21))
  })

  it('closes 4000 when the stream began a new epoch, and the next hello gets a snapshot', async () => {
    const phone = await Phone.open(stage.edge.url)
    stage.hub.say()
    await phone.heard('event')
    stage.hub.epoch = 'epoch-2'
    stage.hub.say()
    expect((await phone.closed).code).toBe(4000)
    expect(phone.seqs()).toEqual([1])
    const again = await Phone.open(stage.edge.url, { cursor: cursor(1) })
    expect(await again.heard('snapshot')).toMatchObject({ epoch: 'epoch-2', seq: 2 })
  })

  it('finds by the true head what was published while nobody told it', async () => {
    await stage.restart({ limits: { heartbeat_ms: 200, true_heads_every_pings: 1 } })
    const phone = await Phone.open(stage.edge.url)
    stage.hub.write()
    stage.hub.write()
    const ping = await phone.heard('ping')
    expect(phone.seqs()).toEqual([1, 2])
    expect(ping['heads']).toEqual({ [USER]: 2 })
  })
})

describe('a feed on several sockets', () => {
  it('has one subscription an edge, and each socket its own place', async () => {
    for (let i = 0; i < 3; i++) stage.hub.write()
    const before = stage.edge.bus.stats().inMsgs
    const phones = await Promise.all(upTo(3).map((seq) => Phone.open(stage.edge.url, { cursor: cursor(seq) })))
    await phones[0]?.heard('event', 2)
    const opened = stage.edge.bus.stats().inMsgs
    expect(opened).toBeGreaterThan(before)
    stage.hub.say()
    await Promise.all(phones.map((phone, i) => phone.heard('event', 3 - i)))
    expect(phones.map((phone) => phone.seqs())).toEqual([[2, 3, 4], [3, 4], [4]])
    expect(stage.edge.bus.stats().inMsgs - opened).toBe(1)
  })

  it('never shows one user the events of another', async () => {
    const mine = await Phone.open(stage.edge.url)
    const theirs = await Phone.open(stage.edge.url, { user: 'usr_zzzzzzzzzzzz' })
    stage.hub.say('usr_zzzzzzzzzzzz')
    await theirs.heard('event')
    stage.hub.say()
    await mine.heard('event')
    expect(mine.of('event').map((frame) => frame['feed'])).toEqual([USER])
    expect(theirs.of('event').map((frame) => frame['feed'])).toEqual(['usr_zzzzzzzzzzzz'])
  })

  it('lingers after the last socket, then lets the subscription go', async () => {
    await stage.restart({ limits: { feed_linger_ms: 100 } })
    const feeds = async () => /^mooring_edge_feeds (\d+)$/m.exec(await stage.edge.registry.metrics())?.[1]
    const phone = await Phone.open(stage.edge.url)
    phone.ws.close()
    await until(() => stage.edge.edge.sessions === 0)
    expect(await feeds()).toBe('1')
    await until(async () => (await feeds()) === '0')
  })

  it('tells a failpoint the amount of each event right after it was handed to a socket', async () => {
    const amounts: string[] = []
    await stage.restart({ pushed: (amount) => amounts.push(amount) })
    const phone = await Phone.open(stage.edge.url)
    stage.hub.say(USER, { amount: '12345' })
    stage.hub.say(USER, { currency: 'KES' })
    await phone.heard('event', 2)
    expect(amounts).toEqual(['12345', ''])
  })
})

describe('a slow consumer', () => {
  it('is closed 4002 or cut, within its bound, and resumes with nothing lost', async () => {
    const body = { description: 'x'.repeat(8_000) }
    const paused = await Phone.open(stage.edge.url, { device: 'dev_bbbbbbbbbbbb' })
    const honest = await Phone.open(stage.edge.url)
    paused.ws.pause()
    let most = 0
    for (let i = 0; i < 1_000 && stage.edge.edge.sessions === 2; i++) {
      stage.hub.say(USER, body)
      await until(() => honest.seqs().length === i + 1)
      most = Math.max(
        most,
        Number(/^mooring_edge_queue_bytes (\d+)$/m.exec(await stage.edge.registry.metrics())?.[1] ?? 0),
      )
    }
    expect(stage.edge.edge.sessions).toBe(1)
    expect(most).toBeGreaterThan(128 * 1024)
    expect(most).toBeLessThan(2 * 256 * 1024)
    expect(await stage.edge.registry.metrics()).toContain('mooring_edge_closes_total{code="4002"} 1')
    paused.ws.resume()
    expect([4002, 1006]).toContain((await paused.closed).code)
    const seen = paused.seqs().length
    const total = honest.seqs().length
    expect(paused.seqs()).toEqual(upTo(seen))
    const again = await Phone.open(stage.edge.url, { device: 'dev_bbbbbbbbbbbb', cursor: cursor(seen) })
    await again.heard('event', total - seen)
    expect(again.seqs()).toEqual(upTo(total).slice(seen))
  }, 60_000)

  it('is closed 4003 where it vanishes in the midst of a replay, as any that answers no ping', async () => {
    const soon = { heartbeat_ms: 500, pong_timeout_ms: 500, true_heads_every_pings: 1 }
    await stage.restart({ limits: { ...soon, close_timeout_ms: 20_000 } })
    for (let i = 0; i < 900; i++) stage.hub.write(USER, { description: 'x'.repeat(16_000) })
    const phone = await Phone.connect(stage.edge.url)
    phone.hello({ cursor: cursor(0) })
    await phone.heard('ready')
    phone.ws.pause()
    await until(() => stage.edge.edge.sessions === 0)
    expect(await stage.edge.registry.metrics()).toContain('mooring_edge_closes_total{code="4003"} 1')
    phone.ws.resume()
    await phone.closed
    // Meanwhile it was told of no head that it had not been given: it had missed nothing.
    const heads = phone.of('ping').map((ping) => JSON.stringify(ping['heads']))
    expect(heads).toEqual([JSON.stringify({ [USER]: phone.seqs().length })])
  }, 60_000)

  it('gets a long replay at its own pace instead of being closed', async () => {
    for (let i = 0; i < 900; i++) stage.hub.write(USER, { description: 'x'.repeat(16_000) })
    const phone = await Phone.connect(stage.edge.url)
    phone.hello({ cursor: cursor(0) })
    await phone.heard('ready')
    phone.ws.pause()
    await until(
      async () => Number(/^mooring_edge_queue_bytes (\d+)$/m.exec(await stage.edge.registry.metrics())?.[1]) > 0,
    )
    stage.hub.say()
    phone.ws.resume()
    await phone.heard('event', 901, 20_000)
    expect(phone.seqs()).toEqual(upTo(901))
  }, 60_000)
})

describe('a large snapshot', () => {
  it('comes in parts as fast as the phone reads, with what happened meanwhile after it', async () => {
    const bodies = Array.from({ length: 220 }, (_, i) => ({ id: `pay_${i}`, description: 'x'.repeat(4_000) }))
    stage.hub.on('feed.open', () => ({
      ok: true,
      body: { mode: 'snapshot', epoch: 'epoch-1', seq: 0, pos: '0', snapshot: { payments: bodies, balances: [] } },
    }))
    const phone = await Phone.connect(stage.edge.url)
    phone.ws.pause()
    phone.hello()
    await until(async () => /^mooring_edge_feeds 1$/m.test(await stage.edge.registry.metrics()))
    await until(() => stage.hub.asked('feed.open').length === 1)
    for (let i = 0; i < 3; i++) stage.hub.say()
    phone.ws.resume()
    await phone.heard('event', 3)
    const parts = phone.of('snapshot')
    expect(parts.length).toBeGreaterThan(13)
    expect(parts.map((part) => part['part'])).toEqual(upTo(parts.length))
    expect(parts.flatMap((part) => (part['body'] as { payments: unknown[] }).payments)).toEqual(bodies)
    expect(Math.max(...parts.map((part) => JSON.stringify(part).length))).toBeLessThanOrEqual(64 * 1024)
    const order = phone.frames.map((frame) => frame.t).filter((t) => t === 'snapshot' || t === 'event')
    expect(order.lastIndexOf('snapshot')).toBe(parts.length - 1)
    expect(phone.seqs()).toEqual(upTo(3))
  })
})

describe('a snapshot to a phone that reads slowly', () => {
  it('goes on as the phone takes it, within the queue', async () => {
    let queued = 0
    let most = 0
    let drained: () => void = () => {}
    await stage.restart({
      between: (socket, accept) => {
        const events = accept({
          address: socket.address,
          origin: socket.origin,
          queuedBytes: () => queued,
          send: (frame) => {
            queued += frame.length
            most = Math.max(most, queued)
            socket.send(frame)
          },
          close: (code, reason) => socket.close(code, reason),
        })
        drained = () => events.drained()
        return events
      },
    })
    stage.hub.on('feed.open', () => {
      const payments = Array.from({ length: 220 }, (_, i) => ({ id: `pay_${i}`, description: 'x'.repeat(4_000) }))
      return { ok: true, body: { mode: 'snapshot', epoch: 'epoch-1', seq: 0, pos: '0', snapshot: { payments } } }
    })
    const phone = await Phone.open(stage.edge.url)
    await until(() => {
      queued = 0
      drained()
      return phone.closeCode !== null || phone.of('snapshot').some((part) => part['last'] === true)
    })
    expect(phone.closeCode).toBeNull()
    expect(phone.of('snapshot').length).toBeGreaterThan(13)
    // One part more than what a replay waits for.
    expect(most).toBeLessThanOrEqual(2 * 64 * 1024)
  })
})

describe('while NATS is away', () => {
  it('holds the sockets, fails commands fast, and catches up afterwards', async () => {
    const phone = await Phone.open(stage.edge.url)
    stage.hub.say()
    await phone.heard('event')
    stage.hub.on('payment.cancel', () => 'silence')
    phone.send({ t: 'cmd', id: 'in-flight', key: 'key-0123456789abcdef', name: 'payment.cancel', body: {} })
    await until(() => stage.hub.asked('payment.cancel').length === 1)
    await stage.nats.kill()
    expect(await phone.reply('in-flight')).toMatchObject({ ok: false, error: { code: 'temporarily_unavailable' } })
    const startedAt = performance.now()
    expect(await phone.command('wallet.balances')).toMatchObject({ error: { code: 'temporarily_unavailable' } })
    expect(performance.now() - startedAt).toBeLessThan(100)
    stage.hub.write()
    stage.hub.write()
    await stage.nats.start()
    await phone.heard('event', 3, 15_000)
    expect(phone.seqs()).toEqual([1, 2, 3])
    expect(await phone.command('wallet.balances')).toMatchObject({ ok: true })
  }, 40_000)

  it('closes a session whose device was revoked meanwhile', async () => {
    const phone = await Phone.open(stage.edge.url)
    stage.hub.on('feed.heads', () => refusal('forbidden'))
    await stage.nats.kill()
    await stage.nats.start()
    expect((await phone.closed).code).toBe(4504)
  }, 40_000)
})
