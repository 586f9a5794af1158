import postgres from 'postgres'

const DATABASE = 'mooring'
export const DATABASE_ROLES = ['mooring_owner', 'mooring_hub', 'mooring_relay', 'mooring_ops'] as const
export type DatabaseRole = (typeof DATABASE_ROLES)[number]
const SERVING_ROLES = DATABASE_ROLES.filter((role) => role !== 'mooring_owner')

/** The same server's address for another user and database. */
export function urlFor(server: string, user: string, password: string, database = DATABASE): string {
  const url = new URL(server)
  url.username = user
  url.password = encodeURIComponent(password)
  url.pathname = `/${database}`
  return url.href
}

export function databaseUrl(options: {
  user: string
  password: string
  port: number
  /** Default: loopback. */
  host?: string
  database?: string
}): string {
  const { user, port, host = '127.0.0.1', database = DATABASE } = options
  return `postgres://${user}:${encodeURIComponent(options.password)}@${host}:${port}/${database}`
}

/** No statement of a serving process may wait for long, whatever its client does (ledger.md, Build). */
const SERVING_LIMITS: Record<string, string> = {
  lock_timeout: '2s',
  statement_timeout: '5s',
  idle_in_transaction_session_timeout: '5s',
  tcp_user_timeout: '5s',
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/**
 * The login roles with their passwords and the database, owned by
 * mooring_owner and closed to everyone else. What hub, relay and operators may touch in it
 * is granted by the migrations.
 */
export async function ensureRoles(
  adminUrl: string,
  passwords: Record<DatabaseRole, string>,
  database = DATABASE,
): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    // Role names and settings are constants of this file, passwords are quoted: DDL takes no parameters.
    for (const role of DATABASE_ROLES) {
      const [exists] = await sql`select 1 from pg_roles where rolname = ${role}`
      const verb = exists === undefined ? 'create' : 'alter'
      await sql.unsafe(`${verb} role ${role} login nosuperuser password ${literal(passwords[role])}`)
    }
    for (const role of SERVING_ROLES) {
      for (const [name, value] of Object.entries(SERVING_LIMITS)) {
        await sql.unsafe(`alter role ${role} set ${name} = ${literal(value)}`)
      }
    }
    const [exists] = await sql`select 1 from pg_database where datname = ${database}`
    if (exists === undefined) await createDatabase(sql, database)
  } finally {
    await sql.end()
  }
}

/** An empty database, or a copy of `template`, closed to roles without a grant. */
export async function createDatabase(sql: postgres.Sql, name: string, template?: string): Promise<void> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`not a database name: ${JSON.stringify(name)}`)
  await sql`create database ${sql(name)} owner mooring_owner ${template === undefined ? sql`` : sql`template ${sql(template)}`}`
  await sql`revoke all on database ${sql(name)} from public`
  await sql`grant connect, temporary on database ${sql(name)} to mooring_hub, mooring_relay, mooring_ops`
}
