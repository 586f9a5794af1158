import { type Fee, feeMinor, type FeePlan, feeOfPart, taxIn } from '../domain/fee.ts'
import { minOf } from '../domain/money.ts'
import { captureHolds } from '../domain/accounting/index.ts'
import { type TransferInput, endId } from '../ledger/index.ts'
import { postingFacts } from './posting-facts.ts'
import type { PaymentRow, PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

/**
 * How the holds of a payment end that is captured for less than it holds; undefined where it is captured whole. The part
 * is priced by the plan that the whole was, never above what is held for it.
 */
export async function captureInPart(
  deps: { store: PaymentStore; feePlan: (id: string) => Promise<FeePlan> },
  state: PaymentState,
): Promise<{ amountMinor: bigint; feeMinor: bigint; ends: TransferInput[] } | undefined> {
  const { payment, attempt } = state
  const amountMinor = payment.capture_requested
  if (amountMinor === null || amountMinor === payment.amount) return undefined
  const plan = payment.fee_plan === null ? null : await deps.feePlan(payment.fee_plan)
  const part = feeOfCapture(payment, amountMinor, plan)
  const facts = postingFacts(payment, attempt?.rail ?? null, { fee: taxIn(payment.fee, plan) })
  const holds = await deps.store.holdsOf(payment.id)
  const parts = captureHolds(facts, { amountMinor, feeMinor: part.feeMinor, taxes: { fee: part.tax } }, holds)
  const ends = holds.map((hold, i): TransferInput => {
    const partMinor = parts[i] ?? 0n
    const kind = partMinor === 0n ? 'void' : 'confirm'
    return {
      id: endId(hold.id, kind),
      ledger: hold.ledger,
      kind,
      pending: hold.id,
      subject: payment.id,
      ...(kind === 'confirm' && partMinor < hold.amount ? { amount: partMinor.toString() } : {}),
    }
  })
  return { amountMinor, feeMinor: part.feeMinor, ends }
}

/** Of a payment without a plan, older than plans are kept, the fee is divided as the sum is. */
function feeOfCapture(payment: PaymentRow, amountMinor: bigint, plan: FeePlan | null): Fee {
  const priced = plan === null ? feeOfPart(payment.fee, payment.amount, amountMinor) : feeMinor(amountMinor, plan)
  const fee = minOf(priced, payment.fee)
  return { feeMinor: fee, tax: taxIn(fee, plan) }
}
