import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate, openDatabase } from '../src/ledger/index.ts'
import { ROOT } from './paths.ts'
import { startChild } from './process/child.ts'
import { freePorts } from './process/ports.ts'
import { SCHEMA_FILE, schemaListing } from './schema/listing.ts'
import {
  databaseUrl,
  ensureCluster,
  ensureRoles,
  findPostgres,
  postgresHome,
  postgresLaunch,
  wipeOutside,
} from './servers/postgres/index.ts'

/**
 * Writes down the schema that the migrations make, on a Postgres of its own; to be
 * run when a migration was added: `node_modules/.bin/node tools/schema.ts`.
 */
const dir = mkdtempSync(join(tmpdir(), 'mooring-schema-'))
// Readable by the unprivileged user Postgres runs as.
chmodSync(dir, 0o711)
const data = join(dir, 'data')
mkdirSync(data, { mode: 0o711 })
try {
  const [home, [port = 0]] = await Promise.all([postgresHome(data, await findPostgres()), freePorts(1)])
  const password = randomBytes(16).toString('hex')
  await ensureCluster(home, { superuserPassword: password, durable: false })
  const server = await startChild(postgresLaunch(home, port), join(dir, 'postgres.log'))
  try {
    await server.untilReady()
    const url = (user: string, database?: string) =>
      databaseUrl({ user, password, port, ...(database === undefined ? {} : { database }) })
    await ensureRoles(url('postgres', 'postgres'), {
      mooring_owner: password,
      mooring_hub: password,
      mooring_relay: password,
      mooring_ops: password,
    })
    const owner = openDatabase({ url: url('mooring_owner'), name: 'schema', connections: 1 })
    await migrate(owner)
    writeFileSync(join(ROOT, SCHEMA_FILE), await schemaListing(owner))
    await owner.end({ timeout: 1 })
    console.log(SCHEMA_FILE)
  } finally {
    await server.stop()
  }
} finally {
  wipeOutside(data)
  rmSync(dir, { recursive: true, force: true })
}
