import type { Query, Sql } from '../database.ts'
import { type TrialBalance, trialBalance } from '../history/index.ts'
import { balance } from './balance.ts'
import { chain } from './chain.ts'
import { clearing } from './clearing.ts'
import { counters } from './counters.ts'
import { cover } from './cover.ts'
import { feeds } from './feeds.ts'
import { type Breach, type Check, INVARIANTS, type Invariant } from './finding.ts'
import { history } from './history.ts'
import { holds } from './holds.ts'
import { prefixes } from './prefixes.ts'
import { rails } from './rails.ts'
import { references } from './references.ts'
import { states } from './states.ts'

export { type Breach, INVARIANTS, type Invariant } from './finding.ts'

/**
 * The audit: invariants proved from the tables, on a live system, as of one
 * moment (one REPEATABLE READ transaction). Each check names the rows that break it.
 */

const CHECKS: Readonly<Record<Invariant, Check>> = {
  L1: balance,
  L2: counters,
  L3: prefixes,
  L4: holds,
  L5: states,
  L6: rails,
  L7: clearing,
  L8: cover,
  references,
  history,
  chain,
  feeds,
}

export type AuditReport = {
  at: string
  accounts: number
  transfers: number
  openHolds: number
  /** `not_proved`: nothing speaks against it, and `note` says what there was nothing to prove it by. */
  checks: { invariant: Invariant; status: 'holds' | 'broken' | 'not_proved'; note: string | null }[]
  breaches: Breach[]
  /** Of each ledger of money, at the same moment. */
  trialBalances: (TrialBalance & { ledger: number; currency: string; exponent: number })[]
}

export async function audit(sql: Sql): Promise<AuditReport> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    // Reading all of history takes as long as it takes.
    await tx`set local statement_timeout = 0`
    // Every check goes through whole tables: a row at a time would take hours where statistics are old.
    await tx`set local enable_nestloop = off`
    return auditIn(tx)
  })
}

/** The same within a transaction of the caller's, which sees one moment throughout. */
export async function auditIn(tx: Query): Promise<AuditReport> {
  const [size] = await tx<{ at: Date; accounts: number; transfers: number; holds: number }[]>`
    select now() as at, (select count(*)::int from accounts) as accounts,
      (select count(*)::int from transfers) as transfers, (select count(*)::int from holds) as holds`
  if (size === undefined) throw new Error('the database did not count its tables')
  const checks: AuditReport['checks'] = []
  const breaches: Breach[] = []
  for (const invariant of INVARIANTS) {
    const { broken, unproved = null } = await CHECKS[invariant](tx)
    const status = broken.length > 0 ? 'broken' : unproved === null ? 'holds' : 'not_proved'
    checks.push({ invariant, status, note: unproved })
    breaches.push(...broken.map((what) => ({ invariant, what })))
  }
  const ledgers = await tx<{ ledger: number; currency: string; exponent: number }[]>`
    select id as ledger, currency, exponent::int as exponent from ledgers where tenant = 'default' order by id`
  const trialBalances: AuditReport['trialBalances'] = []
  for (const ledger of ledgers) trialBalances.push({ ...ledger, ...(await trialBalance(tx, ledger.ledger)) })
  const { accounts, transfers, holds: openHolds } = size
  return { at: size.at.toISOString(), accounts, transfers, openHolds, checks, breaches, trialBalances }
}
