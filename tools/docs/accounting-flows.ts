import {
  type AccountingEvent,
  type MoneySource,
  type Price,
  type PricePlan,
  priceOf,
  type RefundPrice,
  refundPrice,
} from '../../src/domain/accounting/index.ts'
import { type FeePlan, feeOf, NO_FEE } from '../../src/domain/fee.ts'

/** The worked examples of docs/accounting.md, as the events that the rules post. */

/** One event of an example; `has` is what an account can spend, for legs up to an amount. */
export type Step = { caption: string; event: AccountingEvent; has?: Readonly<Record<string, bigint>> }

export type Flow = { name: string; title: string; steps: readonly Step[] }

const DAY_FEE: FeePlan = { basisPoints: 150n, fixedMinor: 0n }
const TAXED: FeePlan = { ...DAY_FEE, tax: { authority: 'kra', basisPoints: 1_600n } }

const sole = (merchant: string) => [{ merchant, basisPoints: 10_000n }]

export function priced(grossMinor: bigint, plan: PricePlan): Price {
  const price = priceOf(grossMinor, plan)
  if (!price.ok) throw new Error(price.error)
  return price.value
}

export function refunded(amountMinor: bigint, of: Parameters<typeof refundPrice>[1]): RefundPrice {
  const price = refundPrice(amountMinor, of)
  if (!price.ok) throw new Error(price.error)
  return price.value
}

const wallet: MoneySource = { type: 'wallet', user: 'amina' }
const bank: MoneySource = { type: 'bank', rail: 'demo-bank' }
const trust = { type: 'cash', bank: 'demo-bank', purpose: 'trust' } as const
const rail = 'demo-bank'
const operator = 'demo-mobile'
const amountMinor = 10_000n

function purchase(source: MoneySource, grossMinor: bigint, plan: PricePlan): AccountingEvent {
  return { type: 'purchase', source, price: priced(grossMinor, plan), timing: 'reserve' }
}

const one = (name: string, title: string, event: AccountingEvent, has?: Step['has']): Flow => ({
  name,
  title,
  steps: [{ caption: title, event, ...(has === undefined ? {} : { has }) }],
})

/** A split of the net: the market keeps what is left, the farm has 70 %. */
export const SPLIT: PricePlan = {
  fee: DAY_FEE,
  splits: [
    { merchant: 'market', basisPoints: 0n },
    { merchant: 'farm', basisPoints: 7_000n },
  ],
}

/** One day of Amina, in the amounts of the demo. */
export const DAY: readonly Flow[] = [
  one('topup', 'Top-up', { type: 'topup', user: 'amina', rail, amountMinor: 50_000n }),
  one(
    'purchase-wallet',
    'Purchase from the wallet',
    purchase(wallet, 12_345n, { fee: DAY_FEE, splits: sole('coffee') }),
  ),
  one('purchase-bank', 'Purchase from the bank', purchase(bank, 8_790n, { fee: DAY_FEE, splits: sole('books') })),
  one('transfer', 'Transfer to a person', {
    type: 'transfer',
    from: 'amina',
    to: 'baraka',
    amountMinor,
    payerFee: NO_FEE,
    timing: 'reserve',
  }),
  one('withdrawal', 'Withdrawal', { type: 'withdrawal', user: 'amina', rail, amountMinor: 5_000n, payerFee: NO_FEE }),
]

const COFFEE = { merchant: 'coffee' } as const
const pays = feeOf(12_345n, TAXED)
const captured = { ...pays, capturedMinor: 12_345n, refundedMinor: 0n }

const PAYMENTS: readonly Flow[] = [
  one(
    'purchase-mobile-money',
    'Purchase by mobile money',
    purchase({ type: 'mobile_money', operator }, 20_000n, { fee: DAY_FEE, splits: sole('coffee') }),
  ),
  one(
    'purchase-phone-bill',
    'Purchase on the phone bill',
    purchase({ type: 'operator', operator }, 20_000n, {
      fee: DAY_FEE,
      splits: sole('coffee'),
      commission: { basisPoints: 1_000n, fixedMinor: 0n },
    }),
  ),
  one('tax', 'Tax on a fee', purchase(wallet, 12_345n, { fee: TAXED, splits: sole('coffee') })),
  one('payer-fee', 'Payer’s fee', {
    type: 'withdrawal',
    user: 'amina',
    rail,
    amountMinor: 5_000n,
    payerFee: feeOf(5_000n, { basisPoints: 0n, fixedMinor: 500n, tax: { authority: 'kra', basisPoints: 1_600n } }),
  }),
  one('split', 'Split purchase', purchase(wallet, 100_000n, SPLIT)),
  one(
    'refund',
    'Refund, fee kept',
    {
      type: 'refund',
      to: wallet,
      ...COFFEE,
      price: refunded(12_345n, { ...captured, onRefund: 'kept' }),
      creditMinor: 5_000n,
      timing: 'reserve',
    },
    {
      'merchant:coffee:pending': 3_000n,
      'merchant:coffee:available': 6_000n,
      'receivable:merchant:coffee:credit': 5_000n,
    },
  ),
  one(
    'refund-proportional',
    'Refund, fee proportional',
    {
      type: 'refund',
      to: bank,
      ...COFFEE,
      price: refunded(5_000n, { ...captured, onRefund: 'proportional' }),
      creditMinor: 0n,
      timing: 'reserve',
    },
    { 'merchant:coffee:pending': 12_160n },
  ),
]

const MERCHANTS: readonly Flow[] = [
  one('settlement', 'Settlement', { type: 'settlement', ...COFFEE, amountMinor }),
  one('payout', 'Payout', { type: 'payout', ...COFFEE, rail, amountMinor }),
]

const STATEMENTS: readonly Flow[] = [
  one('statement-in', 'Statement line, in', {
    type: 'statement_line',
    direction: 'in',
    rail,
    place: trust,
    amountMinor: 50_000n,
  }),
  one('statement-out', 'Statement line, out', {
    type: 'statement_line',
    direction: 'out',
    rail,
    place: trust,
    amountMinor: 5_000n,
  }),
  one('rail-charge', 'Rail’s charge', { type: 'rail_charge', rail, bank: rail, purpose: 'own', amountMinor: 250n }),
  one('operator-remits', 'Operator remits', { type: 'operator_remits', operator, bank: rail, amountMinor: 18_000n }),
  {
    name: 'float-swept',
    title: 'Float swept to the bank',
    steps: [
      { caption: 'ordered', event: { type: 'float_swept', operator, rail, amountMinor: 20_000n } },
      {
        caption: 'on the bank’s statement',
        event: { type: 'statement_line', direction: 'in', rail, place: trust, amountMinor: 20_000n },
      },
    ],
  },
  one('revenue-to-own', 'Revenue to own cash', { type: 'revenue_to_own_cash', bank: rail, amountMinor: 317n }),
  one('own-to-trust', 'Own cash to trust', { type: 'own_cash_to_trust', bank: rail, amountMinor }),
  one('capital', 'Capital paid in', { type: 'capital_paid_in', bank: rail, amountMinor: 1_000_000_000n }),
]

const BREAKS: readonly Flow[] = [
  {
    name: 'break-came-voided',
    title: 'Break: money came, we voided',
    steps: [
      { caption: 'found', event: { type: 'break_found', break: 'came_voided', rail, amountMinor } },
      {
        caption: 'then to the user',
        event: {
          type: 'break_ended',
          break: 'came_voided',
          by: { type: 'credit_user', user: 'amina' },
          rail,
          amountMinor,
        },
      },
      {
        caption: 'or sent back',
        event: { type: 'break_ended', break: 'came_voided', by: { type: 'send_back' }, rail, amountMinor },
      },
    ],
  },
  {
    name: 'break-missing-posted',
    title: 'Break: money did not come, we posted',
    steps: [
      { caption: 'found', event: { type: 'break_found', break: 'missing_posted', rail, amountMinor } },
      {
        caption: 'then from a merchant that has 60.00 unsettled',
        event: {
          type: 'break_ended',
          break: 'missing_posted',
          by: { type: 'charge_merchant', ...COFFEE },
          rail,
          amountMinor,
        },
        has: { 'merchant:coffee:pending': 6_000n },
      },
      {
        caption: 'or owed by the user',
        event: {
          type: 'break_ended',
          break: 'missing_posted',
          by: { type: 'charge_user', user: 'amina' },
          rail,
          amountMinor,
        },
      },
      {
        caption: 'or given up',
        event: { type: 'break_ended', break: 'missing_posted', by: { type: 'write_off' }, rail, amountMinor },
      },
    ],
  },
  {
    name: 'break-went-voided',
    title: 'Break: money went, we voided',
    steps: [
      { caption: 'found', event: { type: 'break_found', break: 'went_voided', rail, amountMinor } },
      {
        caption: 'then from the wallet (2030 where it was a payout)',
        event: {
          type: 'break_ended',
          break: 'went_voided',
          by: { type: 'charge_wallet', user: 'amina' },
          rail,
          amountMinor,
        },
      },
      {
        caption: 'or from a wallet that has 60.00, the rest owed',
        event: {
          type: 'break_ended',
          break: 'went_voided',
          by: { type: 'charge_payer', user: 'amina' },
          rail,
          amountMinor,
        },
        has: { 'wallet:amina': 6_000n },
      },
      {
        caption: 'or, where it was a refund, from a merchant that has 30.00 unsettled and 60.00 available',
        event: {
          type: 'break_ended',
          break: 'went_voided',
          by: { type: 'charge_refund', merchant: 'coffee', fee: { feeMinor: 0n, tax: null } },
          rail,
          amountMinor,
        },
        has: { 'merchant:coffee:pending': 3_000n, 'merchant:coffee:available': 6_000n },
      },
      {
        caption: 'or given up',
        event: { type: 'break_ended', break: 'went_voided', by: { type: 'write_off' }, rail, amountMinor },
      },
    ],
  },
  {
    name: 'break-not-gone-posted',
    title: 'Break: money did not go, we posted',
    steps: [
      { caption: 'found', event: { type: 'break_found', break: 'not_gone_posted', rail, amountMinor } },
      {
        caption: 'then back to the wallet (2030 where it was a payout)',
        event: {
          type: 'break_ended',
          break: 'not_gone_posted',
          by: { type: 'credit_user', user: 'amina' },
          rail,
          amountMinor,
        },
      },
    ],
  },
  {
    name: 'unexplained-in',
    title: 'Unexplained line, in',
    steps: [
      { caption: 'found', event: { type: 'unexplained_line', direction: 'in', rail, bank: rail, amountMinor } },
      { caption: 'explained later', event: { type: 'line_explained', direction: 'in', rail, amountMinor } },
    ],
  },
  {
    name: 'unexplained-out',
    title: 'Unexplained line, out',
    steps: [
      { caption: 'found', event: { type: 'unexplained_line', direction: 'out', rail, bank: rail, amountMinor } },
      { caption: 'explained later', event: { type: 'line_explained', direction: 'out', rail, amountMinor } },
    ],
  },
  one(
    'collect-returned',
    'Collect returned later',
    { type: 'collect_returned', ...COFFEE, rail, amountMinor },
    { 'merchant:coffee:pending': 6_000n },
  ),
  one(
    'topup-returned',
    'Top-up returned later',
    { type: 'topup_returned', user: 'amina', rail, amountMinor },
    { 'wallet:amina': 6_000n },
  ),
  one('payout-returned', 'Withdrawal that bounced', { type: 'payout_returned', user: 'amina', rail, amountMinor }),
  one('writeoff', 'Write-off', { type: 'writeoff', of: { type: 'merchant', ...COFFEE }, amountMinor: 4_000n }),
]

export const FLOWS: readonly Flow[] = [...DAY, ...PAYMENTS, ...MERCHANTS, ...STATEMENTS, ...BREAKS]
