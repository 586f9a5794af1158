import type { Clock } from '../domain/clock.ts'
import type { FeePlan } from '../domain/fee.ts'
import type { Ids } from '../domain/ids.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { LruMap } from './lru.ts'
import type { Sql, TransactionSql } from './sql.ts'

/** A version of a plan as it is kept: rows never change, so whoever has read one knows it for good. */
export type StoredFeePlan = FeePlan & { id: string }

/** Columns of `fee_plans`, sums as text. */
export type PlanRow = {
  id: string
  owner: string
  basis: number
  fixed: string
  minimum: string
  cap: string | null
  authority: string | null
  tax: number | null
  refund: NonNullable<FeePlan['onRefund']>
}

/** For a statement that reads plans as `PlanRow`. */
export const planColumns = (sql: Sql | TransactionSql) => sql`
  id, owner, basis_points as basis, fixed_minor::text as fixed, minimum_minor::text as minimum, cap_minor::text as cap,
  tax_authority as authority, tax_basis_points as tax, on_refund as refund`

/** Whose plan it is that payers pay by, for a kind of payment. */
const payerOf = (kind: string): string => `payer:${kind}`

export type FeePlans = {
  /** The version a payment was priced with; throws where there is none of this id. */
  byId(id: string): Promise<StoredFeePlan>
  /** What payers pay now for a payment of this kind, null where nothing; a change is seen within 2 s. */
  ofPayers(kind: string): Promise<StoredFeePlan | null>
}

export function makeFeePlans(deps: { sql: Sql; clock: Clock }): FeePlans {
  const known = new LruMap<string, StoredFeePlan>(IDENTITY_LIMITS.fee_plan_cache_entries)
  let payers: { readAt: number; plans: Promise<ReadonlyMap<string, StoredFeePlan>> } | null = null

  async function readPayers(): Promise<ReadonlyMap<string, StoredFeePlan>> {
    const rows = await newest(deps.sql, null)
    return new Map(rows.map((row) => [row.owner, planOf(row)]))
  }

  return {
    async byId(id) {
      const there = known.get(id)
      if (there !== undefined) return there
      const [row] = await deps.sql<PlanRow[]>`
        select ${planColumns(deps.sql)} from fee_plans where id = ${id}`
      if (row === undefined) throw new Error(`there is no fee plan ${id}`)
      const plan = planOf(row)
      known.set(id, plan)
      return plan
    },
    async ofPayers(kind) {
      const now = deps.clock.monotonic()
      if (payers === null || now - payers.readAt >= IDENTITY_LIMITS.fee_plan_stale_ms) {
        const read = { readAt: now, plans: readPayers() }
        payers = read
        // A read that failed is nothing known: the next one asks again.
        read.plans.catch(() => {
          if (payers === read) payers = null
        })
      }
      return (await payers.plans).get(payerOf(kind)) ?? null
    },
  }
}

/** The plan in force of an owner, or, where that is null, those of payers for every kind of payment. */
async function newest(sql: Sql | TransactionSql, owner: string | null): Promise<PlanRow[]> {
  return sql<PlanRow[]>`
    select distinct on (owner) ${planColumns(sql)}
    from fee_plans where case when ${owner}::text is null then owner like 'payer:%' else owner = ${owner} end
    order by owner, version desc`
}

/** Adds the next version of a plan where it differs from the one in force. Safe to repeat and to run twice at once. */
export async function publishFeePlan(
  deps: { sql: TransactionSql; ids: Ids },
  of: { merchant: string } | { payersOf: string },
  plan: FeePlan,
): Promise<void> {
  const owner = 'merchant' in of ? of.merchant : payerOf(of.payersOf)
  // Two setups at once: the second waits here and then finds the plan.
  await deps.sql`select pg_advisory_xact_lock(hashtextextended(${`fee-plan:${owner}`}, 0))`
  const [current] = await newest(deps.sql, owner)
  if (current !== undefined && same(planOf(current), plan)) return
  await deps.sql`
    insert into fee_plans (id, owner, version, basis_points, fixed_minor, minimum_minor, cap_minor, tax_authority,
      tax_basis_points, on_refund)
    select ${deps.ids.make('fpl')}, ${owner}, coalesce(max(version), 0) + 1, ${plan.basisPoints.toString()}::integer,
      ${plan.fixedMinor.toString()}::bigint, ${(plan.minimumMinor ?? 0n).toString()}::bigint,
      ${plan.capMinor?.toString() ?? null}::bigint, ${plan.tax?.authority ?? null}::text,
      ${plan.tax?.basisPoints.toString() ?? null}::integer, ${plan.onRefund ?? 'kept'}
    from fee_plans where owner = ${owner}`
}

function same(a: FeePlan, b: FeePlan): boolean {
  return (
    a.basisPoints === b.basisPoints &&
    a.fixedMinor === b.fixedMinor &&
    (a.minimumMinor ?? 0n) === (b.minimumMinor ?? 0n) &&
    a.capMinor === b.capMinor &&
    a.tax?.authority === b.tax?.authority &&
    a.tax?.basisPoints === b.tax?.basisPoints &&
    (a.onRefund ?? 'kept') === (b.onRefund ?? 'kept')
  )
}

export function planOf(row: PlanRow): StoredFeePlan {
  return {
    id: row.id,
    basisPoints: BigInt(row.basis),
    fixedMinor: BigInt(row.fixed),
    ...(row.minimum === '0' ? {} : { minimumMinor: BigInt(row.minimum) }),
    ...(row.cap === null ? {} : { capMinor: BigInt(row.cap) }),
    ...(row.authority === null || row.tax === null
      ? {}
      : { tax: { authority: row.authority, basisPoints: BigInt(row.tax) } }),
    onRefund: row.refund,
  }
}
