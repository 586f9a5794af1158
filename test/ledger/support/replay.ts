import type { Counters, Sql } from '../../../src/ledger/index.ts'

/** History worked out by hand: every transfer read once, in order, and added up here. */

export type Replayed = {
  position: bigint
  id: string
  kind: 'post' | 'reserve' | 'confirm' | 'void' | 'expire'
  debit: string
  credit: string
  amount: bigint
  pending: string | null
  at: Date
  /** What it changes on either side. */
  postedMinor: bigint
  pendingMinor: bigint
}

export async function readHistory(sql: Sql): Promise<Replayed[]> {
  const rows = await sql<Omit<Replayed, 'postedMinor' | 'pendingMinor'>[]>`
    select position, id, kind, debit_account as debit, credit_account as credit, amount, pending_id as pending, at
    from transfers order by position`
  const held = new Map(rows.flatMap(({ id, kind, amount }) => (kind === 'reserve' ? [[id, amount] as const] : [])))
  return rows.map((row) => ({ ...row, ...changes(row, held.get(row.pending ?? '') ?? 0n) }))
}

/** What a transfer changes on either side; `heldMinor` is the amount of the hold it ends. */
function changes(
  of: Pick<Replayed, 'kind' | 'amount'>,
  heldMinor: bigint,
): Pick<Replayed, 'postedMinor' | 'pendingMinor'> {
  switch (of.kind) {
    case 'post':
      return { postedMinor: of.amount, pendingMinor: 0n }
    case 'reserve':
      return { postedMinor: 0n, pendingMinor: of.amount }
    case 'confirm':
      return { postedMinor: of.amount, pendingMinor: -heldMinor }
    case 'void':
    case 'expire':
      return { postedMinor: 0n, pendingMinor: -heldMinor }
  }
}

/** Counters of an account, given as all of its rows, after everything up to a position. */
export function replayUpTo(history: readonly Replayed[], rows: readonly string[], position: bigint): Counters {
  const sum = { debitsPendingMinor: 0n, debitsPostedMinor: 0n, creditsPendingMinor: 0n, creditsPostedMinor: 0n }
  for (const transfer of history) {
    if (transfer.position > position) break
    if (rows.includes(transfer.debit)) {
      sum.debitsPendingMinor += transfer.pendingMinor
      sum.debitsPostedMinor += transfer.postedMinor
    }
    if (rows.includes(transfer.credit)) {
      sum.creditsPendingMinor += transfer.pendingMinor
      sum.creditsPostedMinor += transfer.postedMinor
    }
  }
  return sum
}

/** What a statement of an account, given as all of its rows, must show: each transfer that reaches another account. */
export function linesOf(history: readonly Replayed[], rows: readonly string[]): Replayed[] {
  return history.filter(({ debit, credit }) => rows.includes(debit) !== rows.includes(credit))
}
