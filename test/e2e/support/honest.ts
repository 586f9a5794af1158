import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { RawPhone } from './raw-phone.ts'

/** Between a reply and the next command: well below what the edge lets a user ask. */
const PAUSE_MS = 25
/** Replies for a median. */
const SAMPLES = 40
/** What an honest client may wait while another misbehaves, beside twice what it waits otherwise: a timer's and a turn's worth. */
const FACTOR = 2
const ALLOWED_MS = 5
/** Where more wants to run than there are cores, whatever is added waits in line behind others' work. */
const FACTOR_IN_LINE = 8
/** Whoever else works on this machine may do so during some. */
const TRIES = 3

type Sample = { begunAt: number; tookMs: number }

/** Phones that ask one thing after the other all the time, and how long they wait for each answer. */
export class HonestClients {
  readonly #samples: Sample[] = []
  readonly #asking: Promise<void>
  #going = true

  constructor(phones: readonly RawPhone[]) {
    this.#asking = Promise.all(phones.map((phone) => this.#ask(phone))).then(() => undefined)
    // Told by `stop`, or by whoever waits for replies that no longer come.
    this.#asking.catch(() => undefined)
  }

  /** @throws where any of their commands was not answered as it should be */
  async stop(): Promise<void> {
    this.#going = false
    await this.#asking
  }

  /**
   * Holds that while `abuse` goes on they wait at most twice as long as they do before or after it: what else this
   * machine does is in either. Tried again where they did not; on a machine that others fill the last try is held to less.
   */
  async areUnharmedBy(abuse: () => Promise<void>): Promise<void> {
    const seen: string[] = []
    for (let no = 0; no < TRIES; no++) {
      const before = await this.#quietly()
      const begunAt = performance.now()
      await abuse()
      const during = this.#median(begunAt, performance.now())
      const usual = Math.max(before, await this.#quietly())
      const factor = no === TRIES - 1 && isFull() ? FACTOR_IN_LINE : FACTOR
      if (Number.isFinite(during) && during <= factor * usual + ALLOWED_MS) return
      seen.push(`${during.toFixed(1)} ms where it is ${usual.toFixed(1)} ms otherwise`)
    }
    expect.fail(`an honest client waited ${seen.join(', then ')}`)
  }

  async #ask(phone: RawPhone): Promise<void> {
    while (this.#going) {
      const begunAt = performance.now()
      const reply = await phone.socket.command('wallet.balances', {})
      if (!reply.ok) throw new Error(`an honest client was refused: ${JSON.stringify(reply.error)}`)
      this.#samples.push({ begunAt, tookMs: performance.now() - begunAt })
      await delay(PAUSE_MS)
    }
  }

  async #quietly(): Promise<number> {
    const begunAt = performance.now()
    const until = this.#samples.length + SAMPLES
    while (this.#samples.length < until) await Promise.race([delay(PAUSE_MS), this.#asking])
    return this.#median(begunAt, performance.now())
  }

  /** Of the commands that were sent in this time; endless where hardly any was answered. */
  #median(from: number, to: number): number {
    const took = this.#samples
      .filter(({ begunAt }) => begunAt >= from && begunAt <= to)
      .map(({ tookMs }) => tookMs)
      .toSorted((a, b) => a - b)
    return took.length < SAMPLES / 4 ? Infinity : (took[took.length >> 1] ?? Infinity)
  }
}

const isFull = (): boolean => (loadavg()[0] ?? 0) > 2 * availableParallelism()

/** Begins `act` every so often for a while; what came of each. */
export async function steadily<T>(forMs: number, everyMs: number, act: (no: number) => Promise<T>): Promise<T[]> {
  const acts: Promise<T>[] = []
  const until = performance.now() + forMs
  for (let no = 0; performance.now() < until; no++) {
    acts.push(act(no))
    await delay(everyMs)
  }
  return Promise.all(acts)
}
