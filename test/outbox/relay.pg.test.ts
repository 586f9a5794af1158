import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import type { Subscription } from '@nats-io/transport-node'
import postgres, { type Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  FEED_HEADERS,
  RELAY_WAKE,
  connectBus,
  edgeControlSubject,
  type Bus,
  type FeedEvent,
} from '../../src/bus/index.ts'
import { startOpenNats, type OpenNats } from '../support/open-nats.ts'
import { startRelayProcess, type RelayProcess } from '../support/relay-process.ts'
import { testDatabase } from '../support/run-servers.ts'
import type { TestDatabase } from '../support/servers.ts'
import { until } from '../support/until.ts'

type Heard = { event: FeedEvent; epoch: string; streamSequence: number }

let nats: OpenNats
let database: TestDatabase
let sql: Sql
let bus: Bus
let relays: RelayProcess[]
let heard: Heard[]
let live: Subscription

beforeAll(async () => {
  ;[nats, database] = await Promise.all([startOpenNats(), testDatabase()])
  sql = postgres(database.url('postgres'), { max: 4, onnotice: () => {} })
  bus = await connectBus({ url: nats.url, name: 'test' })
})

afterAll(async () => {
  await sql.end()
  await bus.close()
  await Promise.all([nats.stop(), database.drop()])
})

beforeEach(async () => {
  await sql`truncate outbox, feed_stream`
  relays = []
  heard = []
  live = bus.subscribe('live.>', {
    callback: (_error, message) => {
      heard.push({
        event: message.json<FeedEvent>(),
        epoch: message.headers?.get(FEED_HEADERS.epoch) ?? '',
        streamSequence: Number(message.headers?.get('Nats-Sequence')),
      })
    },
  })
  await bus.flush()
})

afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.kill('SIGKILL')))
  live.unsubscribe()
  const manager = await jetstreamManager(bus)
  await manager.streams.delete('FEEDS').catch(() => false)
})

describe('the relay', () => {
  it('publishes what is committed, with its seq, epoch and stream position, and marks it', async () => {
    await startRelay()
    await write('usr_aaaaaaaa', 1)
    await until(() => heard.length === 1)
    const [first] = heard
    expect(first?.event).toEqual({
      feed: 'usr_aaaaaaaa',
      seq: 1,
      id: 'evt_usr_aaaaaaaa_1',
      name: 'payment.updated',
      at: '2026-11-23T08:00:00.000Z',
      body: { amount: '100', note: 'Zoë' },
    })
    await until(async () => (await unpublished()) === 0)
    const [row] = await sql<{ pos: string }[]>`select pos from outbox`
    expect(Number(row?.pos)).toBe(first?.streamSequence)
    const [stream] = await sql<{ epoch: string; last_sequence: string }[]>`select epoch, last_sequence from feed_stream`
    expect(stream?.epoch).toBe(first?.epoch)
    expect(Number(stream?.last_sequence)).toBe(first?.streamSequence)
  })

  it('is woken by a message rather than by its poll', async () => {
    await startRelay()
    await write('usr_aaaaaaaa', 1)
    await until(() => heard.length === 1)
    const spans: number[] = []
    for (let seq = 2; seq <= 21; seq++) {
      await write('usr_aaaaaaaa', seq)
      const startedAt = performance.now()
      bus.publish(RELAY_WAKE)
      await until(() => heard.length === seq)
      spans.push(performance.now() - startedAt)
    }
    spans.sort((a, b) => a - b)
    expect(spans[10]).toBeLessThan(100)
  })

  it('keeps the order of each feed although ids do not follow it, over many feeds and batches', async () => {
    const feeds = Array.from({ length: 20 }, (_, i) => `usr_feed${String(i).padStart(4, '0')}`)
    // Ids are drawn before the feed's lock: here they run against seq.
    await Promise.all(
      feeds.map((feed) =>
        sql.begin(async (tx) => {
          for (let seq = 1; seq <= 100; seq++) await insert(tx, feed, seq, `evt_${String(1000 - seq)}_${feed}`)
        }),
      ),
    )
    await startRelay()
    await until(() => heard.length === 2000, { timeout_ms: 20_000 })
    for (const feed of feeds) {
      const seqs = heard.filter((item) => item.event.feed === feed).map((item) => item.event.seq)
      expect(seqs).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    }
  }, 30_000)

  it('does not publish an event before its predecessor, even when that one is outside the batch', async () => {
    await sql.begin(async (tx) => {
      for (let i = 0; i < 700; i++) {
        const feed = `usr_wait${String(i).padStart(4, '0')}`
        await insert(tx, feed, 2, `evt_0_${feed}`)
        await insert(tx, feed, 1, `evt_1_${feed}`)
      }
    })
    await startRelay()
    await until(() => heard.length === 1400, { timeout_ms: 20_000 })
    for (const [feed, items] of Object.entries(Object.groupBy(heard, (item) => item.event.feed))) {
      expect([feed, items?.map((item) => item.event.seq)]).toEqual([feed, [1, 2]])
    }
  }, 30_000)

  it('publishes again after dying between the ack and the mark, and the stream keeps one copy', async () => {
    const points = mkdtempSync(join(tmpdir(), 'mooring-points-'))
    writeFileSync(join(points, 'published'), '{"amount":"777"}')
    const dying = await startRelay({ MOORING_FAILPOINTS: points })
    await write('usr_aaaaaaaa', 1)
    await write('usr_aaaaaaaa', 2, '777')
    await dying.exit
    expect(existsSync(join(points, 'published.fired'))).toBe(true)
    expect(await unpublished()).toBeGreaterThan(0)
    await startRelay()
    await write('usr_aaaaaaaa', 3)
    await until(() => heard.some((item) => item.event.seq === 3))
    await until(async () => (await unpublished()) === 0)
    expect(heard.map((item) => item.event.seq)).toEqual([1, 2, 3])
    const manager = await jetstreamManager(bus)
    expect((await manager.streams.info('FEEDS')).state.messages).toBe(3)
    rmSync(points, { recursive: true })
  }, 20_000)

  it('has one leader; the second takes over when it dies', async () => {
    const first = await startRelay()
    const second = await startRelay()
    await write('usr_aaaaaaaa', 1)
    await until(() => heard.length === 1)
    expect([await first.leading(), await second.leading()]).toEqual([true, false])
    await first.kill('SIGKILL')
    await write('usr_aaaaaaaa', 2)
    await until(() => heard.length === 2)
    expect(await second.leading()).toBe(true)
  }, 20_000)

  it('gives up leadership when its connection to Postgres is cut, and finds a leader again', async () => {
    await startRelay()
    await write('usr_aaaaaaaa', 1)
    await until(() => heard.length === 1)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'relay-0'`
    await write('usr_aaaaaaaa', 2)
    await until(() => heard.length === 2)
    expect(heard.map((item) => item.event.seq)).toEqual([1, 2])
  }, 20_000)

  it('begins a new epoch when the stream was deleted and publishes the retained window again, in order', async () => {
    await startRelay()
    for (const seq of [1, 2, 3]) await write('usr_aaaaaaaa', seq)
    await until(() => heard.length === 3)
    await until(async () => (await unpublished()) === 0)
    await sql`update outbox set published_at = now() - interval '3 hours' where seq = 1`
    const manager = await jetstreamManager(bus)
    await manager.streams.delete('FEEDS')
    await write('usr_aaaaaaaa', 4)
    await until(() => heard.length >= 6)
    const after = heard.slice(3)
    expect(after.map((item) => item.event.seq)).toEqual([2, 3, 4])
    expect(new Set(after.map((item) => item.epoch)).size).toBe(1)
    expect(after[0]?.epoch).not.toBe(heard[0]?.epoch)
    await until(async () => (await unpublished()) === 0)
  }, 20_000)

  it('waits out a NATS that is killed, and loses nothing', async () => {
    const relay = await startRelay()
    await write('usr_aaaaaaaa', 1)
    await until(() => heard.length === 1)
    await nats.kill()
    await write('usr_aaaaaaaa', 2)
    await nats.start()
    await until(async () => (await unpublished()) === 0, { timeout_ms: 15_000 })
    expect(relay.alive()).toBe(true)
    // This test's own connection comes back at a moment of its own.
    const messages = async () => (await (await jetstreamManager(bus)).streams.info('FEEDS')).state.messages
    await expect.poll(() => messages().catch(() => 'not connected'), { timeout: 15_000 }).toBe(2)
  }, 30_000)

  it('tells every edge of a device that was revoked, also where the stream takes no event, and of no other', async () => {
    const told: unknown[] = []
    const edges = bus.subscribe(edgeControlSubject('all'), {
      callback: (_error, message) => void told.push(message.json()),
    })
    await bus.flush()
    await startRelay()
    const revoke = (seq: number, device: string) =>
      insert(sql, 'usr_aaaaaaaa', seq, `evt_${seq}`, { id: device, status: 'revoked' }, 'device.revoked')
    await insert(sql, 'usr_aaaaaaaa', 1, 'evt_1', { id: 'dev_added', status: 'restricted' }, 'device.added')
    await revoke(2, 'dev_lost')
    await until(() => heard.length === 2)
    expect(told).toEqual([{ type: 'revoke', device: 'dev_lost' }])
    // Another of this name keeps the relay's own from being made.
    const manager = await jetstreamManager(bus)
    await manager.streams.delete('FEEDS')
    await manager.streams.add({ name: 'OTHER', subjects: ['feed.>'] })
    await revoke(3, 'dev_stolen')
    await until(() => told.length > 1)
    expect(told.slice(1)).toContainEqual({ type: 'revoke', device: 'dev_stolen' })
    await manager.streams.delete('OTHER')
    await until(async () => (await unpublished()) === 0)
    edges.unsubscribe()
  }, 20_000)

  it('stops cleanly on SIGTERM', async () => {
    const relay = await startRelay()
    expect(await relay.kill('SIGTERM')).toBe(0)
  })
})

async function startRelay(extra: Record<string, string> = {}): Promise<RelayProcess> {
  const relay = await startRelayProcess({
    name: `relay-${relays.length}`,
    natsUrl: nats.url,
    databaseUrl: database.url('mooring_relay'),
    env: extra,
  })
  relays.push(relay)
  return relay
}

async function write(feed: string, seq: number, amount = '100'): Promise<void> {
  await insert(sql, feed, seq, `evt_${feed}_${seq}`, amount)
}

async function insert(
  db: Pick<Sql, 'unsafe'>,
  feed: string,
  seq: number,
  id: string,
  body: string | object = '100',
  name = 'payment.updated',
): Promise<void> {
  const told = typeof body === 'string' ? { amount: body, note: 'Zoë' } : body
  await db.unsafe(
    `insert into outbox (id, feed, seq, name, body, at) values ($1, $2, $3, $4, $5::text::json, '2026-11-23T08:00:00Z')`,
    [id, feed, seq, name, JSON.stringify(told)],
  )
}

async function unpublished(): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from outbox where published_at is null`
  return row?.n ?? -1
}
