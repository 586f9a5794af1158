import type { Payment } from './entry.ts'
import type { PaymentMessage } from './wire/receive.ts'
import { newId, type Original, type TransactionStatus } from './wire/report.ts'

/** How the bank names a message it was sent. */
export function originalOf(message: Payment | PaymentMessage): Original {
  const { messageId, name, endToEndId, reference, uetr } = message
  return { messageId, name, endToEndId, reference, uetr, hasInstruction: message.operation !== 'refund' }
}

/** What the bank says about a payment it has entered, as it stands now. */
export function aboutPayment(payment: Payment): TransactionStatus {
  return {
    original: originalOf(payment),
    statusId: payment.statusId,
    status: payment.status,
    reason: payment.reason,
    note: null,
    acceptedAtMs: payment.acceptedAtMs,
    settledAtMs: payment.status === 'ACSC' ? payment.decidedAtMs : null,
    servicerReference: payment.servicerReference,
    amount: { minor: payment.amountMinor, currency: payment.currency },
  }
}

/** The refusal of a message whose ids belong to another payment: the original stays as it was. */
export function aboutClash(message: PaymentMessage): TransactionStatus {
  return {
    original: originalOf(message),
    statusId: newId('S'),
    status: 'RJCT',
    reason: 'DU03',
    note: 'an id of this message was used before with other content',
    acceptedAtMs: null,
    settledAtMs: null,
    servicerReference: null,
    amount: { minor: message.amountMinor, currency: message.currency },
  }
}

/** The same payment with the other final: what a bank says when it contradicts itself. */
export function aboutOpposite(about: TransactionStatus): TransactionStatus {
  const settled = about.status !== 'ACSC'
  return {
    ...about,
    statusId: newId('S'),
    status: settled ? 'ACSC' : 'RJCT',
    reason: settled ? null : 'MS03',
    settledAtMs: settled ? about.acceptedAtMs : null,
    servicerReference: settled ? newId('A') : null,
  }
}
