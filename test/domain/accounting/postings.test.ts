import { expect, test } from 'vitest'
import {
  type AccountSpec,
  CHART_ROWS,
  chartRow,
  isNameOf,
  type Leg,
  normalSide,
  paymentLegs,
  postingsOf,
  touchedWallets,
  walletAccount,
} from '../../../src/domain/accounting/index.ts'
import { NO_FEE } from '../../../src/domain/fee.ts'
import { EXAMPLES } from './examples.ts'
import { sumOf } from './support.ts'

const said = (account: AccountSpec) => `${account.code} ${account.name}`
const line = (leg: Leg) =>
  `${said(leg.debit)} / ${said(leg.credit)} ${leg.upTo === true ? '≤' : ''}${String(leg.amountMinor)}`

test.each(EXAMPLES)('%o', (event, timing, legs) => {
  const group = postingsOf(event)
  expect(group.timing).toBe(timing)
  expect(group.legs.map(line)).toEqual(legs)
})

test('what legs up to an amount must reach is the amount, and there is one where there are such legs', () => {
  for (const [event] of EXAMPLES) {
    const { legs, totalMinor } = postingsOf(event)
    expect(totalMinor === undefined).toBe(legs.every((leg) => leg.upTo !== true))
    if (totalMinor === undefined) continue
    const fixed = sumOf(legs.filter((leg) => leg.upTo !== true && leg.debit.code === 4010))
    expect('amountMinor' in event ? event.amountMinor : 100n).toBe(totalMinor + fixed)
  }
})

test('every account that is posted to is of the chart: name, class and flag', () => {
  const used = EXAMPLES.flatMap(([event]) => postingsOf(event).legs.flatMap((leg) => [leg.debit, leg.credit]))
  for (const account of used) {
    expect([said(account), isNameOf(account.code, account.name)]).toEqual([said(account), true])
    expect(account.class).toBe(chartRow(account.code)?.class)
  }
  expect(new Set(used.map((account) => account.code))).toEqual(new Set(CHART_ROWS.map((row) => row.code)))
  const flagged = used.filter((account) => account.debitsMustNotExceedCredits)
  expect(new Set(flagged.map((account) => account.code))).toEqual(new Set([1050, 2010, 2020, 2030, 2040]))
  expect(flagged.filter((account) => account.code === 1050).every((account) => account.name.endsWith(':credit'))).toBe(
    true,
  )
})

test('the chart: classes and normal sides by the first digit, and which accounts may be several rows', () => {
  const digit = { asset: '1', liability: '2', equity: '3', income: '4', expense: '5' }
  for (const row of CHART_ROWS) {
    expect(String(row.code)[0]).toBe(digit[row.class])
    expect(normalSide(row.class)).toBe('15'.includes(String(row.code)[0] ?? '') ? 'debit' : 'credit')
  }
  const sharded = (how: string) => CHART_ROWS.filter((row) => row.sharded === how)
  expect(sharded('either_side').map((row) => row.code)).toEqual([1015, 4010, 5010, 5020])
  expect(sharded('either_side').every((row) => row.flagged === false)).toBe(true)
  // What must not be overdrawn is debited from one row alone.
  expect(sharded('credits').map((row) => row.code)).toEqual([2020, 2030])
  expect(sharded('credits').every((row) => row.flagged === true)).toBe(true)
  expect(chartRow(9_999)).toBeNull()
  expect(isNameOf(2010, 'merchant:a:pending')).toBe(false)
})

test('no name of a user, merchant or rail can make the name of another account', () => {
  expect(() => walletAccount('a:b')).toThrow(RangeError)
  expect(() => walletAccount('')).toThrow(RangeError)
  expect(isNameOf(2020, 'merchant:a:b:pending')).toBe(false)
})

test('a negative amount is a bug, not a posting', () => {
  expect(() => postingsOf({ type: 'settlement', merchant: 'a', amountMinor: -1n })).toThrow(RangeError)
})

test('legs of 0 are left out', () => {
  const transfer = { type: 'transfer', from: 'a', to: 'b', amountMinor: 5n, payerFee: NO_FEE, timing: 'post' } as const
  expect(postingsOf(transfer).legs).toHaveLength(1)
  const nothing = { amountMinor: 3n, fromMerchantsMinor: 0n, feeMinor: 3n, tax: null }
  const refund = postingsOf({
    type: 'refund',
    to: { type: 'wallet', user: 'a' },
    merchant: 'm',
    price: nothing,
    creditMinor: 0n,
    timing: 'reserve',
  })
  expect(refund.legs.map(line)).toEqual(['4010 revenue:fees / 2010 wallet:a 3'])
  expect(refund.totalMinor).toBeUndefined()
})

test('a payment posts what its event does, from the wallet or from its rail', () => {
  const facts = {
    kind: 'purchase',
    source: 'wallet',
    amountMinor: 1_000n,
    feeMinor: 15n,
    payer: 'usr_a',
    payee: 'mer_b',
  } as const
  expect(paymentLegs({ ...facts, rail: null }).map(line)).toEqual([
    '2010 wallet:usr_a / 2020 merchant:mer_b:pending 985',
    '2010 wallet:usr_a / 4010 revenue:fees 15',
  ])
  expect(paymentLegs({ ...facts, source: 'bank', feeMinor: 0n, rail: 'bank' }).map(line)).toEqual([
    '1015 clearing:bank / 2020 merchant:mer_b:pending 1000',
  ])
})

test('wallets told of a payment are those its legs touch', () => {
  const facts = { source: 'bank', amountMinor: 10n, feeMinor: 0n, payer: 'usr_a', payee: 'usr_b' } as const
  expect(touchedWallets(paymentLegs({ ...facts, source: 'wallet', kind: 'transfer', rail: null }))).toEqual([
    'usr_a',
    'usr_b',
  ])
  expect(touchedWallets(paymentLegs({ ...facts, kind: 'topup', rail: 'bank' }))).toEqual(['usr_a'])
  expect(touchedWallets(paymentLegs({ ...facts, kind: 'withdrawal', rail: 'bank' }))).toEqual(['usr_a'])
  expect(touchedWallets(paymentLegs({ ...facts, kind: 'purchase', payee: 'mer_b', rail: 'bank' }))).toEqual([])
})

test('a top-up or withdrawal without a rail is a bug, not a posting', () => {
  const facts = { source: 'bank', amountMinor: 10n, feeMinor: 0n, payer: 'usr_a', payee: 'self', rail: null } as const
  expect(() => paymentLegs({ ...facts, kind: 'topup' })).toThrow(/rail/)
  expect(() => paymentLegs({ ...facts, kind: 'withdrawal' })).toThrow(/rail/)
})
