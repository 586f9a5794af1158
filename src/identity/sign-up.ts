import type { Sql, TransactionSql } from './sql.ts'
import type { Ids } from '../domain/ids.ts'
import type { Enrolment } from './enrolment-store.ts'
import { deviceEvent, readListed } from './device-list.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { lowUntilMs } from './tiers.ts'

export type SignedUp =
  | { kind: 'device'; user: string; device: string; restrictedUntilMs: number | null }
  /** The key belonged to a device that was revoked: it does not come back. */
  | { kind: 'revoked' }

/**
 * Makes the device, and the user where the number is new, of an enrolment whose
 * password was right; or reads what an earlier call made. One transaction: the
 * enrolment's row lock makes it once, the number's uniqueness makes one user.
 * Safe to repeat after a lost answer to COMMIT.
 */
export async function signUp(
  { sql, ids }: { sql: Sql; ids: Ids },
  enrolment: Enrolment,
  proven: { otpHash: Buffer; simChangedAtMs: number | null },
): Promise<SignedUp> {
  return sql.begin(async (tx): Promise<SignedUp> => {
    const [locked] = await tx<{ deviceId: string | null }[]>`
      select device_id as "deviceId" from enrolments where id = ${enrolment.id} for update`
    if (locked === undefined) throw new Error('an enrolment under verification is gone')
    if (locked.deviceId !== null) return readSignedUp(tx, locked.deviceId)
    const user = await userOfPhone(tx, ids, enrolment.phone)
    const device = await deviceOfKey(tx, ids, enrolment, user)
    if (device.status === 'revoked') {
      await tx`
        update enrolments set expires_at = clock_timestamp(), checking_until = null where id = ${enrolment.id}`
      return { kind: 'revoked' }
    }
    await tx`
      update enrolments
      set used_at = clock_timestamp(), otp_hash = ${proven.otpHash}, checking_until = null,
        user_id = ${user.id}, device_id = ${device.id}
      where id = ${enrolment.id}`
    if (device.isNew) {
      if (enrolment.address !== null) await lowerLimits(tx, device, proven.simChangedAtMs)
      // Last, for nothing may be waited for once the feed's head is ours. A new user has nobody to be told.
      if (!user.isNew) await tellOfDevice(tx, ids, device.id)
    }
    return readSignedUp(tx, device.id)
  })
}

/** What a used enrolment made. */
export async function readUsed(sql: Sql, enrolmentId: string): Promise<SignedUp> {
  const [row] = await sql<{ deviceId: string }[]>`
    select device_id as "deviceId" from enrolments where id = ${enrolmentId} and device_id is not null`
  if (row === undefined) throw new Error('a used enrolment has a device')
  return readSignedUp(sql, row.deviceId)
}

async function userOfPhone(tx: TransactionSql, ids: Ids, phone: string): Promise<{ id: string; isNew: boolean }> {
  const [made] = await tx<{ id: string }[]>`
    insert into users (id, phone) values (${ids.make('usr')}, ${phone})
    on conflict (phone) do nothing
    returning id`
  if (made !== undefined) return { id: made.id, isNew: true }
  const [found] = await tx<{ id: string }[]>`select id from users where phone = ${phone}`
  if (found === undefined) throw new Error('a number is neither new nor known')
  return { id: found.id, isNew: false }
}

/** The first device of a new user is active; a further one is restricted until approved or its time has passed. */
async function deviceOfKey(
  tx: TransactionSql,
  ids: Ids,
  enrolment: Enrolment,
  user: { id: string; isNew: boolean },
): Promise<DeviceOfKey> {
  const restrictedSeconds = user.isNew ? null : IDENTITY_LIMITS.device_restriction_ms / 1_000
  const made = await tx`
    insert into devices (id, user_id, name, public_key, jkt, status, restricted_until)
    values (${ids.make('dev')}, ${user.id}, ${enrolment.deviceName}, ${tx.json(enrolment.publicKey)}, ${enrolment.jkt},
      ${user.isNew ? 'active' : 'restricted'},
      clock_timestamp() + make_interval(secs => ${restrictedSeconds}::float8))
    on conflict (user_id, jkt) do nothing
    returning id`
  const [device] = await tx<Omit<DeviceOfKey, 'isNew'>[]>`
    select id, user_id as user, status, (extract(epoch from created_at) * 1000)::float8 as "createdAtMs"
    from devices where user_id = ${user.id} and jkt = ${enrolment.jkt}`
  if (device === undefined) throw new Error('a device just made is not there')
  return { ...device, isNew: made.length > 0 }
}

type DeviceOfKey = { id: string; user: string; status: string; createdAtMs: number; isNew: boolean }

/** After any new device, the first one too: a later time that stands already stays. */
async function lowerLimits(tx: TransactionSql, device: DeviceOfKey, simChangedAtMs: number | null): Promise<void> {
  const untilMs = lowUntilMs(device.createdAtMs, simChangedAtMs)
  await tx`
    update users set low_limits_until = greatest(low_limits_until, to_timestamp(${untilMs / 1_000}))
    where id = ${device.user}`
}

/** Every device of the user hears of the new one, so that a stranger's is noticed and revoked. */
async function tellOfDevice(tx: TransactionSql, ids: Ids, id: string): Promise<void> {
  const device = await readListed(tx, id)
  if (device === null) throw new Error('a device just made is not there')
  const { id: event, feed, name, body } = deviceEvent('device.added', device, ids)
  await tx`select tell_feed(${feed}, ${event}, ${name}, ${JSON.stringify(body)})`
}

async function readSignedUp(sql: Sql | TransactionSql, device: string): Promise<SignedUp> {
  const [row] = await sql<{ user: string; device: string; restrictedUntilMs: number | null }[]>`
    select user_id as user, id as device,
      (extract(epoch from restricted_until) * 1000)::float8 as "restrictedUntilMs"
    from devices where id = ${device}`
  if (row === undefined) throw new Error('a device named by its enrolment is not there')
  return { kind: 'device', ...row }
}
