import type { Mutation } from '../../support/mutations/mutation.ts'
import { broken } from './files.ts'

/** Money as it is divided: fees, taxes, shares, refunds, and the legs that post them. */
const PRICES_TEST = 'test/domain/accounting/price.test.ts'
const POSTINGS_TEST = 'test/domain/accounting/postings.test.ts'
const money = broken('src/domain/money.ts', 'test/domain/money.test.ts')
const fees = broken('src/domain/fee.ts', 'test/domain/money.test.ts')
const taxes = broken('src/domain/fee.ts', PRICES_TEST)
const prices = broken('src/domain/accounting/price.ts', PRICES_TEST)
const shares = broken('src/domain/accounting/splits.ts', PRICES_TEST)
const legs = broken('src/domain/accounting/legs.ts', POSTINGS_TEST)
const postings = broken('src/domain/accounting/payment-postings.ts', POSTINGS_TEST)
const states = broken('src/domain/accounting/states.ts', 'test/domain/accounting/states.test.ts')

const HALF = '(twice === d && q % 2n === 1n)'

const rounding: readonly Mutation[] = [
  money('rounds a half up', HALF, 'twice === d'),
  money('rounds a half down', HALF, 'false'),
  money('rounds down', `twice > d || ${HALF}`, 'false'),
  money('forgets a sign', 'return negative ? -q : q', 'return q'),
  fees('takes a fee above the gross', 'return minOf(atMost, grossMinor)', 'return atMost'),
  taxes('adds a tax to the fee it is in', 'WHOLE_BASIS_POINTS + plan.basisPoints)', 'WHOLE_BASIS_POINTS)'),
  taxes('takes a tax of the gross', 'taxMinor(fee, tax)', 'taxMinor(grossMinor, tax)'),
]

const divided: readonly Mutation[] = [
  prices('shares the gross', 'const netMinor = grossMinor - fee.feeMinor', 'const netMinor = grossMinor'),
  prices('takes a purchase that leaves nothing', 'netMinor < 1n ? null', 'netMinor < 0n ? null'),
  prices('captures more than is held', "if (capturedMinor > held.grossMinor) return err('amount_above_held')", ''),
  prices('captures part of fixed shares', "if (!allowPartialCapture(plan.splits)) return err('full_capture_only')", ''),
  prices(
    'captures a part above its holds',
    'shares: sharesWithin(price.value.shares, held.shares)',
    'shares: price.value.shares',
  ),
  shares('leaves what a split leaves over to nobody', '(i === 0 ? left : 0n)', '0n'),
  shares('gives what a split leaves over to all', '(i === 0 ? left : 0n)', 'left'),
  shares('gives what a split leaves over to the second', '(i === 0 ? left : 0n)', '(i === 1 ? left : 0n)'),
  shares('shares more than there is', 'if (left < 0n) return null', ''),
  shares('loses what a hold does not cover', '    share.amountMinor += more\n', ''),
  shares('takes shares above the whole', 'whole > WHOLE_BASIS_POINTS ?', 'whole < 0n ?'),
  shares(
    'takes a receiver twice',
    "if (new Set(splits.map((split) => split.merchant)).size < splits.length) return err('receiver_twice')",
    '',
  ),
]

const refunded: readonly Mutation[] = [
  prices('refunds more than was captured', "if (after > of.capturedMinor) return err('amount_exceeds_refundable')", ''),
  prices('forgets what was refunded before', 'const before = of.refundedMinor', 'const before = 0n'),
  prices('refunds nothing or less', "if (amountMinor < 1n) return err('amount_invalid')", ''),
  prices(
    'returns of each refund’s fee what it rounds to by itself',
    'divideHalfEven(whole * done, all) - already',
    'divideHalfEven(whole * amountMinor, of.capturedMinor)',
  ),
  prices('returns a fee that is kept', "onRefund === 'kept' || ", ''),
  prices(
    'takes from merchants the fee that is returned',
    'fromMerchantsMinor: amountMinor - fee',
    'fromMerchantsMinor: amountMinor',
  ),
  prices(
    'has all of the tax back for a part',
    'amountMinor: taxOf(of.tax.amountMinor)',
    'amountMinor: of.tax.amountMinor',
  ),
  shares(
    'lets the first bear a whole refund',
    'const part = minOf(due > 0n ? due : 0n, left)',
    'const part = minOf(0n, left)',
  ),
  shares('forgets what refunds took from a receiver before', '/ whole - receiver.refundedMinor', '/ whole'),
  shares(
    'takes of a refund more than it is',
    'const part = minOf(due > 0n ? due : 0n, left)',
    'const part = due > 0n ? due : 0n',
  ),
]

const TAX_OUT = 'leg(feeRevenueAccount(), taxAccount(fee.tax.authority), fee.tax.amountMinor)'
const TAX_BACK = 'leg(taxAccount(fee.tax.authority), feeRevenueAccount(), fee.tax.amountMinor)'

const posted: readonly Mutation[] = [
  legs('posts legs of 0', 'return legs.filter((each) => each.amountMinor > 0n)', 'return [...legs]'),
  legs('posts negative legs', 'if (legs.some((each) => each.amountMinor < 0n))', 'if (legs.length < 0)'),
  legs(
    'posts up to an amount without what it must reach',
    '...(upTo.length === 0 ? {} : { totalMinor }), timing',
    'timing',
  ),
  legs('posts fixed legs first', '[...upTo, ...moving(fixed)]', '[...moving(fixed), ...upTo]'),
  postings('posts no tax', `if (fee.tax !== null) legs.push(${TAX_OUT})`, ''),
  postings(
    'takes a tax from who owes it to us',
    TAX_OUT,
    'leg(taxAccount(fee.tax.authority), feeRevenueAccount(), fee.tax.amountMinor)',
  ),
  postings('has no tax back', `if (fee.tax !== null) legs.push(${TAX_BACK})`, ''),
  postings(
    'takes no fee of a transfer’s payer',
    'event.amountMinor), ...feeLegs(from, event.payerFee)])\n}\n\nexport function topup',
    'event.amountMinor)])\n}\n\nexport function topup',
  ),
  postings(
    'takes no fee of a withdrawal’s payer',
    'clearingAccount(event.rail), event.amountMinor), ...feeLegs(from, event.payerFee)])',
    'clearingAccount(event.rail), event.amountMinor)])',
  ),
  postings(
    'posts no commission of an operator',
    "if (source.type === 'operator') legs.push",
    'if (legs.length < 0) legs.push',
  ),
  postings(
    'refunds from what is settled first',
    'leg(merchantPendingAccount(merchant), to, total),\n      leg(merchantAvailableAccount(merchant), to, total),',
    'leg(merchantAvailableAccount(merchant), to, total),\n      leg(merchantPendingAccount(merchant), to, total),',
  ),
  postings('refunds on credit without a limit', 'minOf(event.creditMinor, total)', 'total'),
  postings(
    'refunds without the fee that is returned',
    'leg(feeRevenueAccount(), to, fee.feeMinor)',
    'leg(feeRevenueAccount(), to, 0n)',
  ),
  postings(
    'refunds mobile money at the rail',
    "to.type === 'mobile_money' ? floatAccount(to.operator)",
    "to.type === 'mobile_money' ? sourceAccount(to)",
  ),
]

const held: readonly Mutation[] = [
  states(
    'lets a payment that failed hold money',
    'failed: { unaccepted: null, accepted: NOTHING }',
    'failed: { unaccepted: null, accepted: HELD }',
  ),
  states(
    'lets a payment that succeeded have posted nothing',
    'succeeded: { unaccepted: null, accepted: POSTED }',
    'succeeded: { unaccepted: null, accepted: NOTHING }',
  ),
  states(
    'forgets a payer’s fee in what is held',
    "allowed.held === 'amount' ? payment.amountMinor + payment.payerFeeMinor",
    "allowed.held === 'amount' ? payment.amountMinor",
  ),
  states(
    'takes any move of the ledger for one of the table',
    'if (allowed !== move) {',
    'if (allowed === undefined) {',
  ),
]

export const ACCOUNTING: readonly Mutation[] = [...rounding, ...divided, ...refunded, ...posted, ...held]
