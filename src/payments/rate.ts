/** A token bucket for each name, in memory of one process; bounded, the longest unused is forgotten first. */
export type TokenBuckets = {
  /** 0 when a token was taken, else the milliseconds until there is one. */
  take(name: string, monotonicMs: number): number
}

export function makeTokenBuckets(limits: { perSecond: number; burst: number; names: number }): TokenBuckets {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    take(name, now) {
      const before = buckets.get(name) ?? { tokens: limits.burst, at: now }
      const tokens = Math.min(limits.burst, before.tokens + ((now - before.at) / 1_000) * limits.perSecond)
      buckets.delete(name)
      buckets.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
      if (buckets.size > limits.names) {
        const [oldest] = buckets.keys()
        if (oldest !== undefined) buckets.delete(oldest)
      }
      return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / limits.perSecond) * 1_000)
    },
  }
}
