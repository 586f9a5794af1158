import { createHash, randomBytes } from 'node:crypto'
import type { Sql } from './sql.ts'
import { IDENTITY_LIMITS } from './limits.ts'

const BYTES = 32

/** A fresh nonce, 32 random bytes as base64url, good for one use within three minutes by the database's clock. */
export async function issueNonce(sql: Sql): Promise<{ nonce: string; expiresAtMs: number }> {
  const nonce = randomBytes(BYTES).toString('base64url')
  const [row] = await sql<{ expiresAtMs: number }[]>`
    insert into nonces (hash, expires_at)
    values (${hash(nonce)}, clock_timestamp() + make_interval(secs => ${IDENTITY_LIMITS.nonce_ttl_ms / 1_000}))
    returning (extract(epoch from expires_at) * 1000)::float8 as "expiresAtMs"`
  if (row === undefined) throw new Error('a nonce just made is not there')
  return { nonce, expiresAtMs: Math.floor(row.expiresAtMs) }
}

/** True for exactly one caller of each nonce, and only before its time: the DELETE decides. */
export async function useNonce(sql: Sql, nonce: string): Promise<boolean> {
  const [row] = await sql<{ fresh: boolean }[]>`
    delete from nonces where hash = ${hash(nonce)}
    returning expires_at > clock_timestamp() as fresh`
  return row?.fresh === true
}

function hash(nonce: string): Buffer {
  return createHash('sha256').update(nonce).digest()
}
