import type { PostingFacts, Taxes } from '../domain/accounting/index.ts'
import type { PaymentRow } from './rows.ts'

/** What postings a payment makes. */
export function postingFacts(row: PaymentRow, rail: string | null, taxes: Taxes = {}): PostingFacts {
  if (row.payer === null || row.source_type === null) throw new Error('nobody has accepted to pay it yet')
  const { kind, source_type: source, amount: amountMinor, fee: feeMinor, payer, payee } = row
  return { kind, source, amountMinor, feeMinor, payerFeeMinor: row.payer_fee, taxes, payer, payee, rail }
}
