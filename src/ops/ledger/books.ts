import { chartRow } from '../../domain/accounting/index.ts'
import { signedDecimal } from '../../domain/money.ts'
import type { LedgerOf, Query, ReportLine } from '../../ledger/index.ts'
import { OpsRefusal } from '../refusal.ts'

/**
 * The ledgers that count money, one a currency, or that of one currency.
 *
 * @throws OpsRefusal
 */
export async function booksOf(sql: Query, currency: string | undefined): Promise<LedgerOf[]> {
  const all = await sql<LedgerOf[]>`
    select id, currency, exponent::int as exponent from ledgers where tenant = 'default' order by currency`
  if (currency === undefined) return all
  const books = all.filter((each) => each.currency === currency)
  if (books.length > 0) return books
  const known =
    all.length === 0 ? 'there are none' : `there are books in ${all.map((each) => each.currency).join(', ')}`
  throw new OpsRefusal('unknown_currency', '--currency', `no books are kept in "${currency}"; ${known}`)
}

/** An amount with its currency's decimals, and without one: its column says which. */
export const amountIn =
  ({ exponent }: { exponent: number }) =>
  (amountMinor: bigint): string =>
    signedDecimal(amountMinor, exponent)

/** What a code of the chart stands for. */
export const whatIs = (code: number): string => chartRow(code)?.what ?? 'not in the chart of accounts'

/** A section of a report for people: its lines, then its total. */
export function sectionRows(
  title: string,
  lines: readonly ReportLine[],
  totalMinor: bigint,
  amount: (amountMinor: bigint) => string,
): string[][] {
  return [
    [title, ''],
    ...lines.map(({ code, amountMinor }) => [`  ${String(code)}  ${whatIs(code)}`, amount(amountMinor)]),
    [`  total`, amount(totalMinor)],
    [],
  ]
}

/** The same for `--json`. */
export const sectionJson = (lines: readonly ReportLine[]): object[] =>
  lines.map(({ code, amountMinor }) => ({ code, what: whatIs(code), amount: amountMinor }))
