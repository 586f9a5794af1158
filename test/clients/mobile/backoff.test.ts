import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fullJitter } from '../../../clients/mobile/backoff.ts'

describe('full jitter', () => {
  const bytes = fc.uint8Array({ minLength: 6, maxLength: 6 })

  it('stays within [0, min(cap, base × 2^attempt))', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000),
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        bytes,
        (n, base, cap, b) => {
          const wait = fullJitter(n, base, cap, () => b)
          expect(wait).toBeGreaterThanOrEqual(0)
          expect(wait).toBeLessThan(Math.min(cap, base * 2 ** Math.min(n, 40)))
          expect(Number.isInteger(wait)).toBe(true)
        },
      ),
    )
  })

  it('spreads over the whole range: none of ten equal parts stays empty', () => {
    const waits = Array.from({ length: 1_000 }, () => {
      return fullJitter(10, 250, 20_000, (n) => crypto.getRandomValues(new Uint8Array(n)))
    })
    expect(new Set(waits.map((wait) => Math.floor(wait / 2_000))).size).toBe(10)
  })
})
