import { createHmac } from 'node:crypto'
import type { Sql } from './sql.ts'
import type { Clock } from '../domain/clock.ts'
import type { FeePlan } from '../domain/fee.ts'
import type { Ids } from '../domain/ids.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { type PlanRow, planColumns, planOf, publishFeePlan, type StoredFeePlan } from './fee-plans.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { LruMap } from './lru.ts'

/** `feePlan`: the version in force. `key`: by which its key is found again. */
export type Merchant = { merchant: string; name: string; feePlan: StoredFeePlan; key: string }

export type AuthenticateMerchant = (secretKey: string) => Promise<Result<Merchant, Refusal>>

const KEY_FORM = /^sk_(test|live)_[0-9A-Za-z_-]{16,120}$/
const PREFIX_CHARACTERS = 12

/** HMAC-SHA256 under the pepper. Keys are random, so a plain lookup by it is constant-time where it matters. */
export function merchantKeyHash(pepper: Uint8Array, secretKey: string): Buffer {
  return createHmac('sha256', pepper).update('mooring:merchant-key\0').update(secretKey).digest()
}

/** Turns a merchant's secret key into the merchant; `unauthenticated` for any other text. A revocation is honoured within 2 s. */
export function makeAuthenticateMerchant(deps: {
  sql: Sql
  clock: Clock
  pepper: Uint8Array
  env: 'test' | 'live'
}): AuthenticateMerchant {
  const known = new LruMap<string, { value: Merchant; readAt: number }>(IDENTITY_LIMITS.merchant_cache_entries)
  const unknown = err(refuse('unauthenticated', 'The secret key is not one of ours.'))

  return async (secretKey) => {
    if (KEY_FORM.exec(secretKey)?.[1] !== deps.env) return unknown
    const hash = merchantKeyHash(deps.pepper, secretKey)
    const name = hash.toString('base64url')
    const cached = known.get(name)
    const readAt = deps.clock.monotonic()
    if (cached !== undefined && readAt - cached.readAt < IDENTITY_LIMITS.merchant_stale_ms) return ok(cached.value)
    const read = await merchantOf(deps.sql, hash)
    if (read === null) {
      known.delete(name)
      return unknown
    }
    const value = { ...read, key: name }
    known.set(name, { value, readAt })
    return ok(value)
  }
}

function merchantOf(sql: Sql, hash: Buffer): Promise<Omit<Merchant, 'key'> | null> {
  return readMerchant(
    sql,
    sql`(select merchant from merchant_keys
      where hash = ${hash} and (revoked_at is null or revoked_at > clock_timestamp()))`,
  )
}

/** A merchant that can be paid; null where there is none of this id, or its account is closed. */
export function findMerchant(sql: Sql, id: string): Promise<Omit<Merchant, 'key'> | null> {
  return readMerchant(sql, sql`${id}`)
}

async function readMerchant(sql: Sql, id: ReturnType<Sql>): Promise<Omit<Merchant, 'key'> | null> {
  const [row] = await sql<(PlanRow & { merchant: string; name: string })[]>`
    select m.id as merchant, m.name, f.*
    from merchants m
    cross join lateral (
      select ${planColumns(sql)} from fee_plans where owner = m.id order by version desc limit 1) f
    where m.id = ${id} and m.status = 'active'`
  return row === undefined ? null : { merchant: row.merchant, name: row.name, feePlan: planOf(row) }
}

/** How a secret key stands, of which a token was made; null where there is none. */
export type KeyStanding = { merchant: string; revoked: boolean; closed: boolean }

/** As it was a second ago at most, one read at a time for each. */
function aSecondAgo<T>(clock: Clock, read: (name: string) => Promise<T>): (name: string) => Promise<T> {
  const known = new LruMap<string, { value: Promise<T>; readAt: number }>(IDENTITY_LIMITS.merchant_cache_entries)
  return (name) => {
    const cached = known.get(name)
    const readAt = clock.monotonic()
    if (cached !== undefined && readAt - cached.readAt < IDENTITY_LIMITS.merchant_stale_ms) return cached.value
    const value = read(name)
    known.set(name, { value, readAt })
    value.catch(() => known.delete(name))
    return value
  }
}

type Reading = { sql: Sql; clock: Clock }

export function makeKeyStanding({ sql, clock }: Reading): (key: string) => Promise<KeyStanding | null> {
  return aSecondAgo(clock, (key) => readStanding(sql, Buffer.from(key, 'base64url')))
}

/** Whether a merchant may still be paid what it asked for: not once its account is closed. */
export function makeMerchantIsOpen({ sql, clock }: Reading): (merchant: string) => Promise<boolean> {
  return aSecondAgo(clock, async (merchant) => {
    const rows = await sql`select from merchants where id = ${merchant} and status = 'active'`
    return rows.length > 0
  })
}

async function readStanding(sql: Sql, hash: Buffer): Promise<KeyStanding | null> {
  const [row] = await sql<KeyStanding[]>`
    select k.merchant, coalesce(k.revoked_at <= clock_timestamp(), false) as revoked, m.status = 'closed' as closed
    from merchant_keys k join merchants m on m.id = k.merchant where k.hash = ${hash}`
  return row ?? null
}

export type NewMerchant = {
  name: string
  secretKey: string
  feePlan: FeePlan
  storeName: string
}

/**
 * Makes a merchant with one key and one store, or finds the one this key
 * already belongs to; its name is then left as it is, and another fee plan is
 * its next version. Safe to repeat and to run twice at once: the key's hash decides.
 */
export async function createMerchant(
  deps: { sql: Sql; ids: Ids; pepper: Uint8Array },
  input: NewMerchant,
): Promise<{ id: string; store: string }> {
  if (!KEY_FORM.test(input.secretKey)) throw new Error(`the secret key of merchant "${input.name}" is ill-formed`)
  const hash = merchantKeyHash(deps.pepper, input.secretKey)
  return deps.sql.begin(async (sql) => {
    // Two setups at once: the second waits here and then finds the key.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`merchant-key:${hash.toString('hex')}`}, 0))`
    const [owner] = await sql<{ merchant: string }[]>`select merchant from merchant_keys where hash = ${hash}`
    const id = owner?.merchant ?? deps.ids.make('mer')
    if (owner === undefined) {
      await sql`insert into merchants (id, name) values (${id}, ${input.name})`
      await sql`
        insert into merchant_keys (hash, merchant, prefix)
        values (${hash}, ${id}, ${input.secretKey.slice(0, PREFIX_CHARACTERS)})`
    }
    await publishFeePlan({ sql, ids: deps.ids }, { merchant: id }, input.feePlan)
    await sql`
      insert into stores (id, merchant, name) values (${deps.ids.make('sto')}, ${id}, ${input.storeName})
      on conflict (merchant, name) do nothing`
    const [store] = await sql<{ id: string }[]>`
      select id from stores where merchant = ${id} and name = ${input.storeName}`
    if (store === undefined) throw new Error('a store just made is not there')
    return { id, store: store.id }
  })
}
