import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readKeyFile } from '../config/env.ts'
import { isDatabaseAway } from '../ledger/index.ts'
import { OpsRefusal } from './refusal.ts'

/** The role that reads what happened with money and writes nothing (0008_history.sql). */
const ROLE = 'mooring_ops'

/**
 * The database to ask: DATABASE_URL as it is, else that of the `npm start` which runs on the data directory, as
 * mooring_ops or the tables' owner. A directory that is named goes before the environment.
 *
 * @throws OpsRefusal
 */
export function findDatabase(
  data: string | undefined,
  env: NodeJS.ProcessEnv,
  role: 'mooring_ops' | 'mooring_owner' = ROLE,
): string {
  const fromEnv = env['DATABASE_URL']
  if (data === undefined && fromEnv !== undefined && fromEnv !== '') {
    if (URL.canParse(fromEnv) && /^postgres(ql)?:$/.test(new URL(fromEnv).protocol)) return fromEnv
    throw new OpsRefusal('bad_usage', 'DATABASE_URL', 'expected postgres://user:password@host:port/database')
  }
  const dir = data ?? env['MOORING_DATA'] ?? '.data'
  let url: URL
  let password: string
  try {
    const dev = z.object({ database: z.url() }).parse(JSON.parse(readFileSync(join(dir, 'dev.json'), 'utf8')))
    url = new URL(dev.database)
    password = readKeyFile(join(dir, 'keys', 'postgres'), `${role}.password`)
  } catch (cause) {
    const message = `no Mooring runs on ${dir}: run npm start, name its directory with --data, or set DATABASE_URL`
    throw new OpsRefusal('not_running', '--data', message, { cause })
  }
  url.username = role
  url.password = encodeURIComponent(password)
  return url.href
}

/** What it means that the database did not answer a question; undefined for a bug of ours. */
export function databaseRefusal(error: unknown, address: string): OpsRefusal | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  const at = new URL(address)
  const where = `Postgres at ${at.host}`
  const refused = (why: string) => new OpsRefusal('database_refused', null, `${where}: ${why}`, { cause: error })
  if (isDatabaseAway(error)) {
    const message = `${where} does not answer (${code}): see that it runs (npm start), then ask again`
    return new OpsRefusal('database_away', null, message, { cause: error })
  }
  switch (code) {
    case '28P01':
    case '28000':
      return refused(`it does not let ${at.username} in with this password`)
    case '3D000':
      return refused(`it has no database ${at.pathname.slice(1)}`)
    case '42P01':
    case '42703':
    case '42883':
      return refused('this database has no ledger, or one of another release; npm start brings it up to date')
    // Somebody holds a lock for longer than the role waits, or it took longer than the role may.
    case '55P03':
    case '57014': {
      const message = `${where} is busy with something else (${code}): ask again`
      return new OpsRefusal('database_busy', null, message, { cause: error })
    }
    case '42501':
      return refused(`${at.username} may not read the books; ${ROLE} may`)
    default:
      return undefined
  }
}
