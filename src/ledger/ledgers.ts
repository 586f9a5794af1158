import type { Sql } from './database.ts'

/** A ledger is a currency of a tenant; there is one tenant so far, and one that counts limits beside its money. */
type Tenant = 'default' | 'limits'

export type LedgerOf = { id: number; currency: string; exponent: number }

/** The ledger of a currency, made if it is new. */
export async function ensureLedger(
  sql: Sql,
  currency: string,
  exponent: number,
  tenant: Tenant = 'default',
): Promise<LedgerOf> {
  await sql`
    insert into ledgers (id, tenant, currency, exponent)
    select coalesce(max(id), 0) + 1, ${tenant}, ${currency}, ${exponent} from ledgers
    on conflict (tenant, currency) do nothing`
  return findLedger(sql, currency, tenant)
}

/** Throws where setup has not made it. */
export async function findLedger(sql: Sql, currency: string, tenant: Tenant = 'default'): Promise<LedgerOf> {
  const [row] = await sql<LedgerOf[]>`
    select id, currency, exponent from ledgers where tenant = ${tenant} and currency = ${currency}`
  if (row === undefined) throw new Error(`there is no ledger in ${currency}: run setup first`)
  return row
}
