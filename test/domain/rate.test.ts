import { describe, expect, it } from 'vitest'
import { Buckets } from '../../src/domain/rate.ts'

describe('a bucket', () => {
  it('gives its burst at once, then its rate, and says how long to wait', () => {
    let now = 0
    const buckets = new Buckets({ perSecond: 10, burst: 3 }, 10, () => now)
    expect([1, 2, 3].map(() => buckets.take('a').remaining)).toEqual([2, 1, 0])
    expect(buckets.take('a')).toEqual({ ok: false, remaining: 0, retryAfterMs: 100 })
    now = 99
    expect(buckets.take('a').ok).toBe(false)
    now = 101
    expect(buckets.take('a').ok).toBe(true)
    now = 10_000
    expect(buckets.take('a').remaining).toBe(2)
  })

  it('is one for each key, and the number of them is bounded', () => {
    const buckets = new Buckets({ perSecond: 1, burst: 1 }, 2, () => 0)
    expect(['a', 'b', 'a', 'b'].map((key) => buckets.take(key).ok)).toEqual([true, true, false, false])
    buckets.take('c') // forgets a
    expect(buckets.take('b').ok).toBe(false)
    expect(buckets.take('a').ok).toBe(true)
  })
})
