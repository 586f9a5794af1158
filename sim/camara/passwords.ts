import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { SimClock } from '../common/clock.ts'
import { Journal } from '../common/journal.ts'
import { Outage } from '../common/outage.ts'

/**
 * One-time passwords and the messages that carried them, durable: a password sent before a crash still verifies
 * after it, and tries used up stay used up. Times are ms since the epoch by the operator's clock.
 */

export const CODE_DIGITS = 6
const TRIES = 5
const LIFETIME_MS = 300_000
/** A used or dead password is still known as such for this long. */
const KNOWN_FOR_MS = 3_600_000
const CODES_PER_NUMBER_AND_HOUR = 60
const MESSAGES_KEPT_PER_NUMBER = 100

const Password = z.object({
  authenticationId: z.string(),
  phone: z.string(),
  code: z.string(),
  text: z.string(),
  atMs: z.number(),
})
type Password = z.infer<typeof Password>
const Entry = z.strictObject({
  sent: Password.optional(),
  failed: z.string().optional(),
  verified: z.string().optional(),
  outage: Outage.optional(),
  clockOffsetMs: z.number().optional(),
})
type Entry = z.infer<typeof Entry>

export type Sms = { phone: string; text: string; at: string }
export type Verdict = 'right' | 'wrong' | 'expired' | 'exhausted' | 'unknown'

export class Passwords {
  readonly clock = new SimClock()
  outage: Outage = { untilMs: 0, mode: 'refuse' }
  /** Puts an outage that begins, or is ended early, into effect. */
  onOutage: () => Promise<void> = () => Promise.resolve()
  readonly #passwords = new Map<string, { password: Password; failures: number; verified: boolean }>()
  readonly #byPhone = new Map<string, Password[]>()
  #journal: Journal | null = null

  static async open(directory: string, onFailure: (error: unknown) => void): Promise<Passwords> {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const passwords = new Passwords()
    passwords.#journal = await Journal.open(
      join(directory, 'operator.jsonl'),
      (line) => passwords.#apply(Entry.parse(line)),
      onFailure,
    )
    return passwords
  }

  /** Makes a code, puts it into the message and delivers that. null when the number had too many of late. */
  async send(phone: string, template: string): Promise<string | null> {
    const atMs = this.clock.nowMs()
    this.#forget(atMs)
    const recent = (this.#byPhone.get(phone) ?? []).filter((password) => password.atMs > atMs - KNOWN_FOR_MS)
    if (recent.length >= CODES_PER_NUMBER_AND_HOUR) return null
    const code = randomInt(10 ** CODE_DIGITS)
      .toString()
      .padStart(CODE_DIGITS, '0')
    const text = template.replaceAll('{{code}}', code)
    const authenticationId = randomUUID()
    await this.#record({ sent: { authenticationId, phone, code, text, atMs } })
    return authenticationId
  }

  /** A wrong try is counted durably before it is answered, so that a crash gives no tries back. */
  async validate(authenticationId: string, code: string): Promise<Verdict> {
    const known = this.#passwords.get(authenticationId)
    if (known === undefined) return 'unknown'
    if (known.failures >= TRIES) return 'exhausted'
    if (known.verified || this.clock.nowMs() > known.password.atMs + LIFETIME_MS) return 'expired'
    const asked = Buffer.from(code)
    const right = Buffer.from(known.password.code)
    if (asked.length === right.length && timingSafeEqual(asked, right)) {
      await this.#record({ verified: authenticationId })
      return 'right'
    }
    const last = known.failures + 1 === TRIES
    await this.#record({ failed: authenticationId })
    return last ? 'exhausted' : 'wrong'
  }

  /** Messages to a phone, newest first; of every phone when none is named. */
  inbox(phone: string | null): Sms[] {
    const found = phone === null ? [...this.#byPhone.values()].flat() : (this.#byPhone.get(phone) ?? [])
    return found
      .toSorted((a, b) => a.atMs - b.atMs)
      .toReversed()
      .map((password) => ({ phone: password.phone, text: password.text, at: new Date(password.atMs).toISOString() }))
  }

  async beginOutage(outage: Outage): Promise<void> {
    await this.#record({ outage })
    await this.onOutage()
  }

  shiftClock(offsetMs: number): Promise<void> {
    return this.#record({ clockOffsetMs: offsetMs })
  }

  async close(): Promise<void> {
    await this.#journal?.close()
  }

  async #record(entry: Entry): Promise<void> {
    this.#apply(entry)
    this.#journal?.append(JSON.stringify(entry))
    await this.#journal?.flushed()
  }

  #apply(entry: Entry): void {
    if (entry.sent !== undefined) {
      this.#passwords.set(entry.sent.authenticationId, { password: entry.sent, failures: 0, verified: false })
      const messages = this.#byPhone.get(entry.sent.phone) ?? []
      this.#byPhone.set(entry.sent.phone, [...messages, entry.sent].slice(-MESSAGES_KEPT_PER_NUMBER))
    }
    const failed = entry.failed === undefined ? undefined : this.#passwords.get(entry.failed)
    if (failed !== undefined) failed.failures += 1
    const verified = entry.verified === undefined ? undefined : this.#passwords.get(entry.verified)
    if (verified !== undefined) verified.verified = true
    if (entry.outage !== undefined) this.outage = entry.outage
    if (entry.clockOffsetMs !== undefined) this.clock.shift(entry.clockOffsetMs)
  }

  #forget(nowMs: number): void {
    for (const [id, { password }] of this.#passwords) {
      if (password.atMs > nowMs - KNOWN_FOR_MS) return
      this.#passwords.delete(id)
    }
  }
}
