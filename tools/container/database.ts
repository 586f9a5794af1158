import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { ensureRoles, type DatabaseRole } from '../servers/postgres/roles.ts'

/**
 * The roles and databases of docker-compose.yml, run once before the migrations: Mooring's own, as `npm start` makes
 * them, and Temporal's two with a user who owns them and sees no other.
 */
const TEMPORAL = 'temporal'
const TEMPORAL_DATABASES = ['temporal', 'temporal_visibility']

const [keys = ''] = process.argv.slice(2)
const read = (name: string): string => readFileSync(join(keys, name), 'utf8').trimEnd()

const adminUrl = read('admin.url')
const password = (role: DatabaseRole) => read(`${role}.password`)
await ensureRoles(adminUrl, {
  mooring_owner: password('mooring_owner'),
  mooring_hub: password('mooring_hub'),
  mooring_relay: password('mooring_relay'),
  mooring_ops: password('mooring_ops'),
})

const sql = postgres(adminUrl, { max: 1, onnotice: () => {} })
try {
  const [role] = await sql`select from pg_roles where rolname = ${TEMPORAL}`
  // DDL takes no parameters; the password is quoted by the server.
  const [made] =
    await sql`select format('%s role %I login nosuperuser password %L', ${role === undefined ? 'create' : 'alter'}::text,
    ${TEMPORAL}::text, ${read('temporal.password')}::text) as ddl`
  await sql.unsafe(String(made?.['ddl']))
  for (const name of TEMPORAL_DATABASES) {
    const [there] = await sql`select from pg_database where datname = ${name}`
    if (there !== undefined) continue
    await sql`create database ${sql(name)} owner ${sql(TEMPORAL)}`
    await sql`revoke all on database ${sql(name)} from public`
  }
} finally {
  await sql.end()
}
