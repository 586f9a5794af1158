import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { SimClock } from '../../common/clock.ts'
import { Journal } from '../../common/journal.ts'
import {
  readEntry,
  writeEntry,
  type Account,
  type Effect,
  type Entry,
  type Notice,
  type Payment,
  type Refund,
  type Sms,
  type Subscriber,
  type Tamper,
  type Trouble,
} from './entry.ts'
import type { RandomSettings, Rule } from './faults/kinds.ts'

/**
 * Everything the operator knows of money, derived from its log and nothing else.
 *
 * O1. One line of the log is one happening, whole or absent: a payment's new state and its movement stand in one line.
 * O2. One effect `moved` for each (operation, reference), one `returned` at most to undo it.
 * O3. Balances are derived: what an account was opened with, less what was collected, plus what was given back.
 */

/** What a subscriber nobody set up can spend, in minor units. */
export const OPENING_MINOR = 100_000_000n
/** When the SIM cards of subscribers nobody set up were put in. */
const SIM_SINCE_MS = Date.UTC(2020, 0, 1)
const SMS_KEPT = 1_000

export const keyOf = (operation: string, reference: string): string => `${operation}:${reference}`
const potOf = (account: string, currency: string): string => `${account} ${currency}`

/** What the operator keeps aside for a payment in this state. */
const HOLDS: readonly string[] = ['processing', 'pending_validation', 'reserved']

export class Book {
  readonly clock: SimClock
  readonly payments = new Map<string, Payment>()
  readonly refunds = new Map<string, Refund>()
  readonly refundsOf = new Map<string, Set<string>>()
  /** Ids by `collect:<referenceCode>` and `refund:<referenceCode>`. */
  readonly byReference = new Map<string, string>()
  readonly byCorrelator = new Map<string, string>()
  readonly effects: Effect[] = []
  readonly effectsOf = new Map<string, Effect[]>()
  readonly arrivals = new Map<string, number>()
  readonly troubles = new Map<string, Trouble>()
  readonly notices = new Map<string, Notice>()
  readonly rules = new Map<string, Rule>()
  /** Effects the book had when a day was closed. */
  readonly closedDays = new Map<string, number>()
  readonly tampers: Tamper[] = []
  random: RandomSettings = { seed: 0, faults: {} }
  readonly #accounts = new Map<string, Account & { movedMinor: bigint; heldMinor: bigint }>()
  readonly #subscribers = new Map<string, Subscriber>()
  #sms: Sms[] = []
  #journal: Journal | null = null

  private constructor(clock: SimClock) {
    this.clock = clock
  }

  static async open(directory: string, clock: SimClock, onFailure: (error: unknown) => void): Promise<Book> {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const book = new Book(clock)
    const replay = (line: unknown) => book.#apply(readEntry(line))
    book.#journal = await Journal.open(join(directory, 'billing.jsonl'), replay, onFailure)
    return book
  }

  /** True in memory at once; told to anyone only after `durable()`. */
  record(entry: Entry): void {
    this.#apply(entry)
    this.#journal?.append(writeEntry(entry))
  }

  async durable(): Promise<void> {
    await this.#journal?.flushed()
  }

  async close(): Promise<void> {
    await this.#journal?.close()
  }

  arrivalsOf(step: string, reference: string): number {
    return this.arrivals.get(keyOf(step, reference)) ?? 0
  }

  /** How often the movement itself was asked for. */
  timesRequested(operation: string, reference: string): number {
    if (operation === 'refund') return this.arrivalsOf('refund', reference)
    return this.arrivalsOf('create', reference) + this.arrivalsOf('confirm', reference)
  }

  /** Balance and what is still free of it. */
  balanceOf(phone: string, currency: string): { balanceMinor: bigint; freeMinor: bigint; holder: string } {
    const account = this.#accounts.get(potOf(phone, currency))
    if (account === undefined) return { balanceMinor: OPENING_MINOR, freeMinor: OPENING_MINOR, holder: 'Subscriber' }
    const balanceMinor = account.openingMinor + account.movedMinor
    return { balanceMinor, freeMinor: balanceMinor - account.heldMinor, holder: account.holder }
  }

  currenciesOf(phone: string): string[] {
    return [...this.#accounts.values()].filter(({ account }) => account === phone).map(({ currency }) => currency)
  }

  /** To be recorded with the first movement of a subscriber in a currency. */
  openingOf(phone: string, currency: string): Pick<Entry, 'opened'> {
    if (this.#accounts.has(potOf(phone, currency))) return {}
    return { opened: { account: phone, currency, holder: 'Subscriber', openingMinor: OPENING_MINOR } }
  }

  subscriber(phone: string): Subscriber {
    return this.#subscribers.get(phone) ?? { phone, validation: 'none', simChangedAtMs: SIM_SINCE_MS }
  }

  /** Minor units of a payment that no refund has taken or is about to take. */
  remainingMinor(payment: Payment): bigint {
    const refunds = [...(this.refundsOf.get(payment.paymentId) ?? [])].map((id) => this.refunds.get(id))
    const given = refunds.filter((refund) => refund !== undefined && refund.status !== 'denied')
    return given.reduce((left, refund) => left - (refund?.amountMinor ?? 0n), payment.amountMinor)
  }

  sms(phone: string | null): Sms[] {
    return phone === null ? this.#sms : this.#sms.filter((sms) => sms.phone === phone)
  }

  troubleOf(reference: string): Trouble['kind'] | null {
    const trouble = this.troubles.get(reference)
    return trouble !== undefined && this.clock.nowMs() < trouble.untilMs ? trouble.kind : null
  }

  #apply(entry: Entry): void {
    if (entry.arrived !== undefined) this.arrivals.set(entry.arrived, (this.arrivals.get(entry.arrived) ?? 0) + 1)
    for (const id of entry.usedRules ?? []) this.#use(id)
    if (entry.opened !== undefined) this.#open(entry.opened)
    if (entry.payment !== undefined) this.#payment(entry.payment)
    if (entry.refund !== undefined) this.#refund(entry.refund)
    if (entry.effect !== undefined) this.#effect(entry.effect)
    if (entry.trouble !== undefined) this.troubles.set(...entry.trouble)
    for (const notice of entry.notices ?? []) this.notices.set(notice.id, notice)
    if (entry.noticeDone !== undefined) this.notices.delete(entry.noticeDone)
    if (entry.sms !== undefined) this.#sms = [...this.#sms, entry.sms].slice(-SMS_KEPT)
    if (entry.account !== undefined) this.#setAccount(entry.account)
    if (entry.subscriber !== undefined) this.#subscribers.set(entry.subscriber.phone, entry.subscriber)
    if (entry.rule !== undefined) this.rules.set(entry.rule.id, entry.rule)
    if (entry.ruleRemoved !== undefined) this.rules.delete(entry.ruleRemoved)
    if (entry.random !== undefined) this.random = entry.random
    if (entry.dayClosed !== undefined) this.closedDays.set(...entry.dayClosed)
    if (entry.tamper !== undefined) this.tampers.push(entry.tamper)
  }

  #use(id: string): void {
    const rule = this.rules.get(id)
    if (rule?.times === null || rule === undefined) return
    if (rule.times > 1) this.rules.set(id, { ...rule, times: rule.times - 1 })
    else this.rules.delete(id)
  }

  #open(account: Account): void {
    this.#accounts.set(potOf(account.account, account.currency), { ...account, movedMinor: 0n, heldMinor: 0n })
  }

  /** `openingMinor` of a set balance is what is there from now on. */
  #setAccount(account: Account): void {
    const pot = potOf(account.account, account.currency)
    this.#accounts.set(pot, { ...account, movedMinor: 0n, heldMinor: this.#accounts.get(pot)?.heldMinor ?? 0n })
  }

  #payment(payment: Payment): void {
    const before = this.payments.get(payment.paymentId)
    this.#hold(before, -1n)
    this.#hold(payment, 1n)
    this.payments.set(payment.paymentId, payment)
    this.#index('collect', payment.paymentId, payment)
  }

  #hold(payment: Payment | undefined, sign: bigint): void {
    if (payment === undefined || !HOLDS.includes(payment.status)) return
    const account = this.#accounts.get(potOf(payment.phone, payment.currency))
    if (account === undefined) throw new Error('the log holds money on an account that was never opened')
    account.heldMinor += sign * payment.amountMinor
  }

  #refund(refund: Refund): void {
    this.refunds.set(refund.refundId, refund)
    const siblings = this.refundsOf.get(refund.paymentId) ?? new Set()
    this.refundsOf.set(refund.paymentId, siblings.add(refund.refundId))
    this.#index('refund', refund.refundId, refund)
  }

  #index(operation: string, id: string, { reference, correlator }: Payment | Refund): void {
    this.byReference.set(keyOf(operation, reference), id)
    if (correlator !== null) this.byCorrelator.set(keyOf(operation, correlator), id)
  }

  #effect(effect: Effect): void {
    const key = keyOf(effect.operation, effect.reference)
    const before = this.effectsOf.get(key) ?? []
    if (before.some((one) => one.effect === effect.effect)) throw new Error(`the log moves money twice: ${key}`)
    const account = this.#accounts.get(potOf(effect.account, effect.currency))
    if (account === undefined) throw new Error('the log moves money on an account that was never opened')
    const takes = (effect.operation === 'collect') === (effect.effect === 'moved')
    account.movedMinor += takes ? -effect.amountMinor : effect.amountMinor
    this.effects.push(effect)
    this.effectsOf.set(key, [...before, effect])
  }
}
