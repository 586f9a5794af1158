import type { Sql, TransactionSql } from './sql.ts'
import { DevicePublicKey } from '../contract/index.ts'
import type { Lanes } from '../domain/lanes.ts'
import { IDENTITY_LIMITS } from './limits.ts'

/** SQL of sign-up. Times are the database's, so that hubs whose clocks differ agree. */

export type NewEnrolment = {
  id: string
  phone: string
  /** Where it was asked from, and the network that is in; null where caps are lifted but those of the number itself. */
  address: { address: string; prefix: string } | null
  deviceName: string
  publicKey: DevicePublicKey
  jkt: string
}

export type Begun = { ok: true; expiresAtMs: number } | { ok: false; cap: Cap; retryAfterMs: number }

type Cap = 'at_once' | 'number' | 'address' | 'address_prefix' | 'number_prefix' | 'sms'

const HOUR_MS = 3_600_000

/** What ten thousand neighbours have in common; as the index `enrolments_phone_prefix` has it. */
const numberPrefix = (phone: string): string => phone.slice(0, -4)

/**
 * Takes one of the number's passwords before the operator is asked for it. The
 * caps are counted under locks on number and address and on the prefixes of both,
 * taken in one order, so that requests at once cannot pass them together. What is over one already is
 * refused before that, and of neighbouring numbers one at a time waits for its locks here, in `lanes`: a connection is
 * held meanwhile, and the hub has few.
 *
 * The SMS budget of all is counted without one, which everybody would wait for: beyond it go at most
 * as many as are between count and insert at that moment, one a database connection of the hubs.
 * Those cost a few messages in five thousand.
 */
export async function beginEnrolment(sql: Sql, lanes: Lanes, input: NewEnrolment): Promise<Begun> {
  const over = await capReached(sql, input)
  if (over !== null) return over
  const begun = await lanes.run(numberPrefix(input.phone), () => beginInTurn(sql, input))
  return begun ?? { ok: false, cap: 'at_once', retryAfterMs: IDENTITY_LIMITS.enrolments_at_once_ms }
}

async function beginInTurn(sql: Sql, input: NewEnrolment): Promise<Begun> {
  const { phone, address } = input
  const strangers =
    address === null
      ? []
      : [`address:${address.address}`, `address-prefix:${address.prefix}`, `phone-prefix:${numberPrefix(phone)}`]
  const locks = [`phone:${phone}`, ...strangers].toSorted()
  return sql.begin(async (tx): Promise<Begun> => {
    for (const lock of locks) await tx`select pg_advisory_xact_lock(hashtextextended(${`enrol:${lock}`}, 0))`
    const over = await capReached(tx, input)
    if (over !== null) return over
    const [row] = await tx<{ expiresAtMs: number }[]>`
      insert into enrolments (id, phone, address, address_prefix, device_name, public_key, jkt, expires_at)
      values (${input.id}, ${phone}, ${address?.address ?? null}, ${address?.prefix ?? null}, ${input.deviceName}, ${tx.json(input.publicKey)}, ${input.jkt},
        clock_timestamp() + make_interval(secs => ${IDENTITY_LIMITS.enrolment_ttl_ms / 1_000}))
      returning (extract(epoch from expires_at) * 1000)::float8 as "expiresAtMs"`
    if (row === undefined) throw new Error('an enrolment just made is not there')
    return { ok: true, expiresAtMs: Math.floor(row.expiresAtMs) }
  })
}

type Counts = {
  sent: number
  asked: number
  address: number
  addressPrefix: number
  numberPrefix: number
  all: number
  ageMs: number | null
}

async function capReached(
  tx: Sql | TransactionSql,
  { phone, address }: NewEnrolment,
): Promise<Extract<Begun, { ok: false }> | null> {
  // The statement's own time, which is after the locks: by the clock itself no index could be searched.
  const [count] = await tx<Counts[]>`
    with of_number as (
      select created_at, failed_at from enrolments
      where phone = ${phone} and created_at > statement_timestamp() - interval '1 hour'
    )
    select
      (select count(*) filter (where failed_at is null) from of_number)::int as sent,
      (select count(*) from of_number)::int as asked,
      (select count(*) from enrolments where address = ${address?.address ?? null}
        and created_at > statement_timestamp() - interval '1 hour')::int as address,
      (select count(*) from enrolments where address_prefix = ${address?.prefix ?? null}
        and created_at > statement_timestamp() - interval '1 hour')::int as "addressPrefix",
      (select count(*) from enrolments where left(phone, -4) = ${numberPrefix(phone)}
        and created_at > statement_timestamp() - interval '1 hour')::int as "numberPrefix",
      (select count(*) from (
        select from enrolments where created_at > statement_timestamp() - interval '1 hour'
        limit ${IDENTITY_LIMITS.sms_per_hour}) e)::int as all,
      (select extract(epoch from clock_timestamp() - min(created_at)) * 1000 from of_number)::float8 as "ageMs"`
  if (count === undefined) throw new Error('a count answers one row')
  const { passwords_per_number_per_hour: passwords, enrolments_per_number_per_hour: asks } = IDENTITY_LIMITS
  if (count.sent >= passwords || count.asked >= asks) {
    const retryAfterMs = Math.max(1_000, Math.ceil(HOUR_MS - (count.ageMs ?? 0)))
    return { ok: false, cap: 'number', retryAfterMs }
  }
  if (address === null) return null
  const cap = capOfStrangers(count)
  return cap === null ? null : { ok: false, cap, retryAfterMs: HOUR_MS }
}

/** Of the caps that one party may run into for others, the first that is reached. */
function capOfStrangers(count: Counts): Cap | null {
  if (count.address >= IDENTITY_LIMITS.enrolments_per_address_per_hour) return 'address'
  if (count.addressPrefix >= IDENTITY_LIMITS.enrolments_per_address_prefix_per_hour) return 'address_prefix'
  if (count.numberPrefix >= IDENTITY_LIMITS.enrolments_per_number_prefix_per_hour) return 'number_prefix'
  return count.all >= IDENTITY_LIMITS.sms_per_hour ? 'sms' : null
}

export async function recordSent(sql: Sql, id: string, authenticationId: string): Promise<void> {
  await sql`update enrolments set authentication_id = ${authenticationId} where id = ${id}`
}

export async function recordNotSent(sql: Sql, id: string): Promise<void> {
  await sql`update enrolments set failed_at = clock_timestamp() where id = ${id}`
}

export type Enrolment = {
  id: string
  phone: string
  deviceName: string
  publicKey: DevicePublicKey
  jkt: string
  /** Null where caps per address were lifted, and with them the low limits after a new device. */
  address: string | null
}

/** An enrolment whose password went out; null for any other id. */
export async function readEnrolment(sql: Sql, id: string): Promise<Enrolment | null> {
  const [row] = await sql<(Omit<Enrolment, 'publicKey'> & { publicKey: unknown })[]>`
    select id, phone, device_name as "deviceName", public_key as "publicKey", jkt, address
    from enrolments where id = ${id} and authentication_id is not null`
  return row === undefined ? null : { ...row, publicKey: DevicePublicKey.parse(row.publicKey) }
}

export type Try =
  | { kind: 'begun'; authenticationId: string; last: boolean }
  | { kind: 'used'; sameOtp: boolean }
  | { kind: 'expired' | 'exhausted' | 'in_flight' }

/**
 * Begins one try of a password: counted before the operator is asked, one at a
 * time, so that parallel guesses get five tries together and two right answers
 * at once make one device.
 */
export async function beginTry(sql: Sql, id: string, otpHash: Buffer): Promise<Try> {
  const [begun] = await sql<{ authenticationId: string; last: boolean }[]>`
    update enrolments
    set tries = tries + 1,
      checking_until = clock_timestamp() + make_interval(secs => ${IDENTITY_LIMITS.verify_lease_ms / 1_000})
    where id = ${id} and authentication_id is not null and used_at is null
      and expires_at > clock_timestamp() and tries < ${IDENTITY_LIMITS.otp_tries}
      and (checking_until is null or checking_until < clock_timestamp())
    returning authentication_id as "authenticationId", tries = ${IDENTITY_LIMITS.otp_tries} as last`
  if (begun !== undefined) return { kind: 'begun', ...begun }
  const [row] = await sql<
    { used: boolean; sameOtp: boolean | null; checking: boolean; expired: boolean; tries: number }[]
  >`
    select used_at is not null as used, otp_hash = ${otpHash} as "sameOtp", tries,
      coalesce(checking_until > clock_timestamp(), false) as checking,
      expires_at <= clock_timestamp() as expired
    from enrolments where id = ${id}`
  if (row === undefined) return { kind: 'expired' }
  if (row.used) return { kind: 'used', sameOtp: row.sameOtp === true }
  if (row.checking) return { kind: 'in_flight' }
  if (row.tries >= IDENTITY_LIMITS.otp_tries) return { kind: 'exhausted' }
  // Neither: another try ended between the two statements, and this one may start over.
  return { kind: row.expired ? 'expired' : 'in_flight' }
}

/** Ends a try that did not make a device; a try the operator could not judge is given back. */
export async function endTry(sql: Sql, id: string, outcome: 'judged' | 'exhausted' | 'not_judged'): Promise<void> {
  await sql`
    update enrolments
    set checking_until = null,
      tries = case ${outcome}
        when 'exhausted' then ${IDENTITY_LIMITS.otp_tries}
        when 'not_judged' then greatest(tries - 1, 0)
        else tries
      end
    where id = ${id} and used_at is null`
}
