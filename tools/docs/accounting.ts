import { CURRENCIES, PAYMENT_STATUSES } from '../../src/contract/index.ts'
import {
  type AllowedPostings,
  captureLegs,
  capturePrice,
  CHART_ROWS,
  type Leg,
  normalSide,
  postingsOf,
  refundShares,
  STATE_POSTINGS,
} from '../../src/domain/accounting/index.ts'
import { type FeePlan, feeMinor, feeOf } from '../../src/domain/fee.ts'
import { toDecimal } from '../../src/domain/money.ts'
import { DAY, type Flow, FLOWS, priced, refunded, SPLIT, type Step } from './accounting-flows.ts'
import { type Blocks, table } from './blocks.ts'
import { moved, tAccounts, totals } from './t-accounts.ts'

/** What docs/accounting.md takes from the code: the chart, the tables of rules, and every flow worked out by the rules that post. */

const CURRENCY = 'KES'
const PLAN: FeePlan = { basisPoints: 150n, fixedMinor: 0n }
const TAX = { authority: 'kra', basisPoints: 1_600n }

/** Fees shown beside each other: ties go to the even unit. */
const FEES_OF: readonly bigint[] = [8_790n, 12_345n, 100n, 300n, 33n, 34n]

export function accountingBlocks(): Blocks {
  return {
    chart: chart(),
    postings: postings(),
    fees: fees(),
    taxes: taxes(),
    shares: shares(),
    capture: capture(),
    'refund-parts': refundParts(),
    states: states(),
    currencies: currencies(),
    ...Object.fromEntries(FLOWS.map((flow) => [flow.name, drawn(flow)])),
    balance: trialBalance(DAY.flatMap((flow) => flow.steps.flatMap(legsOf))),
  }
}

const money = (minor: bigint) => toDecimal(minor, CURRENCIES[CURRENCY]?.exponent ?? 2)

const legsOf = (step: Step): readonly Leg[] => moved(postingsOf(step.event), step.has ?? {})

function drawn(flow: Flow): string {
  const lines = flow.steps.flatMap((step, i) => {
    const ts = tAccounts(legsOf(step), money)
    return flow.steps.length === 1 ? ts : [...(i === 0 ? [] : ['']), `${step.caption}:`, '', ...ts]
  })
  return ['```', ...lines, '```'].join('\n')
}

function chart(): string {
  const flag = (flagged: boolean | string) => {
    if (typeof flagged === 'string') return `\`${flagged}\` alone`
    return flagged ? 'yes' : ''
  }
  return table(
    ['Code', 'Account', 'Class', 'Grows by', 'Must not be overdrawn', 'Several rows'],
    CHART_ROWS.map((row) => [
      String(row.code),
      `${row.names.map((name) => `\`${name}\``).join(' · ')}: ${row.what}`,
      row.class,
      normalSide(row.class),
      flag(row.flagged),
      { no: '', either_side: 'yes', credits: 'credits alone' }[row.sharded],
    ]),
  )
}

/** Every flow in one line a step, by codes. */
function postings(): string {
  const leg = ({ debit, credit, upTo }: Leg) => `${debit.code} / ${credit.code}${upTo === true ? ' up to' : ''}`
  return table(
    ['Flow', 'Dr / Cr, linked', 'How'],
    FLOWS.flatMap((flow) =>
      flow.steps.map((step, i) => {
        const { legs, timing } = postingsOf(step.event)
        const name = i === 0 ? flow.title : `… ${step.caption}`
        return [name, legs.map(leg).join(', '), timing === 'reserve' ? 'held, then confirmed or voided' : 'at once']
      }),
    ),
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

function taxes(): string {
  return table(
    ['Gross', 'Fee', 'of it tax', 'of it ours'],
    FEES_OF.map((gross) => {
      const { feeMinor: fee, tax } = feeOf(gross, { ...PLAN, tax: TAX })
      const amount = tax?.amountMinor ?? 0n
      return [`${gross}`, `${fee}`, `${amount}`, `${fee - amount}`]
    }),
  )
}

function shares(): string {
  return table(
    ['Gross', 'Fee', 'Net', 'market', 'farm'],
    [100_000n, 12_345n, 101n].map((gross) => {
      const price = priced(gross, SPLIT)
      const parts = price.shares.map((share) => `${share.amountMinor}`)
      return [`${gross}`, `${price.feeMinor}`, `${gross - price.feeMinor}`, ...parts]
    }),
  )
}

function capture(): string {
  const held = priced(100_000n, SPLIT)
  const part = capturePrice(held, 60_000n, SPLIT)
  if (!part.ok) throw new Error(part.error)
  const source = { type: 'wallet', user: 'amina' } as const
  const holds = postingsOf({ type: 'purchase', source, price: held, timing: 'reserve' }).legs
  const rows = captureLegs(source, held, part.value).map((leg, i) => {
    const hold = holds[i]?.amountMinor ?? 0n
    return [
      `${leg.debit.code} / ${leg.credit.code} ${leg.credit.name}`,
      `${hold}`,
      `${leg.amountMinor}`,
      `${hold - leg.amountMinor}`,
    ]
  })
  return table(['Leg', 'Held', 'Confirmed', 'Released'], rows)
}

/** A whole payment refunded in three parts. */
function refundParts(): string {
  const price = priced(100_000n, SPLIT)
  const receivers = price.shares.map((share) => ({
    merchant: share.merchant,
    shareMinor: share.amountMinor,
    refundedMinor: 0n,
  }))
  let refundedMinor = 0n
  const rows = [33_333n, 33_333n, 33_334n].map((amount) => {
    const of = { feeMinor: price.feeMinor, tax: null, capturedMinor: 100_000n, refundedMinor }
    const part = refunded(amount, { ...of, onRefund: 'proportional' })
    const borne = refundShares(part.fromMerchantsMinor, receivers)
    for (const [i, receiver] of receivers.entries()) receiver.refundedMinor += borne[i]?.amountMinor ?? 0n
    refundedMinor += amount
    return [amount, part.feeMinor, ...borne.map((share) => share.amountMinor)]
  })
  const sum = rows.reduce((all, row) => all.map((value, i) => value + (row[i] ?? 0n)))
  const cells = (row: readonly bigint[]) => row.map((value) => `${value}`)
  return table(['Refund', 'from our fee', 'from market', 'from farm'], [...rows.map(cells), cells(sum)])
}

function states(): string {
  const said = (allowed: AllowedPostings | null) => {
    if (allowed === null) return '–'
    if (allowed.held === 'amount') return 'amount held'
    return allowed.posted === 'captured' ? 'captured amount posted' : 'nothing'
  }
  return table(
    ['State', 'before it was accepted', 'since it was accepted'],
    PAYMENT_STATUSES.map((status) => {
      const row = STATE_POSTINGS[status]
      return [`\`${status}\``, said(row.unaccepted), said(row.accepted)]
    }),
  )
}

function currencies(): string {
  return table(
    ['Code', 'Name', 'Exponent', 'Number', '1,000 minor units'],
    Object.entries(CURRENCIES).map(([code, { name, exponent, numeric }]) => [
      code,
      name,
      String(exponent),
      numeric,
      `${code} ${toDecimal(1_000n, exponent)}`,
    ]),
  )
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
