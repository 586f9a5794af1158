import type { Bearer } from '../bearer.ts'
import type { RefundState } from './rows.ts'

/** Whether an attempt that serves this id serves a refund. */
export function isRefund(id: string): boolean {
  return id.startsWith('rfd_')
}

/**
 * A refund as its calls know it. Its attempt alone decides about them: other refunds of the payment change its version
 * all the time, and nothing but evidence about the attempt ends a refund at a rail. That the rail has not answered is
 * said by a unit of its own (steps.ts), and so is its end.
 */
export function bearerOfRefund({ refund, attempt }: RefundState): Bearer {
  return { id: refund.id, guard: null, attempt, awaiting: () => ({}), ending: () => null }
}
