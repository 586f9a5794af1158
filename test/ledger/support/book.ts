import {
  type AccountingEvent,
  captureLegs,
  capturePrice,
  type Price,
  type PricePlan,
  priceOf,
  refundPrice,
} from '../../../src/domain/accounting/index.ts'
import { type Fee, type FeePlan, feeOf } from '../../../src/domain/fee.ts'

/**
 * The hand-worked book: thirty events of a month in two currencies. Amounts are
 * minor units; what they come to stands, worked out by hand, in book.pg.test.ts.
 */

/** How a held group ends. */
export type End = 'confirm' | 'void' | { capture: readonly bigint[] }

export type Entry = { what: string; event: AccountingEvent; end?: End }

function need<T>(result: { ok: true; value: T } | { ok: false; error: string }): T {
  if (!result.ok) throw new Error(result.error)
  return result.value
}

const kra = { authority: 'kra', basisPoints: 1_600n }
const ura = { authority: 'ura', basisPoints: 1_800n }

const COFFEE: PricePlan & { commission: NonNullable<PricePlan['commission']> } = {
  fee: { basisPoints: 150n, fixedMinor: 0n, tax: kra, onRefund: 'proportional' },
  splits: [{ merchant: 'coffee', basisPoints: 10_000n }],
  commission: { basisPoints: 1_000n, fixedMinor: 0n },
}
const MARKET: PricePlan = {
  fee: { basisPoints: 100n, fixedMinor: 500n },
  splits: [
    { merchant: 'market', basisPoints: 0n },
    { merchant: 'farm', basisPoints: 7_000n },
  ],
}
const KIOSK: PricePlan = {
  fee: { basisPoints: 250n, fixedMinor: 100n, tax: ura },
  splits: [{ merchant: 'kiosk', basisPoints: 10_000n }],
}

const flat = (fixedMinor: bigint): Fee => feeOf(1_000_000n, { basisPoints: 0n, fixedMinor, tax: kra } satisfies FeePlan)
const atCoffee = (grossMinor: bigint): Price => need(priceOf(grossMinor, { fee: COFFEE.fee, splits: COFFEE.splits }))

const amina = { type: 'wallet', user: 'amina' } as const
const held = atCoffee(200_000n)
const captured = need(capturePrice(held, 150_000n, COFFEE))
const coffee1 = atCoffee(123_450n)

export const KES: readonly Entry[] = [
  { what: 'capital', event: { type: 'capital_paid_in', bank: 'kcb', amountMinor: 100_000_000n } },
  {
    what: 'top-up of Amina',
    event: { type: 'topup', user: 'amina', rail: 'kcb', amountMinor: 500_000n },
    end: 'confirm',
  },
  {
    what: 'the bank’s statement shows it',
    event: {
      type: 'statement_line',
      direction: 'in',
      rail: 'kcb',
      place: { type: 'cash', bank: 'kcb', purpose: 'trust' },
      amountMinor: 500_000n,
    },
  },
  {
    what: 'top-up of Baraka, declined by his bank',
    event: { type: 'topup', user: 'baraka', rail: 'kcb', amountMinor: 200_000n },
    end: 'void',
  },
  {
    what: 'coffee from the wallet',
    event: { type: 'purchase', source: amina, price: coffee1, timing: 'reserve' },
    end: 'confirm',
  },
  {
    what: 'market from the bank, split with a farm',
    event: {
      type: 'purchase',
      source: { type: 'bank', rail: 'kcb' },
      price: need(priceOf(1_000_000n, MARKET)),
      timing: 'reserve',
    },
    end: 'confirm',
  },
  {
    what: 'coffee held, and captured in part',
    event: { type: 'purchase', source: amina, price: held, timing: 'reserve' },
    end: { capture: captureLegs(amina, held, captured).map((leg) => leg.amountMinor) },
  },
  {
    what: 'Amina to Baraka, with a payer’s fee',
    event: {
      type: 'transfer',
      from: 'amina',
      to: 'baraka',
      amountMinor: 50_000n,
      payerFee: flat(1_000n),
      timing: 'post',
    },
  },
  {
    what: 'Baraka withdraws, with a payer’s fee',
    event: { type: 'withdrawal', user: 'baraka', rail: 'kcb', amountMinor: 30_000n, payerFee: flat(500n) },
    end: 'confirm',
  },
  {
    what: 'the bank’s statement shows it',
    event: {
      type: 'statement_line',
      direction: 'out',
      rail: 'kcb',
      place: { type: 'cash', bank: 'kcb', purpose: 'trust' },
      amountMinor: 30_000n,
    },
  },
  {
    what: 'coffee on the phone bill',
    event: {
      type: 'purchase',
      source: { type: 'operator', operator: 'saf' },
      price: need(priceOf(10_000n, COFFEE)),
      timing: 'reserve',
    },
    end: 'confirm',
  },
  {
    what: 'the operator remits, less its commission',
    event: { type: 'operator_remits', operator: 'saf', bank: 'kcb', amountMinor: 9_000n },
  },
  {
    what: 'coffee by mobile money',
    event: {
      type: 'purchase',
      source: { type: 'mobile_money', operator: 'saf' },
      price: atCoffee(250_000n),
      timing: 'reserve',
    },
    end: 'confirm',
  },
  {
    what: 'the float’s statement shows it',
    event: {
      type: 'statement_line',
      direction: 'in',
      rail: 'saf',
      place: { type: 'float', operator: 'saf' },
      amountMinor: 250_000n,
    },
  },
  { what: 'settlement', event: { type: 'settlement', merchant: 'coffee', amountMinor: 400_000n } },
  {
    what: 'payout',
    event: { type: 'payout', merchant: 'coffee', rail: 'kcb', amountMinor: 300_000n },
    end: 'confirm',
  },
  {
    what: 'part of the first coffee back, and its fee with it',
    event: {
      type: 'refund',
      to: amina,
      merchant: 'coffee',
      price: need(
        refundPrice(50_000n, { ...coffee1, capturedMinor: 123_450n, refundedMinor: 0n, onRefund: 'proportional' }),
      ),
      creditMinor: 0n,
      timing: 'reserve',
    },
    end: 'confirm',
  },
  {
    what: 'the bank charges',
    event: { type: 'rail_charge', rail: 'kcb', bank: 'kcb', purpose: 'own', amountMinor: 250n },
  },
  {
    what: 'a collect comes back, above what the farm has',
    event: { type: 'collect_returned', merchant: 'farm', rail: 'kcb', amountMinor: 700_000n },
  },
  {
    what: 'the float is swept',
    event: { type: 'float_swept', operator: 'saf', rail: 'kcb', amountMinor: 200_000n },
  },
  {
    what: 'the bank’s statement shows sweep and market',
    event: {
      type: 'statement_line',
      direction: 'in',
      rail: 'kcb',
      place: { type: 'cash', bank: 'kcb', purpose: 'trust' },
      amountMinor: 1_200_000n,
    },
  },
  { what: 'revenue to own cash', event: { type: 'revenue_to_own_cash', bank: 'kcb', amountMinor: 5_000n } },
]

const grace = { type: 'wallet', user: 'grace' } as const

export const UGX: readonly Entry[] = [
  {
    what: 'top-up of Grace',
    event: { type: 'topup', user: 'grace', rail: 'dfcu', amountMinor: 1_000_000n },
    end: 'confirm',
  },
  {
    what: 'kiosk from the wallet',
    event: { type: 'purchase', source: grace, price: need(priceOf(45_000n, KIOSK)), timing: 'post' },
  },
  {
    what: 'a voided top-up came all the same',
    event: { type: 'break_found', break: 'came_voided', rail: 'dfcu', amountMinor: 20_000n },
  },
  {
    what: 'it is Grace’s',
    event: {
      type: 'break_ended',
      break: 'came_voided',
      by: { type: 'credit_user', user: 'grace' },
      rail: 'dfcu',
      amountMinor: 20_000n,
    },
  },
  {
    what: 'a line that nobody can explain',
    event: { type: 'unexplained_line', direction: 'in', rail: 'dfcu', bank: 'dfcu', amountMinor: 7_777n },
  },
  {
    what: 'a posted collect did not come',
    event: { type: 'break_found', break: 'missing_posted', rail: 'dfcu', amountMinor: 1_000n },
  },
  {
    what: 'it is given up',
    event: {
      type: 'break_ended',
      break: 'missing_posted',
      by: { type: 'write_off' },
      rail: 'dfcu',
      amountMinor: 1_000n,
    },
  },
  {
    what: 'the kiosk refunds all, the fee is kept, the rest is on credit',
    event: {
      type: 'refund',
      to: grace,
      merchant: 'kiosk',
      price: need(
        refundPrice(45_000n, {
          feeMinor: 1_225n,
          tax: null,
          capturedMinor: 45_000n,
          refundedMinor: 0n,
          onRefund: 'kept',
        }),
      ),
      creditMinor: 10_000n,
      timing: 'reserve',
    },
    end: 'confirm',
  },
]
