import { feeOfPart } from '../domain/fee.ts'
import { captureHolds } from '../domain/accounting/index.ts'
import { type TransferInput, endId } from '../ledger/index.ts'
import { postingFacts } from './moves.ts'
import type { PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

/** How the holds of a payment end that is captured for less than it holds; undefined where it is captured whole. */
export async function captureInPart(
  store: PaymentStore,
  state: PaymentState,
): Promise<{ amountMinor: bigint; feeMinor: bigint; ends: TransferInput[] } | undefined> {
  const { payment, attempt } = state
  const amountMinor = payment.capture_requested
  if (amountMinor === null || amountMinor === payment.amount) return undefined
  const feeMinor = feeOfPart(payment.fee, payment.amount, amountMinor)
  const facts = postingFacts(payment, attempt?.rail ?? null)
  const holds = await store.holdsOf(payment.id)
  const parts = captureHolds(facts, { amountMinor, feeMinor }, holds)
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
  return { amountMinor, feeMinor, ends }
}
