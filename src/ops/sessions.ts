import { createHash, randomBytes } from 'node:crypto'
import type { Query, Sql } from '../ledger/index.ts'
import { OPS_LIMITS } from './limits.ts'
import type { Operator } from './operators.ts'

const TOKEN_BYTES = 32
const seconds = (ms: number): number => ms / 1_000

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** A new session's token, 256 bits; what is stored is its hash. */
export async function openSession(sql: Query, operator: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  await sql`insert into operator_sessions (token_hash, operator) values (${hashOf(token)}, ${operator})`
  return token
}

/** Whose session this is, which goes on from now; null for one that is over, never was, or is of a disabled operator. */
export async function findSession(sql: Sql, token: string): Promise<Operator | null> {
  const [row] = await sql<Operator[]>`
    update operator_sessions s set seen_at = clock_timestamp()
    from operators o
    where s.token_hash = ${hashOf(token)} and o.id = s.operator and o.disabled_at is null
      and s.seen_at > clock_timestamp() - make_interval(secs => ${seconds(OPS_LIMITS.session_idle_ms)})
      and s.created_at > clock_timestamp() - make_interval(secs => ${seconds(OPS_LIMITS.session_absolute_ms)})
    returning o.id, o.name`
  return row ?? null
}

export async function closeSession(sql: Sql, token: string): Promise<void> {
  await sql`delete from operator_sessions where token_hash = ${hashOf(token)}`
}

/** Deletes sessions that are over and failures that are forgotten. */
export async function sweepSessions(sql: Sql): Promise<void> {
  await sql`
    delete from operator_sessions
    where seen_at < clock_timestamp() - make_interval(secs => ${seconds(OPS_LIMITS.session_idle_ms)})
      or created_at < clock_timestamp() - make_interval(secs => ${seconds(OPS_LIMITS.session_absolute_ms)})`
  await sql`
    delete from operator_throttle
    where greatest(tried_at, locked_until) < clock_timestamp()
      - make_interval(secs => ${seconds(OPS_LIMITS.failures_kept_ms)})`
}
