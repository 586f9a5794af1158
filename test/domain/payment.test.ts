import { expect, test } from 'vitest'
import { PAYMENT_STATUSES } from '../../src/contract/names.ts'
import { assertMove, canMove, isTerminal } from '../../src/domain/payment.ts'

test('nothing leaves a terminal state', () => {
  const terminal = PAYMENT_STATUSES.filter((status) => isTerminal(status))
  expect(terminal).toEqual(['succeeded', 'failed', 'canceled', 'expired'])
  for (const from of terminal) for (const to of PAYMENT_STATUSES) expect(canMove(from, to)).toBe(false)
})

test('the moves of the design are legal, and no payment fails before it was accepted', () => {
  expect(canMove('requires_confirmation', 'processing')).toBe(true)
  expect(canMove('processing', 'requires_action')).toBe(true)
  expect(canMove('requires_action', 'processing')).toBe(true)
  expect(canMove('processing', 'expired')).toBe(true)
  expect(canMove('requires_confirmation', 'failed')).toBe(false)
  expect(canMove('requires_capture', 'failed')).toBe(false)
})

test('an illegal transition has its own name', () => {
  expect(() => assertMove('succeeded', 'failed')).toThrow(/illegal_transition/)
})

test('every state that is not terminal can reach one', () => {
  for (const start of PAYMENT_STATUSES) {
    const reached = new Set([start])
    for (const from of reached) for (const to of PAYMENT_STATUSES) if (canMove(from, to)) reached.add(to)
    expect([...reached].some((status) => isTerminal(status))).toBe(true)
  }
})
