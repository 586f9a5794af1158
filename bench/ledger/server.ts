import postgres from 'postgres'
import { migrate, openDatabase, type Sql } from '../../src/ledger/index.ts'
import { adminUrl, newDatabase, startPostgres } from '../../test/support/servers.ts'

/**
 * A Postgres of the bench's own, as durable as the one that runs (fsync,
 * synchronous_commit, full_page_writes and checksums stay on), with the memory of
 * a server rather than of a laptop: what is measured is the ledger, not the cache.
 */
export type Server = {
  readonly pid: number
  /** A fresh database with all migrations. */
  database(): Promise<Database>
  stop(): Promise<void>
}

export type Database = {
  owner: Sql
  admin: Sql
  hubUrl: string
  adminUrl: string
  hub(connections: number): Sql
  ops(connections: number): Sql
  close(): Promise<void>
}

const MUST_BE_ON = ['fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums']

export async function startServer(options: { sharedBuffers: string }): Promise<Server> {
  const server = await startPostgres({ durable: true })
  try {
    await configure(adminUrl(server), options.sharedBuffers)
    await server.restart()
    await assertDurable(adminUrl(server))
    await fillLog(adminUrl(server))
  } catch (error) {
    await server.stop()
    throw error
  }
  return {
    get pid() {
      return server.pid
    },
    stop: () => server.stop(),
    database: async () => {
      const database = await newDatabase(server)
      const owner = openDatabase({ url: database.url('mooring_owner'), name: 'bench-owner', connections: 1 })
      const admin = openDatabase({ url: database.url('postgres'), name: 'bench-meters', connections: 1 })
      const pools: Sql[] = [owner, admin]
      await migrate(owner)
      const pool = (role: 'hub' | 'ops') => (connections: number) => {
        const url = database.url(`mooring_${role}`)
        const made = openDatabase({ url, name: `bench-${role}`, connections })
        pools.push(made)
        return made
      }
      return {
        owner,
        admin,
        hubUrl: database.url('mooring_hub'),
        adminUrl: database.url('postgres'),
        hub: pool('hub'),
        ops: pool('ops'),
        close: async () => void (await Promise.all(pools.map((each) => each.end({ timeout: 1 })))),
      }
    },
  }
}

async function withAdmin(url: string, act: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await act(sql)
  } finally {
    await sql.end()
  }
}

async function configure(url: string, sharedBuffers: string): Promise<void> {
  const settings = {
    shared_buffers: sharedBuffers,
    maintenance_work_mem: '1GB',
    max_wal_size: '8GB',
    min_wal_size: '2GB',
    max_connections: '200',
  }
  await withAdmin(url, async (sql) => {
    for (const [name, value] of Object.entries(settings)) {
      await sql.unsafe(`alter system set ${name} = '${value.replaceAll("'", "''")}'`)
    }
  })
}

/** A server that has run for a while writes into segments of its log that are there; a new one makes each of them first. */
async function fillLog(url: string): Promise<void> {
  const SEGMENTS = 100
  await withAdmin(url, async (sql) => {
    for (let i = 0; i < SEGMENTS; i++) {
      await sql`select pg_logical_emit_message(true, '', '')`
      await sql`select pg_switch_wal()`
    }
    await sql`checkpoint`
  })
}

async function assertDurable(url: string): Promise<void> {
  await withAdmin(url, async (sql) => {
    const off = await sql<{ name: string }[]>`
      select name from pg_settings where name in ${sql(MUST_BE_ON)} and setting <> 'on'`
    if (off.length > 0) throw new Error(`a bench without ${off.map((row) => row.name).join(', ')} proves nothing`)
  })
}
