import type { PaymentKind } from '../contract/names.ts'

/** What operators find a workflow by in Temporal: ids that tell nothing of a person. */
export type About = {
  kind: PaymentKind | 'refund' | 'mandate'
  /** Null where it stays in our books. */
  rail: string | null
  merchant: string | null
  /** Who pays; of a refund, who gets it; of a mandate, whose account it is. */
  user: string | null
}

/** A life that should have begun a while ago: a payment's, or a refund's. */
export type Late = { id: string; about: About }

export const aboutRefund = (of: { merchant: string | null; payer: string | null }, rail: string | null): About => ({
  kind: 'refund',
  rail,
  merchant: of.merchant,
  user: of.payer,
})

export const aboutMandate = (rail: string, user: string): About => ({ kind: 'mandate', rail, merchant: null, user })
