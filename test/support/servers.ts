import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { randomBytes, randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { type Child, startChild } from '../../tools/process/child.ts'
import { type Guardian, startGuardian } from '../../tools/process/guardian.ts'
import { freePorts, isPortFree } from '../../tools/process/ports.ts'
import { acquire } from '../../tools/servers/acquire.ts'
import type { Launch } from '../../tools/servers/launch.ts'
import { forEachRole, type NatsRole, natsLaunch, natsUrl } from '../../tools/servers/nats.ts'
import {
  createDatabase,
  type DatabaseRole,
  databaseUrl,
  ensureCluster,
  ensureRoles,
  findPostgres,
  postgresHome,
  postgresLaunch,
  wipeOutside,
} from '../../tools/servers/postgres/index.ts'
import { natsRecipe, temporalRecipe } from '../../tools/servers/recipes.ts'
import { TEMPORAL_NAMESPACE, temporalLaunch } from '../../tools/servers/temporal.ts'
import { TEMPORAL_SERVER_PORTS, temporalServer } from '../../tools/servers/temporal-postgres.ts'

/** A server of a test's own, on a free port and on data that goes with it. */
export type TestServer<T> = T & {
  readonly pid: number
  /** kill -9, as a crash would be. */
  kill(): Promise<void>
  /** Starts it again on the same port and data; resolves when it is ready. */
  start(): Promise<void>
  /** Stops it and starts it again. */
  restart(): Promise<void>
  /** Ends it and wipes its data. */
  stop(): Promise<void>
}

export type PostgresAddress = { port: number; superuserPassword: string; rolePassword: string }
export type NatsAddress = { port: number; password: string }
export type TemporalAddress = { address: string; namespace: string }

/** What global-setup hands to the tests; serialisable. */
export type ServerAddresses = { postgres?: PostgresAddress; nats?: NatsAddress; temporal?: TemporalAddress }

/** Ends these servers and wipes their data also where this process is killed. */
const guarded = new Set<number>()
let guardian: Guardian | undefined

function guard(change: (pids: Set<number>) => void): void {
  change(guarded)
  guardian ??= startGuardian()
  guardian.guard([], [...guarded])
}

export const say = (line: string): void => console.error(line)

/** Readable by the unprivileged user Postgres runs as. */
export function tempDir(what: string): string {
  const dir = mkdtempSync(join(tmpdir(), `mooring-${what}-`))
  chmodSync(dir, 0o711)
  mkdirSync(join(dir, 'data'), { mode: 0o711 })
  guardian ??= startGuardian()
  guardian.remove(dir)
  return dir
}

async function server<T>(launch: Launch, dir: string, address: T, wipe: () => void): Promise<TestServer<T>> {
  const log = join(dir, `${launch.name}.log`)
  let child: Child
  const start = async () => {
    child = await startChild(launch, log)
    const { pid, exited } = child
    guard((pids) => pids.add(pid))
    void exited.then(() => guard((pids) => pids.delete(pid)))
    try {
      await child.untilReady()
    } catch (error) {
      await child.stop({ timeoutMs: 1_000 })
      throw error
    }
  }
  try {
    await start()
  } catch (error) {
    wipe()
    throw error
  }
  return {
    ...address,
    get pid() {
      return child.pid
    },
    kill: async () => {
      child.kill('SIGKILL')
      await child.exited
    },
    start,
    restart: async () => {
      await child.stop()
      await start()
    },
    stop: async () => {
      await child.stop()
      wipe()
    },
  }
}

/** A Postgres of its own with Mooring's roles and no database of ours yet. `durable` keeps fsync on. */
export async function startPostgres(options: { durable?: boolean } = {}): Promise<TestServer<PostgresAddress>> {
  const dir = tempDir('pg')
  const data = join(dir, 'data')
  const wipe = () => {
    wipeOutside(data)
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const [binaries, [port = 0]] = await Promise.all([findPostgres(), freePorts(1)])
    const home = await postgresHome(data, binaries)
    const superuserPassword = randomBytes(16).toString('hex')
    const rolePassword = randomBytes(16).toString('hex')
    await ensureCluster(home, { superuserPassword, durable: options.durable ?? false })
    const started = await server(postgresLaunch(home, port), dir, { port, superuserPassword, rolePassword }, wipe)
    await ensureRoles(adminUrl(started), {
      mooring_owner: rolePassword,
      mooring_hub: rolePassword,
      mooring_relay: rolePassword,
      mooring_ops: rolePassword,
    })
    return started
  } catch (error) {
    wipe()
    throw error
  }
}

export function adminUrl(address: PostgresAddress, database = 'postgres'): string {
  return databaseUrl({ user: 'postgres', password: address.superuserPassword, port: address.port, database })
}

/** A database of a test file's own, with an address for each role. */
export type TestDatabase = {
  name: string
  url(role: DatabaseRole | 'postgres'): string
  /** Ends whoever is connected and drops it. */
  drop(): Promise<void>
}

/** An empty database, or a copy of `template` (a database nobody is connected to), in some tens of ms. */
export async function newDatabase(address: PostgresAddress, template?: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const sql = postgres(adminUrl(address), { max: 1, onnotice: () => {} })
  try {
    await createDatabase(sql, name, template)
  } finally {
    await sql.end()
  }
  return {
    name,
    url: (role) =>
      role === 'postgres'
        ? adminUrl(address, name)
        : databaseUrl({ user: role, password: address.rolePassword, port: address.port, database: name }),
    drop: async () => {
      const admin = postgres(adminUrl(address), { max: 1, onnotice: () => {} })
      try {
        await admin`drop database if exists ${admin(name)} with (force)`
      } finally {
        await admin.end()
      }
    },
  }
}

/** A NATS server of its own with JetStream and one user a role, all with one password. */
export async function startNats(): Promise<TestServer<NatsAddress>> {
  const dir = tempDir('nats')
  const [binary, [port = 0]] = await Promise.all([acquire(natsRecipe, say), freePorts(1)])
  const password = randomBytes(16).toString('hex')
  const launch = natsLaunch({
    binary,
    dir: join(dir, 'data'),
    port,
    passwords: forEachRole(() => password),
  })
  return server(launch, dir, { port, password }, () => rmSync(dir, { recursive: true, force: true }))
}

/** The address of a NATS server for one of its roles. */
export function natsUrlOf(address: NatsAddress, role: NatsRole): string {
  return natsUrl(role, address.password, address.port)
}

/** A Temporal server of its own, without the web UI. */
export async function startTemporal(): Promise<TestServer<TemporalAddress>> {
  const dir = tempDir('temporal')
  const [binary, [grpc = 0, http = 0, metrics = 0]] = await Promise.all([acquire(temporalRecipe, say), freePorts(3)])
  const launch = temporalLaunch({ binary, dir: join(dir, 'data'), ports: { grpc, http, metrics, ui: undefined } })
  const address = { address: `127.0.0.1:${grpc}`, namespace: TEMPORAL_NAMESPACE }
  return server(launch, dir, address, () => rmSync(dir, { recursive: true, force: true }))
}

/** Below 32,768: the server's table of its members has no room for a higher one. */
const ROWS = { from: 20_000, count: 12_000 }

/** For Temporal's server. */
export async function freePortsInARow(count: number): Promise<number[]> {
  for (;;) {
    const first = ROWS.from + randomInt(ROWS.count)
    const row = Array.from({ length: count }, (_, i) => first + i)
    const free = await Promise.all(row.map(isPortFree))
    if (free.every(Boolean)) return row
  }
}

/** Temporal's own server with its data in databases of its own in this Postgres. */
export async function startTemporalOn(postgresServer: PostgresAddress): Promise<TestServer<TemporalAddress>> {
  const dir = tempDir('temporal-server')
  const wipe = () => rmSync(dir, { recursive: true, force: true })
  try {
    const ports = await freePortsInARow(TEMPORAL_SERVER_PORTS)
    const place = { dir: join(dir, 'data'), adminUrl: adminUrl(postgresServer), ports }
    const { launch, address, openNamespace } = await temporalServer(place, say)
    const started = await server(launch, dir, { address, namespace: TEMPORAL_NAMESPACE }, wipe)
    try {
      await openNamespace()
    } catch (error) {
      await started.stop()
      throw error
    }
    return started
  } catch (error) {
    wipe()
    throw error
  }
}
