import type { AccountingEvent, Price, RefundPrice } from '../../../src/domain/accounting/index.ts'
import { NO_FEE } from '../../../src/domain/fee.ts'

/** Every row of the design's table of postings, once: event, timing, and its legs as `debit / credit amount`, `≤` where up to. */

const price: Price = {
  grossMinor: 1_000n,
  feeMinor: 29n,
  tax: { authority: 'kra', amountMinor: 4n },
  shares: [
    { merchant: 'coffee', amountMinor: 900n },
    { merchant: 'milk', amountMinor: 71n },
  ],
  commissionMinor: 50n,
}
const refundOf: RefundPrice = { amountMinor: 100n, fromMerchantsMinor: 97n, feeMinor: 3n, tax: null }
const kept: RefundPrice = { amountMinor: 100n, fromMerchantsMinor: 100n, feeMinor: 0n, tax: null }
const payerFee = { feeMinor: 30n, tax: { authority: 'kra', amountMinor: 4n } }
const wallet = { type: 'wallet', user: 'amina' } as const
const bank = { type: 'bank', rail: 'bank' } as const
const mobile = { type: 'mobile_money', operator: 'mobile' } as const
const operator = { type: 'operator', operator: 'mobile' } as const
const trust = { type: 'cash', bank: 'bank', purpose: 'trust' } as const
const float = { type: 'float', operator: 'mobile' } as const
const amountMinor = 100n

type Example = [event: AccountingEvent, timing: 'reserve' | 'post', legs: string[]]

const amina = '2010 wallet:amina'
const clearing = '1015 clearing:bank'
const coffee = '2020 merchant:coffee:pending'
const fees = '4010 revenue:fees'
const tax = '2050 tax:kra'
const suspense = '2040 suspense:bank'
const broken = '1040 receivable:break:bank'
const cash = '1010 cash:bank:trust'
const due = '1020 due:mobile'
const gone = '5020 expense:writeoff'
const available = '2030 merchant:coffee:available'

const divided = (from: string): string[] => [
  `${from} / ${coffee} 900`,
  `${from} / 2020 merchant:milk:pending 71`,
  `${from} / ${fees} 29`,
  `${fees} / ${tax} 4`,
]
const taken = (to: string, amount: number): string[] => [
  `${coffee} / ${to} ≤${amount}`,
  `${available} / ${to} ≤${amount}`,
]

export const EXAMPLES: readonly Example[] = [
  [{ type: 'topup', user: 'amina', rail: 'bank', amountMinor }, 'reserve', [`${clearing} / ${amina} 100`]],
  [{ type: 'purchase', source: wallet, price, timing: 'reserve' }, 'reserve', divided(amina)],
  [{ type: 'purchase', source: wallet, price, timing: 'post' }, 'post', divided(amina)],
  [{ type: 'purchase', source: bank, price, timing: 'reserve' }, 'reserve', divided(clearing)],
  [{ type: 'purchase', source: mobile, price, timing: 'reserve' }, 'reserve', divided('1015 clearing:mobile')],
  [
    { type: 'purchase', source: operator, price, timing: 'reserve' },
    'reserve',
    [...divided(due), `5010 expense:rail:mobile / ${due} 50`],
  ],
  [
    { type: 'transfer', from: 'amina', to: 'baraka', amountMinor, payerFee: NO_FEE, timing: 'post' },
    'post',
    [`${amina} / 2010 wallet:baraka 100`],
  ],
  [
    { type: 'transfer', from: 'amina', to: 'baraka', amountMinor, payerFee, timing: 'reserve' },
    'reserve',
    [`${amina} / 2010 wallet:baraka 100`, `${amina} / ${fees} 30`, `${fees} / ${tax} 4`],
  ],
  [
    { type: 'withdrawal', user: 'amina', rail: 'bank', amountMinor, payerFee },
    'reserve',
    [`${amina} / ${clearing} 100`, `${amina} / ${fees} 30`, `${fees} / ${tax} 4`],
  ],
  [
    { type: 'refund', to: wallet, merchant: 'coffee', price: kept, creditMinor: 0n, timing: 'reserve' },
    'reserve',
    taken(amina, 100),
  ],
  [
    { type: 'refund', to: bank, merchant: 'coffee', price: kept, creditMinor: 40n, timing: 'reserve' },
    'reserve',
    [...taken(clearing, 100), `1050 receivable:merchant:coffee:credit / ${clearing} ≤40`],
  ],
  [
    { type: 'refund', to: operator, merchant: 'coffee', price: refundOf, creditMinor: 0n, timing: 'reserve' },
    'reserve',
    [...taken(due, 97), `${fees} / ${due} 3`],
  ],
  [
    {
      type: 'refund',
      to: mobile,
      merchant: 'coffee',
      price: { ...refundOf, tax: { authority: 'kra', amountMinor: 1n } },
      creditMinor: 500n,
      timing: 'reserve',
    },
    'reserve',
    [
      ...taken('1030 float:mobile', 97),
      '1050 receivable:merchant:coffee:credit / 1030 float:mobile ≤97',
      `${fees} / 1030 float:mobile 3`,
      `${tax} / ${fees} 1`,
    ],
  ],
  [{ type: 'settlement', merchant: 'coffee', amountMinor }, 'post', [`${coffee} / ${available} 100`]],
  [{ type: 'payout', merchant: 'coffee', rail: 'bank', amountMinor }, 'reserve', [`${available} / ${clearing} 100`]],
  [
    { type: 'statement_line', direction: 'in', rail: 'bank', place: trust, amountMinor },
    'post',
    [`${cash} / ${clearing} 100`],
  ],
  [
    { type: 'statement_line', direction: 'out', rail: 'mobile', place: float, amountMinor },
    'post',
    ['1015 clearing:mobile / 1030 float:mobile 100'],
  ],
  [
    { type: 'rail_charge', rail: 'bank', bank: 'bank', purpose: 'own', amountMinor },
    'post',
    ['5010 expense:rail:bank / 1010 cash:bank:own 100'],
  ],
  [{ type: 'operator_remits', operator: 'mobile', bank: 'bank', amountMinor }, 'post', [`${cash} / ${due} 100`]],
  [
    { type: 'float_swept', operator: 'mobile', rail: 'bank', amountMinor },
    'post',
    [`${clearing} / 1030 float:mobile 100`],
  ],
  [{ type: 'revenue_to_own_cash', bank: 'bank', amountMinor }, 'post', [`1010 cash:bank:own / ${cash} 100`]],
  [{ type: 'own_cash_to_trust', bank: 'bank', amountMinor }, 'post', [`${cash} / 1010 cash:bank:own 100`]],
  [{ type: 'capital_paid_in', bank: 'bank', amountMinor }, 'post', ['1010 cash:bank:own / 3010 equity:capital 100']],
  [
    { type: 'unexplained_line', direction: 'in', rail: 'bank', bank: 'bank', amountMinor },
    'post',
    [`${cash} / ${suspense} 100`],
  ],
  [
    { type: 'unexplained_line', direction: 'out', rail: 'bank', bank: 'bank', amountMinor },
    'post',
    [`${broken} / ${cash} 100`],
  ],
  [{ type: 'line_explained', direction: 'in', rail: 'bank', amountMinor }, 'post', [`${suspense} / ${clearing} 100`]],
  [{ type: 'line_explained', direction: 'out', rail: 'bank', amountMinor }, 'post', [`${clearing} / ${broken} 100`]],
  [{ type: 'break_found', break: 'came_voided', rail: 'bank', amountMinor }, 'post', [`${clearing} / ${suspense} 100`]],
  [
    {
      type: 'break_ended',
      break: 'came_voided',
      by: { type: 'credit_user', user: 'amina' },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [`${suspense} / ${amina} 100`],
  ],
  [
    { type: 'break_ended', break: 'came_voided', by: { type: 'send_back' }, rail: 'bank', amountMinor },
    'post',
    [`${suspense} / ${clearing} 100`],
  ],
  [
    { type: 'break_found', break: 'missing_posted', rail: 'bank', amountMinor },
    'post',
    [`${broken} / ${clearing} 100`],
  ],
  [
    {
      type: 'break_ended',
      break: 'missing_posted',
      by: { type: 'charge_merchant', merchant: 'coffee' },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [`${coffee} / ${broken} ≤100`, `1050 receivable:merchant:coffee / ${broken} ≤100`],
  ],
  [
    {
      type: 'break_ended',
      break: 'missing_posted',
      by: { type: 'charge_user', user: 'amina' },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [`1060 receivable:user:amina / ${broken} 100`],
  ],
  [
    { type: 'break_ended', break: 'missing_posted', by: { type: 'write_off' }, rail: 'bank', amountMinor },
    'post',
    [`${gone} / ${broken} 100`],
  ],
  [{ type: 'break_found', break: 'went_voided', rail: 'bank', amountMinor }, 'post', [`${broken} / ${clearing} 100`]],
  [
    {
      type: 'break_ended',
      break: 'went_voided',
      by: { type: 'charge_wallet', user: 'amina' },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [`${amina} / ${broken} 100`],
  ],
  [
    {
      type: 'break_ended',
      break: 'went_voided',
      by: { type: 'charge_available', merchant: 'coffee' },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [`${available} / ${broken} 100`],
  ],
  [
    { type: 'break_found', break: 'went_voided', rail: 'telco', at: 'float', amountMinor },
    'post',
    ['1040 receivable:break:telco / 1030 float:telco 100'],
  ],
  [
    {
      type: 'break_ended',
      break: 'went_voided',
      by: {
        type: 'charge_refund',
        merchant: 'coffee',
        fee: { feeMinor: 10n, tax: { authority: 'kra', amountMinor: 1n } },
      },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [
      `${coffee} / ${broken} ≤90`,
      `${available} / ${broken} ≤90`,
      `1050 receivable:merchant:coffee / ${broken} ≤90`,
      `4010 revenue:fees / ${broken} 10`,
      '2050 tax:kra / 4010 revenue:fees 1',
    ],
  ],
  [
    { type: 'break_found', break: 'not_gone_posted', rail: 'bank', amountMinor },
    'post',
    [`${clearing} / ${suspense} 100`],
  ],
  [
    {
      type: 'break_ended',
      break: 'not_gone_posted',
      by: { type: 'credit_merchant', merchant: 'coffee' },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [`${suspense} / ${available} 100`],
  ],
  [
    { type: 'collect_returned', merchant: 'coffee', rail: 'bank', amountMinor },
    'post',
    [`${coffee} / ${clearing} ≤100`, `1050 receivable:merchant:coffee / ${clearing} ≤100`],
  ],
  [
    { type: 'collect_returned', merchant: 'coffee', rail: 'telco', at: 'due', amountMinor },
    'post',
    [`${coffee} / 1020 due:telco ≤100`, '1050 receivable:merchant:coffee / 1020 due:telco ≤100'],
  ],
  [
    { type: 'topup_returned', user: 'amina', rail: 'bank', amountMinor },
    'post',
    [`2010 wallet:amina / ${clearing} ≤100`, `1060 receivable:user:amina / ${clearing} ≤100`],
  ],
  [
    { type: 'payout_returned', user: 'amina', rail: 'bank', amountMinor },
    'post',
    [`${clearing} / 2010 wallet:amina 100`],
  ],
  [
    { type: 'break_found', break: 'came_voided', rail: 'telco', at: 'due', amountMinor },
    'post',
    ['1020 due:telco / 2040 suspense:telco 100'],
  ],
  [
    {
      type: 'break_ended',
      break: 'went_voided',
      by: { type: 'charge_payer', user: 'amina' },
      rail: 'bank',
      amountMinor,
    },
    'post',
    [`2010 wallet:amina / ${broken} ≤100`, `1060 receivable:user:amina / ${broken} ≤100`],
  ],
  [{ type: 'writeoff', of: { type: 'break', rail: 'bank' }, amountMinor }, 'post', [`${gone} / ${broken} 100`]],
  [
    { type: 'writeoff', of: { type: 'merchant', merchant: 'coffee' }, amountMinor },
    'post',
    [`${gone} / 1050 receivable:merchant:coffee 100`],
  ],
  [
    { type: 'writeoff', of: { type: 'user', user: 'amina' }, amountMinor },
    'post',
    [`${gone} / 1060 receivable:user:amina 100`],
  ],
]
