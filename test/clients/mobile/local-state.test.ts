import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../../clients/mobile/limits.ts'
import { LocalState } from '../../../clients/mobile/local-state.ts'
import type { PaymentView } from '../../../src/contract/index.ts'
import { payment } from './harness.ts'

describe('local state', () => {
  it('never goes back in a payment’s version, and tells each rise once', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 60 }), (versions) => {
        const told: number[] = []
        const state = new LocalState((one) => told.push(one.version))
        for (const version of versions) state.applyPayment(payment(version))
        expect(told).toEqual([...new Set(told)].toSorted((a, b) => a - b))
        expect(state.payments.get(payment(1).id)?.version).toBe(Math.max(...versions))
      }),
    )
  })

  it('asks again for what a snapshot no longer names and was open here', () => {
    const state = new LocalState(() => {})
    const id = (n: number) => `pay_000000000000000000000${n}`
    state.applyPayment(payment(2, { id: id(1) }))
    state.applyPayment(payment(2, { id: id(2), status: 'succeeded' }))
    state.applyPayment(payment(2, { id: id(3) }))
    const lost = state.applySnapshot([{ payments: [payment(3, { id: id(3) })] }])
    expect(lost).toEqual([id(1)])
  })

  it('takes a snapshot’s balances for all there are', () => {
    const state = new LocalState(() => {})
    state.applyBalance({ currency: 'EUR', available: '1', pending: '0' })
    state.applySnapshot([{ balances: [{ currency: 'KES', available: '5', pending: '0' }] }, { payments: [] }])
    expect([...state.balances.keys()]).toEqual(['KES'])
  })

  it('is bounded, and lets ended payments go first', () => {
    const state = new LocalState(() => {})
    const numbered = (n: number, status: PaymentView['status']) =>
      payment(1, { id: `pay_${String(n).padStart(22, '0')}`, status })
    state.applyPayment(numbered(0, 'processing'))
    for (let n = 1; n <= LIMITS.payments + 10; n++) state.applyPayment(numbered(n, 'succeeded'))
    expect(state.payments.size).toBe(LIMITS.payments)
    expect(state.payments.has(numbered(0, 'processing').id)).toBe(true)
  })
})
