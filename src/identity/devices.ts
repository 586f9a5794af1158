import type { Sql } from './sql.ts'
import { DevicePublicKey } from '../contract/index.ts'
import { importDeviceKey, type VerifyKey } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'

export type Device = {
  id: string
  user: string
  userStatus: 'active' | 'closed'
  /** Whether the user's limits are low now (tiers.ts). */
  lowLimits: boolean
  status: 'active' | 'restricted' | 'revoked'
  restrictedUntilMs: number | null
  jkt: string
  publicKey: VerifyKey
}

type DeviceRow = Omit<Device, 'publicKey'> & { publicKey: unknown }

/** The device as it is now; null where there is none of this id. */
export async function readDevice(sql: Sql, id: string): Promise<Device | null> {
  const [row] = await sql<DeviceRow[]>`
    select d.id, d.user_id as user, u.status as "userStatus",
      u.low_limits_until is not null as "lowLimits", d.status, d.jkt, d.public_key as "publicKey",
      (extract(epoch from d.restricted_until) * 1000)::float8 as "restrictedUntilMs"
    from devices d
    join users u on u.id = d.user_id
    where d.id = ${id}`
  if (row === undefined) return null
  return { ...row, publicKey: await importDeviceKey(DevicePublicKey.parse(row.publicKey)) }
}

/** Notes that the device was here; at most once a minute, so that a reconnecting phone costs no write. */
export async function touchDevice(sql: Sql, id: string): Promise<void> {
  await sql`
    update devices set last_seen_at = clock_timestamp()
    where id = ${id}
      and (last_seen_at is null
        or last_seen_at < clock_timestamp() - make_interval(secs => ${IDENTITY_LIMITS.last_seen_gap_s}))`
}

/** A restriction ends by itself at its time (security.md, Enrolment). */
export function isRestricted(device: Pick<Device, 'status' | 'restrictedUntilMs'>, nowMs: number): boolean {
  return device.status === 'restricted' && (device.restrictedUntilMs ?? Infinity) > nowMs
}
