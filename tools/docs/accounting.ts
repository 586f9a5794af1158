import { CURRENCIES, type PaymentKind } from '../../src/contract/index.ts'
import { type FeePlan, feeMinor } from '../../src/domain/fee.ts'
import { toDecimal } from '../../src/domain/money.ts'
import { type AccountSpec, CHART_ROWS, type Leg, paymentLegs } from '../../src/domain/accounting/index.ts'
import { type Blocks, table } from './blocks.ts'

/** The worked examples of docs/accounting.md: one day of Amina, computed by the rules that post. */

const CURRENCY = 'KES'
const PLAN: FeePlan = { basisPoints: 150n, fixedMinor: 0n }

type Flow = { name: string; kind: PaymentKind; amountMinor: bigint; payer: string; payee: string; rail: string | null }

const FLOWS: readonly Flow[] = [
  { name: 'topup', kind: 'topup', amountMinor: 50_000n, payer: 'amina', payee: 'self', rail: 'demo-bank' },
  { name: 'purchase-wallet', kind: 'purchase', amountMinor: 12_345n, payer: 'amina', payee: 'coffee', rail: null },
  { name: 'purchase-bank', kind: 'purchase', amountMinor: 8_790n, payer: 'amina', payee: 'books', rail: 'demo-bank' },
  { name: 'transfer', kind: 'transfer', amountMinor: 10_000n, payer: 'amina', payee: 'baraka', rail: null },
  { name: 'withdrawal', kind: 'withdrawal', amountMinor: 5_000n, payer: 'amina', payee: 'self', rail: 'demo-bank' },
]

/** Fees shown beside each other: ties go to the even unit. */
const FEES_OF: readonly bigint[] = [8_790n, 12_345n, 100n, 300n, 33n, 34n]

export function legsOf(flow: Flow): readonly Leg[] {
  const fee = flow.kind === 'purchase' ? feeMinor(flow.amountMinor, PLAN) : 0n
  return paymentLegs({ ...flow, feeMinor: fee })
}

export function accountingBlocks(): Blocks {
  return {
    chart: chart(),
    fees: fees(),
    ...Object.fromEntries(FLOWS.map((flow) => [flow.name, tAccounts(legsOf(flow))])),
    balance: trialBalance(FLOWS.flatMap(legsOf)),
  }
}

const money = (minor: bigint) => toDecimal(minor, CURRENCIES[CURRENCY]?.exponent ?? 2)

function chart(): string {
  const flag = (flagged: boolean | string) =>
    flagged === false ? '' : flagged === true ? 'yes' : `\`${flagged}\` alone`
  return table(
    ['Code', 'Account', 'Class', 'Must not be overdrawn', 'Several rows'],
    CHART_ROWS.map((row) => [
      String(row.code),
      `${row.names.map((name) => `\`${name}\``).join(' · ')}: ${row.what}`,
      row.class,
      flag(row.flagged),
      row.sharded ? 'yes' : '',
    ]),
  )
}

function fees(): string {
  return table(
    ['Gross', '× 150 / 10 000', 'Fee', 'Net'],
    FEES_OF.map((gross) => {
      const fee = feeMinor(gross, PLAN)
      const exact = toDecimal(gross * PLAN.basisPoints, 4)
      return [`${gross}`, exact, `${fee}`, `${gross - fee}`]
    }),
  )
}

const label = (account: AccountSpec) => `${account.code} ${account.name}`

/** Sums by account, in order of code and name. */
function totals(legs: readonly Leg[]): { name: string; debit: bigint; credit: bigint }[] {
  const sums = new Map<string, { name: string; debit: bigint; credit: bigint }>()
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

const HALF = 13

/** One T for each account the legs touch. */
function tAccounts(legs: readonly Leg[]): string {
  const ts = totals(legs).map(({ name, debit, credit }) => {
    const cell = (minor: bigint) => (minor === 0n ? '' : money(minor)).padStart(HALF - 1)
    const title = name.padStart(Math.floor((2 * HALF + 1 + name.length) / 2)).padEnd(2 * HALF + 1)
    return [title, `${'─'.repeat(HALF)}┬${'─'.repeat(HALF)}`, `${cell(debit)} │${cell(credit)} `]
  })
  const width = Math.max(...ts.flat().map((line) => line.length))
  const rows = [0, 1, 2].map((row) =>
    ts
      .map((t) => (t[row] ?? '').padEnd(width))
      .join('    ')
      .trimEnd(),
  )
  return ['```', ...rows, '```'].join('\n')
}

/** Every account after the five flows; wallets and merchants as what we owe them. */
function trialBalance(legs: readonly Leg[]): string {
  const rows = totals(legs).map(({ name, debit, credit }) => {
    const net = debit - credit
    return [name, net > 0n ? money(net) : '', net < 0n ? money(-net) : '']
  })
  const sum = (side: 1 | -1) =>
    totals(legs).reduce((all, { debit, credit }) => {
      const net = (debit - credit) * BigInt(side)
      return net > 0n ? all + net : all
    }, 0n)
  return table(['Account', 'Debit', 'Credit'], [...rows, ['**Sum**', `**${money(sum(1))}**`, `**${money(sum(-1))}**`]])
}

/** Codes that the chart must list. */
export const CHART = CHART_ROWS.map((row) => row.code)
