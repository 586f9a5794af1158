import { expect, test } from 'vitest'
import {
  PAYMENT_KINDS,
  PAYMENT_STATUSES,
  type PaymentKind,
  SOURCE_TYPES,
  type SourceType,
} from '../../../src/contract/names.ts'
import {
  type AccountingEvent,
  allowedPostings,
  assertLedgerMove,
  expectedPostings,
  type Leg,
  CHART,
  ledgerMove,
  payeeName,
  postingsOf,
  SOURCE_CODE,
  sourceName,
} from '../../../src/domain/accounting/index.ts'
import { canMove, isTerminal } from '../../../src/domain/payment.ts'
import { sumOf } from './support.ts'

const STANDINGS = PAYMENT_STATUSES.flatMap((status) => [
  { status, accepted: false },
  { status, accepted: true },
])

test('a payment holds all of it from its acceptance to its end, and then has posted it or nothing', () => {
  for (const standing of STANDINGS) {
    const allowed = allowedPostings(standing)
    if (allowed === null) continue
    expect(allowed.held === 'amount').toBe(standing.accepted && !isTerminal(standing.status))
    expect(allowed.posted === 'captured').toBe(standing.status === 'succeeded')
    expect(allowed.unresolvedAttempt).toBe(allowed.held === 'amount')
  }
})

test('every legal move of a payment has its move of the ledger, and what is posted stays', () => {
  for (const from of STANDINGS) {
    for (const to of STANDINGS) {
      const [before, after] = [allowedPostings(from), allowedPostings(to)]
      // What was accepted stays so, and a payment reaches an end or its processing by it alone.
      const possible = before !== null && after !== null && canMove(from.status, to.status)
      if (!possible || (from.accepted && !to.accepted)) continue
      const move = ledgerMove(before, after)
      expect(move).not.toBeNull()
      if (to.status === 'succeeded') expect(move).toBe(from.accepted ? 'confirm' : 'post')
      if (to.status === 'processing') expect(move).toBe(from.accepted ? 'none' : 'reserve')
    }
  }
})

test('a move that the table does not have is a bug with a name', () => {
  const processing = { status: 'processing', accepted: true } as const
  expect(() => assertLedgerMove(processing, { status: 'succeeded', accepted: true }, 'confirm')).not.toThrow()
  expect(() => assertLedgerMove(processing, { status: 'succeeded', accepted: true }, 'void')).toThrow(
    /illegal_postings/,
  )
  expect(() => assertLedgerMove(processing, { status: 'failed', accepted: true }, 'confirm')).toThrow(/void/)
  expect(() => assertLedgerMove(processing, { status: 'processing', accepted: false }, 'none')).toThrow(/illegal/)
})

test('a payment that is born by its acceptance reserves, and one that holds already does not again', () => {
  const [processing, asked] = (['processing', 'requires_action'] as const).map((status) => ({ status, accepted: true }))
  if (processing === undefined || asked === undefined) throw new Error('two standings')
  expect(() => assertLedgerMove(null, processing, 'reserve')).not.toThrow()
  expect(() => assertLedgerMove(null, processing, 'none')).toThrow(/illegal_postings/)
  expect(() => assertLedgerMove({ status: 'requires_action', accepted: false }, processing, 'reserve')).not.toThrow()
  expect(() => assertLedgerMove(asked, processing, 'reserve')).toThrow(/illegal_postings/)
})

test('a payment captured in part has posted that part and its payer’s fee', () => {
  const payment = { amountMinor: 1_000n, capturedMinor: 600n, payerFeeMinor: 30n }
  const at = (status: 'processing' | 'succeeded' | 'failed') => {
    const allowed = allowedPostings({ status, accepted: true })
    return allowed === null ? null : expectedPostings(allowed, payment)
  }
  expect(at('processing')).toEqual({ heldMinor: 1_030n, postedMinor: 0n })
  expect(at('succeeded')).toEqual({ heldMinor: 0n, postedMinor: 630n })
  expect(at('failed')).toEqual({ heldMinor: 0n, postedMinor: 0n })
})

const payerFee = { feeMinor: 30n, tax: { authority: 'kra', amountMinor: 4n } }

/** The event of a payment of 1,000 of this kind and source; null where there is none. */
function eventOf(kind: PaymentKind, source: SourceType): AccountingEvent | null {
  const rail = source === 'bank' || source === 'mobile_money' ? { rail: 'bank' } : null
  switch (kind) {
    case 'purchase': {
      const sources = {
        wallet: { type: 'wallet', user: 'a' },
        bank: { type: 'bank', rail: 'bank' },
        mobile_money: { type: 'mobile_money', operator: 'mobile' },
        operator: { type: 'operator', operator: 'mobile' },
      } as const
      const shares = [{ merchant: 'm', amountMinor: 970n }]
      const price = { grossMinor: 1_000n, ...payerFee, shares, commissionMinor: 50n }
      return { type: 'purchase', source: sources[source], price, timing: 'reserve' }
    }
    case 'transfer':
      return source === 'wallet'
        ? { type: 'transfer', from: 'a', to: 'b', amountMinor: 1_000n, payerFee, timing: 'reserve' }
        : null
    case 'topup':
      return rail === null ? null : { type: 'topup', user: 'a', ...rail, amountMinor: 1_000n }
    case 'withdrawal':
      return rail === null ? null : { type: 'withdrawal', user: 'a', ...rail, amountMinor: 1_000n, payerFee }
  }
}

test.each(PAYMENT_KINDS)('a %s debits its source for amount and payer’s fee, once and nowhere else', (kind) => {
  for (const source of SOURCE_TYPES) {
    const event = eventOf(kind, source)
    const code = SOURCE_CODE[kind][source]
    expect(code === null).toBe(event === null)
    if (event === null) continue
    const debits = postingsOf(event).legs.filter((leg: Leg) => leg.debit.code === code)
    // Whose they are, and whose what is not our fee becomes.
    const parties = {
      payer: 'a',
      payee: kind === 'transfer' ? 'b' : 'm',
      rail: source === 'operator' ? 'mobile' : 'bank',
    }
    if (source === 'mobile_money' && kind === 'purchase') parties.rail = 'mobile'
    expect(new Set(debits.map((leg) => leg.debit.name))).toEqual(new Set([sourceName(kind, source, parties)]))
    const fees = debits.filter((leg) => leg.credit.code === CHART.feeRevenue.code)
    const others = debits.filter((leg) => leg.credit.code !== CHART.feeRevenue.code)
    expect(new Set(others.map((leg) => leg.credit.name))).toEqual(new Set([payeeName(kind, parties)]))
    expect(sumOf(fees)).toBe(kind === 'topup' ? 0n : 30n)
    const payersFee = kind === 'transfer' || kind === 'withdrawal' ? 30n : 0n
    expect(sumOf(debits)).toBe(1_000n + payersFee)
  }
})
