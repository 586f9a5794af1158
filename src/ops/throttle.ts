import type { Sql } from '../ledger/index.ts'
import { OPS_LIMITS } from './limits.ts'

/** Counts a try against a key before it is made, so that a hundred at once are a hundred. Ms to wait, or null: go on. */
export async function countTry(sql: Sql, key: string, free: number): Promise<number | null> {
  const [counted] = await sql`
    insert into operator_throttle as t (key, failures, locked_until) values (${key}, 1, clock_timestamp())
    on conflict (key) do update set
      failures = case when ${forgotten(sql)} then 1 else t.failures + 1 end,
      locked_until = clock_timestamp() + make_interval(secs =>
        case when ${forgotten(sql)} or t.failures + 1 < ${free} then 0
          else least(power(2, least(t.failures + 1 - ${free}, 30)), ${OPS_LIMITS.longest_lock_ms / 1_000}) end),
      tried_at = clock_timestamp()
    where t.locked_until <= clock_timestamp()
    returning failures`
  if (counted !== undefined) return null
  const [locked] = await sql<{ ms: number }[]>`
    select ceil(extract(epoch from locked_until - clock_timestamp()) * 1000)::int as ms
    from operator_throttle where key = ${key}`
  return Math.max(1, locked?.ms ?? 1)
}

const forgotten = (sql: Sql) =>
  sql`t.tried_at < clock_timestamp() - make_interval(secs => ${OPS_LIMITS.failures_kept_ms / 1_000})`

/** The password was right: the operator's failures are over, and the address is one try better off. */
export async function forgiveTry(sql: Sql, operatorKey: string, addressKey: string): Promise<void> {
  await sql`delete from operator_throttle where key = ${operatorKey}`
  await sql`
    update operator_throttle set failures = failures - 1 where key = ${addressKey} and failures > 1`
}
