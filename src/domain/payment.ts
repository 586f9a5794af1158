import type { PaymentStatus } from '../contract/names.ts'

/**
 * The public state machine of a payment (payments.md, Public states), as one
 * table: nothing moves that is not listed here.
 */
const MOVES: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  requires_confirmation: ['requires_action', 'processing', 'succeeded', 'canceled', 'expired'],
  requires_action: ['processing', 'succeeded', 'canceled', 'expired'],
  processing: ['requires_action', 'requires_capture', 'succeeded', 'failed', 'canceled', 'expired'],
  requires_capture: ['succeeded', 'canceled', 'expired'],
  succeeded: [],
  failed: [],
  canceled: [],
  expired: [],
}

export function isTerminal(status: PaymentStatus): boolean {
  return MOVES[status].length === 0
}

export function canMove(from: PaymentStatus, to: PaymentStatus): boolean {
  return MOVES[from].includes(to)
}

/** Throws on a move the table does not list: a bug here, never a refusal to a client. */
export function assertMove(from: PaymentStatus, to: PaymentStatus): void {
  if (!canMove(from, to)) throw new Error(`illegal_transition: a payment does not go from ${from} to ${to}`)
}
