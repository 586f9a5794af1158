export type Rate = { per_s: number; burst: number }

/** A token bucket: `burst` at once, then `per_s`. Time is passed in, in monotonic milliseconds. */
export class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #at_ms: number

  constructor(rate: Rate, now_ms: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at_ms = now_ms
  }

  /** Takes one token: 0, or the milliseconds until there will be one. */
  take(now_ms: number): number {
    this.#refill(now_ms)
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.ceil(((1 - this.#tokens) / this.#rate.per_s) * 1000)
  }

  /** Puts tokens in, also beyond the burst, which they go above by so many at most. */
  give(tokens: number, beyond: number): void {
    this.#tokens = Math.min(this.#rate.burst + beyond, this.#tokens + tokens)
  }

  /** A full bucket remembers nothing, so it may be forgotten. */
  isFull(now_ms: number): boolean {
    this.#refill(now_ms)
    return this.#tokens >= this.#rate.burst
  }

  #refill(now_ms: number): void {
    const passed_ms = Math.max(0, now_ms - this.#at_ms)
    this.#at_ms = Math.max(this.#at_ms, now_ms)
    const { burst, per_s } = this.#rate
    if (this.#tokens < burst) this.#tokens = Math.min(burst, this.#tokens + (passed_ms / 1000) * per_s)
  }
}

/** One bucket a key, shared by all of a user's sockets; buckets that are full again are dropped. */
export class TokenBuckets {
  readonly #rate: Rate
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(rate: Rate) {
    this.#rate = rate
  }

  get size(): number {
    return this.#buckets.size
  }

  take(key: string, now_ms: number): number {
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rate, now_ms)
      this.#buckets.set(key, bucket)
    }
    return bucket.take(now_ms)
  }

  sweep(now_ms: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(now_ms)) this.#buckets.delete(key)
  }
}
