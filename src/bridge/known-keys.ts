import type { HubReply } from '../bus/index.ts'
import type { ErrorCode } from '../contract/index.ts'
import type { Clock } from '../domain/clock.ts'
import { BRIDGE_LIMITS } from './limits.ts'

/** What a hub, or the bridge in its place, may say before the key was looked at: nothing is known by it. */
const BEFORE_THE_KEY: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'temporarily_unavailable',
  'internal',
  'unknown_command',
])

/** Others with the same key wait for what is heard of it. */
type Question = { heard: Promise<boolean>; settle: (good: boolean) => void }

/**
 * Keys that a hub took a short while ago, by their hash; the one used least recently is forgotten first. While a hub
 * is asked about another, whoever comes with the same one waits for what it says: a merchant that begins with a
 * thousand requests at once has guessed but once.
 */
export class KnownKeys {
  readonly #clock: Clock
  /** Until when, monotonic ms. */
  readonly #goodUntil = new Map<string, number>()
  readonly #asked = new Map<string, Question>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether a hub took it a short while ago, or takes it now. */
  async isGood(key: string): Promise<boolean> {
    if ((this.#goodUntil.get(key) ?? 0) > this.#clock.monotonic()) return true
    return this.#asked.get(key)?.heard ?? false
  }

  /** A hub is to be asked about it. @returns to be called where nothing will be heard any more */
  ask(key: string): () => void {
    if (this.#asked.has(key)) return () => {}
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const settle = (good: boolean) => {
      clearTimeout(late)
      if (this.#asked.get(key) === question) this.#asked.delete(key)
      resolve(good)
    }
    const late = setTimeout(() => settle(false), BRIDGE_LIMITS.key_wait_ms).unref()
    const question = { heard: promise, settle }
    this.#asked.set(key, question)
    return () => settle(false)
  }

  /** What was said to a request with this key. */
  hear(key: string, reply: HubReply): void {
    const code = reply.ok ? null : reply.error.code
    const good = code === null || !(code === 'unauthenticated' || BEFORE_THE_KEY.has(code))
    if (good || code === 'unauthenticated') this.#goodUntil.delete(key)
    if (good) this.#remember(key)
    this.#asked.get(key)?.settle(good)
  }

  #remember(key: string): void {
    this.#goodUntil.set(key, this.#clock.monotonic() + BRIDGE_LIMITS.key_known_ms)
    if (this.#goodUntil.size <= BRIDGE_LIMITS.keys_known) return
    const oldest = this.#goodUntil.keys().next()
    if (oldest.done !== true) this.#goodUntil.delete(oldest.value)
  }
}
