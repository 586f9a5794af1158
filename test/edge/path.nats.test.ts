import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEVICE_REPLACED, RELAY_WAKE, connectBus, edgeControlSubject, type Bus } from '../../src/bus/index.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { startNats, natsUrlOf, type NatsAddress, type TestDatabase, type TestServer } from '../support/servers.ts'
import { testDatabase } from '../support/run-servers.ts'
import { until } from '../support/until.ts'
import { EDGE_LIMITS } from '../../src/edge/limits.ts'
import { Phone, ScriptedHub } from './harness.ts'

/** Relay and edge as processes, each under its own role of NATS and Postgres; only the hub is played. */

const NODE = join(import.meta.dirname, '../../node_modules/node/bin/node')
const PROC = join(import.meta.dirname, '../../src/proc')
const USER = 'usr_pathpathpath'

type Process = { child: ChildProcess; exit: Promise<number | null>; port: number }

let nats: TestServer<NatsAddress>
let database: TestDatabase
let sql: Sql
let hubBus: Bus
let hub: ScriptedHub
let relay: Process
let edges: Process[]

beforeAll(async () => {
  ;[nats, database] = await Promise.all([startNats(), testDatabase()])
  sql = postgres(database.url('postgres'), { max: 2, onnotice: () => {} })
  hubBus = await connectBus({ url: natsUrlOf(nats, 'hub'), name: 'hub-0' })
  hub = new ScriptedHub(hubBus)
  relay = await run('relay', 'relay-0', { DATABASE_URL: database.url('mooring_relay') })
  edges = [await run('edge', 'edge-0', EDGE), await run('edge', 'edge-1', EDGE)]
})

afterAll(async () => {
  for (const { child } of [relay, ...edges]) child.kill('SIGKILL')
  await hubBus.close()
  await sql.end()
  await Promise.all([nats.stop(), database.drop()])
})

const EDGE = { MOORING_ORIGINS: 'https://wallet.example', MOORING_CAPS: 'off', MOORING_PROXIES: '127.0.0.1' }
const socketOf = (edge: Process | undefined) => `ws://127.0.0.1:${edge?.port}/v1/socket`

async function run(role: 'relay' | 'edge', name: string, env: Record<string, string>): Promise<Process> {
  const [privatePort = 0, port = 0] = await freePorts(2)
  const child = spawn(NODE, [join(PROC, `${role}.ts`)], {
    env: {
      MOORING_ENV: 'test',
      MOORING_PROCESS: name,
      MOORING_PRIVATE_PORT: String(privatePort),
      MOORING_PORT: String(port),
      MOORING_KEYS: '/nonexistent',
      NATS_URL: natsUrlOf(nats, role),
      LOG_LEVEL: 'error',
      ...env,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  await until(() =>
    fetch(`http://127.0.0.1:${privatePort}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    ),
  )
  return { child, exit, port }
}

async function commit(seq: number): Promise<void> {
  await sql`
    insert into outbox (id, feed, seq, name, body, at)
    values (${`evt_path${seq}`}, ${USER}, ${seq}, 'payment.updated', ${sql.json({ amount: String(seq) })}, now())`
  hubBus.publish(RELAY_WAKE)
}

describe('the way of an event', () => {
  it('from a commit to the phone, within the permissions of each role', async () => {
    const [stream] = await sql<{ epoch: string }[]>`select epoch from feed_stream`
    hub.epoch = stream?.epoch ?? ''
    const phone = await Phone.open(socketOf(edges[0]), { user: USER })
    const spans: number[] = []
    for (let seq = 1; seq <= 50; seq++) {
      const startedAt = performance.now()
      await commit(seq)
      await phone.heard('event', seq)
      spans.push(performance.now() - startedAt)
    }
    expect(phone.seqs()).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    spans.sort((a, b) => a - b)
    expect(spans[25]).toBeLessThan(100)
    expect(await phone.command('wallet.balances')).toMatchObject({ ok: true })
  })

  it('lets a device have one socket over all edges', async () => {
    const older = await Phone.open(socketOf(edges[0]), { device: 'dev_pathpathpath' })
    const newer = await Phone.open(socketOf(edges[1]), { device: 'dev_pathpathpath' })
    expect((await older.closed).code).toBe(4006)
    expect(await newer.command('wallet.balances')).toMatchObject({ ok: true })
  })

  it('believes an edge nothing that only the relay may say, such as that a device was revoked', async () => {
    const device = 'dev_pathpathkept'
    const phone = await Phone.open(socketOf(edges[0]), { device })
    const stolen = await connectBus({ url: natsUrlOf(nats, 'edge'), name: 'edge-9' })
    const revoke = JSON.stringify({ type: 'revoke', device })
    for (const subject of [edgeControlSubject('all'), edgeControlSubject('edge-0')])
      await expect(stolen.request(subject, revoke, { timeout: 2_000 })).rejects.toThrow('Permissions Violation')
    for (const said of [revoke, 'no JSON', JSON.stringify({ device })]) stolen.publish(DEVICE_REPLACED, said)
    await stolen.flush()
    // Its reply comes to the edge by the same connection, after all of that.
    expect(await phone.command('wallet.balances')).toMatchObject({ ok: true })
    const newer = await Phone.open(socketOf(edges[1]), { device })
    expect((await phone.closed).code).toBe(4006)
    expect(await newer.command('wallet.balances')).toMatchObject({ ok: true })
    await stolen.close()
  })

  it('counts who is behind its balancer, though caps are lifted for the balancer’s own machine', async () => {
    const open = (headers: Record<string, string>) =>
      new Promise<number>((resolve) => {
        const ws = new WebSocket(socketOf(edges[0]), ['mooring.v1'], { headers })
        ws.once('open', () => resolve(101))
        ws.once('unexpected-response', (request, response) => {
          request.destroy()
          resolve(response.statusCode ?? 0)
        })
        ws.on('error', () => resolve(0))
      })
    const times = EDGE_LIMITS.connections_per_address + 50
    const many = (headers: Record<string, string>) => Promise.all(Array.from({ length: times }, () => open(headers)))
    expect(new Set(await many({ 'x-forwarded-for': '203.0.113.7' }))).toEqual(new Set([101, 429]))
    expect(new Set(await many({}))).toEqual(new Set([101]))
  })

  it('ends on SIGTERM with 4001 for its sockets and exit 0', async () => {
    const phone = await Phone.open(socketOf(edges[1]))
    edges[1]?.child.kill('SIGTERM')
    expect((await phone.closed).code).toBe(4001)
    expect(await edges[1]?.exit).toBe(0)
  })
})
