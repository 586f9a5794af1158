import type { Clock } from '../domain/clock.ts'
import type { SimSwap } from '../rails/port.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { LruMap } from './lru.ts'
import type { Sql } from './sql.ts'

/** Which limits a user has: `low` after a new device and a new SIM card, then `full`. */
export type Tier = 'low' | 'full'

export type Tiers = {
  /** A change is seen within a second. */
  of(user: string): Promise<Tier>
  /** What somebody has just read of a user. */
  note(user: string, tier: Tier): void
}

export function makeTiers(deps: { sql: Sql; clock: Pick<Clock, 'monotonic'> }): Tiers {
  const known = new LruMap<string, { tier: Tier; readAt: number }>(IDENTITY_LIMITS.tier_cache_entries)
  const note = (user: string, tier: Tier, readAt = deps.clock.monotonic()): void => known.set(user, { tier, readAt })
  return {
    note,
    async of(user) {
      const now = deps.clock.monotonic()
      const cached = known.get(user)
      if (cached !== undefined && now - cached.readAt < IDENTITY_LIMITS.tier_stale_ms) return cached.tier
      const [row] = await deps.sql<{ low: boolean }[]>`
        select low_limits_until is not null as low from users where id = ${user}`
      const tier = row?.low === true ? 'low' : 'full'
      note(user, tier, now)
      return tier
    },
  }
}

/** When the number's SIM card was changed, ms since the epoch; null where the operator does not say. */
export async function simChangedAt(simSwap: SimSwap, phone: string): Promise<number | null> {
  const signal = AbortSignal.timeout(IDENTITY_LIMITS.sim_date_ms)
  const said = await simSwap.date(phone, signal)
  return said.kind === 'date' ? said.atMs : null
}

/** Low limits hold until then: a day after the newest device, three after a new SIM card, which an unknown one is. */
export function lowUntilMs(deviceMs: number, simChangedAtMs: number | null): number {
  return Math.max(deviceMs + IDENTITY_LIMITS.low_limits_ms, (simChangedAtMs ?? deviceMs) + IDENTITY_LIMITS.sim_swap_ms)
}

/**
 * Raises the limits of those whose time has come. The operator is asked again, since the SIM card may have been changed
 * meanwhile. Until somebody has looked, limits stay low; two hubs do not look at the same user.
 */
export async function raiseLimits(deps: { sql: Sql; simSwap: SimSwap }): Promise<void> {
  const { sql } = deps
  const due = await sql<{ id: string; phone: string; deviceMs: number }[]>`
    update users u
    set low_limits_until = clock_timestamp() + make_interval(secs => ${IDENTITY_LIMITS.raise_lease_ms / 1_000})
    where id in (
      select id from users where low_limits_until <= clock_timestamp()
      order by low_limits_until limit ${IDENTITY_LIMITS.raise_rows} for update skip locked)
    returning id, phone,
      (select extract(epoch from max(d.created_at)) * 1000 from devices d where d.user_id = u.id)::float8 as "deviceMs"`
  const rest = due.values()
  const lane = async (): Promise<void> => {
    for (const { id, phone, deviceMs } of rest) {
      const untilMs = lowUntilMs(deviceMs, await simChangedAt(deps.simSwap, phone))
      // A device that came meanwhile has set a later time, which stands.
      await sql`
        update users
        set low_limits_until = case when to_timestamp(${untilMs / 1_000}) > clock_timestamp() then to_timestamp(${untilMs / 1_000}) end
        where id = ${id} and low_limits_until <= clock_timestamp() + make_interval(secs => ${IDENTITY_LIMITS.raise_lease_ms / 1_000})`
    }
  }
  await Promise.all(Array.from({ length: IDENTITY_LIMITS.raise_parallel }, lane))
}
