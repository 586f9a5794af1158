import type { AccountSpec, Leg, TransferGroup } from '../../src/domain/accounting/index.ts'

/** Legs drawn as T-accounts: debits on the left, credits on the right. */

export const label = (account: AccountSpec) => `${account.code} ${account.name}`

type Total = { name: string; debit: bigint; credit: bigint }

/** Sums by account, in order of code and name. */
export function totals(legs: readonly Leg[]): Total[] {
  const sums = new Map<string, Total>()
  const of = (account: AccountSpec) => {
    const sum = sums.get(label(account)) ?? { name: label(account), debit: 0n, credit: 0n }
    sums.set(sum.name, sum)
    return sum
  }
  for (const leg of legs) {
    of(leg.debit).debit += leg.amountMinor
    of(leg.credit).credit += leg.amountMinor
  }
  return [...sums.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * What the ledger would move where these accounts have so much: a leg up to an
 * amount takes what is there and still missing. @throws where they do not reach the total.
 */
export function moved(group: TransferGroup, available: Readonly<Record<string, bigint>>): readonly Leg[] {
  let missing = group.totalMinor ?? 0n
  const legs = group.legs.map((leg) => {
    if (leg.upTo !== true) return leg
    const has = leg.debit.debitsMustNotExceedCredits ? (available[leg.debit.name] ?? 0n) : missing
    const amountMinor = [leg.amountMinor, has, missing].toSorted((a, b) => (a < b ? -1 : 1))[0] ?? 0n
    missing -= amountMinor
    return { ...leg, amountMinor }
  })
  if (missing > 0n) throw new Error('the example lacks funds')
  return legs.filter((leg) => leg.amountMinor > 0n)
}

const HALF = 13
/** Ts side by side. */
const ABREAST = 3

/** One T for each account the legs touch. */
export function tAccounts(legs: readonly Leg[], money: (minor: bigint) => string): string[] {
  const ts = totals(legs).map(({ name, debit, credit }) => {
    const cell = (minor: bigint) => (minor === 0n ? '' : money(minor)).padStart(HALF - 1)
    const title = name.padStart(Math.floor((2 * HALF + 1 + name.length) / 2)).padEnd(2 * HALF + 1)
    return [title, `${'─'.repeat(HALF)}┬${'─'.repeat(HALF)}`, `${cell(debit)} │${cell(credit)} `]
  })
  const width = Math.max(...ts.flat().map((line) => line.length))
  const lines: string[] = []
  for (let from = 0; from < ts.length; from += ABREAST) {
    if (from > 0) lines.push('')
    for (const row of [0, 1, 2]) {
      const cells = ts.slice(from, from + ABREAST).map((t) => (t[row] ?? '').padEnd(width))
      lines.push(cells.join('    ').trimEnd())
    }
  }
  return lines
}
