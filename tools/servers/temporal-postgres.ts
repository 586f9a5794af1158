import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import type { Say } from '../paths.ts'
import { LOOPBACK } from '../process/ports.ts'
import { answersOk } from '../process/probe.ts'
import { lastLines, run } from '../process/run.ts'
import { acquire } from './acquire.ts'
import { baseEnv, type Launch } from './launch.ts'
import { temporalServerRecipe, temporalSqlRecipe } from './recipes.ts'
import { DYNAMIC_CONFIG, TEMPORAL_NAMESPACE } from './temporal.ts'

/**
 * Temporal's own server, all four services in one process, with its data in two
 * databases of a Postgres that runs already: what a deployment has, where
 * `npm start` has the development server on SQLite.
 */

const STORE = 'temporal'
const VISIBILITY = 'temporal_visibility'
/** The schema of each database, by the name under which the tool carries it. */
const SCHEMAS = { [STORE]: 'postgresql/v12/temporal', [VISIBILITY]: 'postgresql/v12/visibility' }
/** What the server reads its ports from: of each service gRPC and gossip, of the frontend HTTP too. */
const PORTS = [
  'FRONTEND_GRPC_PORT',
  'FRONTEND_HTTP_PORT',
  'FRONTEND_MEMBERSHIP_PORT',
  'MATCHING_GRPC_PORT',
  'MATCHING_MEMBERSHIP_PORT',
  'HISTORY_GRPC_PORT',
  'HISTORY_MEMBERSHIP_PORT',
  'WORKER_GRPC_PORT',
  'WORKER_MEMBERSHIP_PORT',
] as const
export const TEMPORAL_SERVER_PORTS = PORTS.length
/** As many as the development server has. */
const HISTORY_SHARDS = 4
const CONNECTIONS = 20
const RETENTION = '86400s'
const CONFLICT = 409
const KNOWN_WITHIN_MS = 60_000
const ASK_AGAIN_MS = 200

/** A superuser, or a user who may create databases. */
type Admin = { host: string; port: number; user: string; password: string }

export type TemporalServerPlace = {
  /** Holds its dynamic configuration. */
  dir: string
  /** A Postgres user who may create databases, `postgres://user:password@host:port/…`. */
  adminUrl: string
  /** As many as TEMPORAL_SERVER_PORTS, free, below 32,768: its table of members has no room for a higher one. */
  ports: readonly number[]
}

export type TemporalServer = {
  launch: Launch
  address: string
  /** Once it is ready. */ openNamespace(): Promise<void>
}

/** Gets server and tool, makes both databases with their schemas, and says how the server is started.
 * @throws ServerUnavailable, or with the tool's last words */
export async function temporalServer(place: TemporalServerPlace, say: Say): Promise<TemporalServer> {
  const server = await acquire(temporalServerRecipe, say)
  const tool = await acquire(temporalSqlRecipe, say)
  const admin = adminOf(place.adminUrl)
  await makeDatabases(place.adminUrl)
  for (const [database, schema] of Object.entries(SCHEMAS)) {
    await applySchema(tool, admin, database, schema)
  }
  mkdirSync(place.dir, { recursive: true, mode: 0o700 })
  const dynamicConfig = join(place.dir, 'dynamic.yaml')
  // YAML takes JSON's values; each key has a list of constrained values, here one for all.
  const lines = Object.entries(DYNAMIC_CONFIG).map(([key, value]) => `${key}: [{ value: ${JSON.stringify(value)} }]`)
  writeFileSync(dynamicConfig, `${lines.join('\n')}\n`)

  const ports = Object.fromEntries(PORTS.map((variable, i) => [variable, place.ports[i] ?? 0]))
  const { FRONTEND_GRPC_PORT: grpc = 0, FRONTEND_HTTP_PORT: http = 0 } = ports
  const launch: Launch = {
    name: 'temporal-server',
    command: server,
    args: ['--allow-no-auth', 'start'],
    env: {
      ...baseEnv(),
      DB: 'postgres12_pgx',
      POSTGRES_SEEDS: admin.host,
      DB_PORT: String(admin.port),
      POSTGRES_USER: admin.user,
      POSTGRES_PWD: admin.password,
      DBNAME: STORE,
      VISIBILITY_DBNAME: VISIBILITY,
      SQL_MAX_CONNS: String(CONNECTIONS),
      SQL_MAX_IDLE_CONNS: String(CONNECTIONS),
      NUM_HISTORY_SHARDS: String(HISTORY_SHARDS),
      BIND_ON_IP: LOOPBACK,
      TEMPORAL_BROADCAST_ADDRESS: LOOPBACK,
      ...Object.fromEntries(Object.entries(ports).map(([variable, port]) => [variable, String(port)])),
      DYNAMIC_CONFIG_FILE_PATH: dynamicConfig,
      LOG_LEVEL: 'error',
    },
    cwd: place.dir,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 15_000,
    readyTimeoutMs: 120_000,
    // Its system namespace is there once every service behind the frontend serves; ours is made after that.
    isReady: () => answersOk(http, '/api/v1/namespaces/temporal-system'),
  }
  return { launch, address: `${LOOPBACK}:${grpc}`, openNamespace: () => registerNamespace(http) }
}

/** Makes the namespace payments run in and waits until it serves. Safe to repeat. `port` is the frontend's HTTP. */
async function registerNamespace(port: number): Promise<void> {
  const namespaces = `http://${LOOPBACK}:${port}/api/v1/namespaces`
  const made = await fetch(namespaces, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ namespace: TEMPORAL_NAMESPACE, workflowExecutionRetentionPeriod: RETENTION }),
  })
  if (!made.ok && made.status !== CONFLICT) throw new Error(`no namespace could be made: ${await made.text()}`)
  const late = performance.now() + KNOWN_WITHIN_MS
  // The services hear of it one after the other.
  while (!(await answersOk(port, `/api/v1/namespaces/${TEMPORAL_NAMESPACE}/search-attributes`))) {
    if (performance.now() > late) throw new Error('Temporal does not come to know its namespace')
    await delay(ASK_AGAIN_MS)
  }
}

function adminOf(adminUrl: string): Admin {
  const { hostname, port, username, password } = new URL(adminUrl)
  return { host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) }
}

async function makeDatabases(adminUrl: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    for (const name of Object.keys(SCHEMAS)) {
      const [exists] = await sql`select 1 from pg_database where datname = ${name}`
      if (exists === undefined) await sql`create database ${sql(name)}`
    }
  } finally {
    await sql.end()
  }
}

async function applySchema(tool: string, admin: Admin, database: string, schema: string): Promise<void> {
  const common = [
    '--plugin=postgres12_pgx',
    `--endpoint=${admin.host}`,
    `--port=${admin.port}`,
    `--user=${admin.user}`,
    `--database=${database}`,
  ]
  for (const step of [
    ['setup-schema', '--version=0.0'],
    ['update-schema', `--schema-name=${schema}`],
  ]) {
    // By the environment: arguments are read by whoever lists processes.
    const done = await run(tool, [...common, ...step], { env: { ...baseEnv(), SQL_PASSWORD: admin.password } })
    if (done.code !== 0) throw new Error(`Temporal's schema in ${database}: ${lastLines(done.output, 8)}`)
  }
}
