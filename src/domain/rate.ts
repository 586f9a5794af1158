export type Rate = { perSecond: number; burst: number }

export type Take = { ok: boolean; remaining: number; retryAfterMs: number }

type Bucket = { tokens: number; at: number }

/**
 * Token buckets by key, at most `limit` of them: the one used least recently is
 * forgotten first, which gives its holder a full one.
 */
export class Buckets {
  readonly rate: Rate
  readonly #limit: number
  readonly #monotonic: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: Rate, limit: number, monotonic: () => number) {
    this.rate = rate
    this.#limit = limit
    this.#monotonic = monotonic
  }

  take(key: string): Take {
    const now = this.#monotonic()
    const old = this.#buckets.get(key)
    const earned = old === undefined ? Infinity : ((now - old.at) / 1_000) * this.rate.perSecond
    const tokens = Math.min(this.rate.burst, (old?.tokens ?? 0) + earned)
    const ok = tokens >= 1
    const left = ok ? tokens - 1 : tokens
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: left, at: now })
    this.#forgetOldest()
    const retryAfterMs = ok ? 0 : Math.ceil(((1 - left) / this.rate.perSecond) * 1_000)
    return { ok, remaining: Math.floor(left), retryAfterMs }
  }

  /** Gives back what was taken for nothing. */
  giveBack(key: string): void {
    const bucket = this.#buckets.get(key)
    if (bucket !== undefined) bucket.tokens = Math.min(this.rate.burst, bucket.tokens + 1)
  }

  #forgetOldest(): void {
    if (this.#buckets.size <= this.#limit) return
    const oldest = this.#buckets.keys().next()
    if (oldest.done !== true) this.#buckets.delete(oldest.value)
  }
}
