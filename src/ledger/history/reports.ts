import { type AccountClass, chartRow, normalSide } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { type AsOf, positionOf } from './position.ts'

/** One account of a trial balance, its shards as one; net of what is posted, on the side where it stands. */
export type TrialBalanceRow = {
  account: string
  code: number
  name: string
  debitMinor: bigint
  creditMinor: bigint
}

export type TrialBalance = {
  /** Null: the counters as they are now. */
  position: bigint | null
  /** In order of code and name; accounts that stand at 0 are left out. */
  rows: TrialBalanceRow[]
  debitMinor: bigint
  creditMinor: bigint
}

/** A code of the chart in a report, on the side where its class grows. */
export type ReportLine = { code: number; amountMinor: bigint }
export type BalanceSheet = {
  position: bigint | null
  assets: ReportLine[]
  liabilities: ReportLine[]
  equity: ReportLine[]
  /** Income less expenses since the books were opened. */
  resultMinor: bigint
  assetsMinor: bigint
  /** Liabilities, equity and result: equal to the assets, or the books are broken. */
  claimsMinor: bigint
}
export type IncomeStatement = {
  from: bigint
  to: bigint
  income: ReportLine[]
  expenses: ReportLine[]
  incomeMinor: bigint
  expensesMinor: bigint
  resultMinor: bigint
}

/** By the chart, and where it has no such code by the code's first digit; null for what counts no money (limits). */
export function classOf(code: number): AccountClass | null {
  const byDigit: readonly (AccountClass | null)[] = [null, 'asset', 'liability', 'equity', 'income', 'expense']
  return chartRow(code)?.class ?? byDigit[Math.floor(code / 1_000)] ?? null
}

/** @throws NotSealedYet */
export async function trialBalance(sql: Query, ledger: number, asOf?: AsOf): Promise<TrialBalance> {
  if (asOf !== undefined) {
    const position = await positionOf(sql, asOf)
    return { position, ...summed(await rowsAt(sql, ledger, position, 0)) }
  }
  const rows = await sql<NetRow[]>`
    select main as account, code, min(name) as name, sum(debits_posted - credits_posted)::bigint as net
    from accounts where ledger = ${ledger}
    group by main, code having sum(debits_posted - credits_posted) <> 0 order by code, name`
  return { position: null, ...summed(rows) }
}

type NetRow = { account: string; code: number; name: string; net: bigint }

function rowsAt(sql: Query, ledger: number, position: bigint, fromCode: number): Promise<NetRow[]> {
  return sql<NetRow[]>`
    select a.main as account, a.code, min(a.name) as name, sum(b.debits_posted - b.credits_posted)::bigint as net
    from accounts a cross join lateral balance_at(a.id, ${position.toString()}) b
    where a.ledger = ${ledger} and a.code >= ${fromCode}
    group by a.main, a.code having sum(b.debits_posted - b.credits_posted) <> 0 order by a.code, name`
}

function summed(found: readonly NetRow[]): Omit<TrialBalance, 'position'> {
  const rows = found.map(({ net, ...row }) => ({
    ...row,
    debitMinor: net > 0n ? net : 0n,
    creditMinor: net < 0n ? -net : 0n,
  }))
  return {
    rows,
    debitMinor: rows.reduce((sum, row) => sum + row.debitMinor, 0n),
    creditMinor: rows.reduce((sum, row) => sum + row.creditMinor, 0n),
  }
}

/** Rows of one class, a line a code, on the side where the class grows. */
function section(rows: readonly TrialBalanceRow[], of: AccountClass): ReportLine[] {
  const byCode = new Map<number, bigint>()
  for (const { code, debitMinor, creditMinor } of rows) {
    if (classOf(code) !== of) continue
    const net = normalSide(of) === 'debit' ? debitMinor - creditMinor : creditMinor - debitMinor
    byCode.set(code, (byCode.get(code) ?? 0n) + net)
  }
  return [...byCode].map(([code, amountMinor]) => ({ code, amountMinor })).filter((line) => line.amountMinor !== 0n)
}

const total = (lines: readonly ReportLine[]): bigint => lines.reduce((sum, line) => sum + line.amountMinor, 0n)

/** What we have and who may claim it, at a moment. @throws NotSealedYet */
export async function balanceSheet(sql: Query, ledger: number, asOf?: AsOf): Promise<BalanceSheet> {
  const { position, rows } = await trialBalance(sql, ledger, asOf)
  const [assets, liabilities, equity] = [section(rows, 'asset'), section(rows, 'liability'), section(rows, 'equity')]
  const resultMinor = total(section(rows, 'income')) - total(section(rows, 'expense'))
  return {
    position,
    assets,
    liabilities,
    equity,
    resultMinor,
    assetsMinor: total(assets),
    claimsMinor: total(liabilities) + total(equity) + resultMinor,
  }
}

/** What was earned and spent after one moment, up to another; by default all of sealed history. @throws NotSealedYet */
export async function incomeStatement(
  sql: Query,
  ledger: number,
  period: { from?: AsOf; to?: AsOf } = {},
): Promise<IncomeStatement> {
  const from = period.from === undefined ? 0n : await positionOf(sql, period.from)
  const to = await positionOf(sql, period.to)
  const FIRST_INCOME = 4_000
  const before = summed(await rowsAt(sql, ledger, from, FIRST_INCOME)).rows
  const after = summed(await rowsAt(sql, ledger, to, FIRST_INCOME)).rows
  const opposite = before.map((row) => ({ ...row, debitMinor: row.creditMinor, creditMinor: row.debitMinor }))
  const moves = [...after, ...opposite]
  const [income, expenses] = [section(moves, 'income'), section(moves, 'expense')]
  const [incomeMinor, expensesMinor] = [total(income), total(expenses)]
  return { from, to, income, expenses, incomeMinor, expensesMinor, resultMinor: incomeMinor - expensesMinor }
}
