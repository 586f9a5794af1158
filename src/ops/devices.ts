import type { Ids } from '../domain/ids.ts'
import type { Query } from '../ledger/index.ts'

/** A user's phones, for whoever is told on the telephone that one is lost. */
export type UserDevice = {
  id: string
  user_id: string
  name: string
  status: 'active' | 'restricted' | 'revoked'
  created_at: Date
  last_seen_at: Date | null
}

const LISTED_MAX = 100

/** The devices of a user, by id or phone number, the newest first; null where there is no such user. */
export async function devicesOf(sql: Query, who: string): Promise<UserDevice[] | null> {
  const [user] = await sql<{ id: string }[]>`select id from users where id = ${who} or phone = ${who}`
  if (user === undefined) return null
  return sql<UserDevice[]>`
    select id, user_id, name, status, created_at, last_seen_at from devices where user_id = ${user.id}
    order by created_at desc, id desc limit ${LISTED_MAX}`
}

/** Shuts a device out: row, event and log as one (0016_trust.sql). The relay then has its sockets closed. */
export async function revokeDevice(
  sql: Query,
  ids: Ids,
  of: { device: string; operator: string; reason: string },
): Promise<'revoked' | 'revoked_before' | 'unknown'> {
  const [row] = await sql<{ said: 'revoked' | 'revoked_before' | 'unknown' }[]>`
    select revoke_device(${of.device}, ${ids.make('evt')}, ${of.operator}, ${of.reason}) as said`
  if (row === undefined) throw new Error('a function answers one row')
  return row.said
}
