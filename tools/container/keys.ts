import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureKeys } from '../keys.ts'
import { forEachRole, natsConfig, natsUrl } from '../servers/nats.ts'
import { DATABASE_ROLES, databaseUrl, type DatabaseRole } from '../servers/postgres/roles.ts'
import { DYNAMIC_CONFIG } from '../servers/temporal.ts'

/**
 * Keys for docker-compose.yml, run once before everything: made where there are none, in a volume that no other
 * container sees, and handed out so that each finds in a volume of its own what it needs and nothing of the others.
 * An address with a password in it is a file too: whoever inspects a container sees its environment.
 */

/** Where the names of docker-compose.yml lead. */
const POSTGRES = { host: 'postgres', port: 5432 }
const NATS = { host: 'nats', port: 4222, monitorPort: 8222 }
const NATS_STORE = '/data/jetstream'

const [vault = '', rooms = ''] = process.argv.slice(2)
if (rooms === '') {
  console.error('usage: keys.ts <directory of all keys> <directory with one for each who gets some>')
  process.exit(2)
}
const all = join(vault, 'all')
await ensureKeys(all)

const password = (path: string): string => readFileSync(join(all, `${path}.password`), 'utf8').trimEnd()
const passwords = forEachRole((role) => password(`nats/${role}`))
const database = (user: DatabaseRole) => databaseUrl({ ...POSTGRES, user, password: password(`postgres/${user}`) })
const admin = { ...POSTGRES, user: 'postgres', password: password('postgres/superuser'), database: 'postgres' }
const nats = (role: keyof typeof passwords) => natsUrl(role, passwords[role], NATS.port, NATS.host)
const temporalPassword = temporalsOwn()

/** What each gets besides its directory of keys. */
const ROOMS: Record<string, Record<string, string>> = {
  hub: { 'database.url': database('mooring_hub'), 'nats.url': nats('hub') },
  relay: { 'database.url': database('mooring_relay'), 'nats.url': nats('relay') },
  ops: { 'database.url': database('mooring_ops') },
  edge: { 'nats.url': nats('edge') },
  bridge: { 'nats.url': nats('bridge') },
  setup: { 'database.url': database('mooring_owner') },
  'sim-bank': {},
  'sim-camara': {},
  'sim-gsma': {},
  /** Makes the roles that the others log in by. */
  database: {
    'admin.url': databaseUrl(admin),
    ...Object.fromEntries(DATABASE_ROLES.map((role) => [`${role}.password`, password(`postgres/${role}`)])),
    'temporal.password': temporalPassword,
  },
  postgres: { 'superuser.password': password('postgres/superuser') },
  nats: { 'nats.conf': natsConfig({ ...NATS, host: '0.0.0.0', storeDir: NATS_STORE, passwords }) },
  temporal: {
    'temporal.password': temporalPassword,
    // YAML takes JSON's values; each key has a list of constrained values, here one for all.
    'dynamic.yaml': Object.entries(DYNAMIC_CONFIG)
      .map(([key, value]) => `${key}: [{ value: ${JSON.stringify(value)} }]`)
      .join('\n'),
  },
}
/** Roles of NATS and Postgres share these directories of ensureKeys; nobody gets them whole. */
const SPLIT = new Set(['nats', 'postgres'])

for (const [room, files] of Object.entries(ROOMS)) {
  const to = join(rooms, room)
  const from = join(all, room)
  mkdirSync(to, { recursive: true, mode: 0o700 })
  if (existsSync(from) && !SPLIT.has(room)) cpSync(from, to, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(to, name), `${text}\n`)
  for (const name of readdirSync(to)) chmodSync(join(to, name), 0o600)
}

/** Temporal logs in to its databases by a user of its own, which only containers have. */
function temporalsOwn(): string {
  const path = join(vault, 'temporal.password')
  if (!existsSync(path)) {
    const made = crypto.getRandomValues(Buffer.alloc(32)).toString('base64url')
    writeFileSync(path, made, { mode: 0o600 })
  }
  return readFileSync(path, 'utf8')
}
