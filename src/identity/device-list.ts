import type { DeviceEvent, DeviceView } from '../contract/index.ts'
import type { DeviceStatus } from '../contract/names.ts'
import { timestamp } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { EventInput } from '../ledger/index.ts'
import { isRestricted } from './devices.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import type { Sql, TransactionSql } from './sql.ts'

/** A device as its user sees it, in lists and events. */
export type ListedDevice = {
  id: string
  user: string
  name: string
  /** As it is stored: a restriction whose time is past is still written there. */
  status: DeviceStatus
  restrictedUntilMs: number | null
  createdAtMs: number
  lastSeenAtMs: number | null
}

/** The user's devices, the newest first; those that may still speak before the revoked. */
export async function listDevices(sql: Sql, user: string): Promise<ListedDevice[]> {
  return sql<ListedDevice[]>`
    ${listed(sql)} where user_id = ${user}
    order by status = 'revoked', created_at desc, id desc limit ${IDENTITY_LIMITS.devices_listed}`
}

export async function readListed(sql: Sql | TransactionSql, id: string): Promise<ListedDevice | null> {
  const [row] = await sql<ListedDevice[]>`${listed(sql)} where id = ${id}`
  return row ?? null
}

const listed = (sql: Sql | TransactionSql) => sql`
  select id, user_id as user, name, status, (extract(epoch from restricted_until) * 1000)::float8 as "restrictedUntilMs",
    (extract(epoch from created_at) * 1000)::float8 as "createdAtMs",
    (extract(epoch from last_seen_at) * 1000)::float8 as "lastSeenAtMs"
  from devices`

export function deviceView(device: ListedDevice, asker: string, nowMs: number): DeviceView {
  const over = device.status === 'restricted' && !isRestricted(device, nowMs)
  return { ...told(device, over ? 'active' : device.status), current: device.id === asker }
}

export function deviceEvent(
  name: 'device.added' | 'device.revoked',
  device: ListedDevice,
  ids: Ids,
): EventInput & { body: DeviceEvent } {
  return { id: ids.make('evt'), feed: device.user, name, body: told(device, device.status) }
}

function told({ id, name, createdAtMs, lastSeenAtMs }: ListedDevice, status: DeviceStatus): DeviceEvent {
  return {
    id,
    name,
    created_at: timestamp(createdAtMs),
    last_seen_at: lastSeenAtMs === null ? null : timestamp(lastSeenAtMs),
    status,
  }
}
