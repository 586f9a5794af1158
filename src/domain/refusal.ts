import type { ErrorCode } from '../contract/names.ts'

/**
 * A command turned down: the code, the field or claim at fault, and a sentence
 * for the person reading it that says what to do next.
 */
export type Refusal = {
  code: ErrorCode
  message: string
  param?: string
  retryAfterMs?: number
  /** The other payment, where the code is about one (`order_ref_in_use`). */
  payment?: string
}

export function refuse(code: ErrorCode, message: string, more: Omit<Refusal, 'code' | 'message'> = {}): Refusal {
  return { code, message, ...more }
}
