import type {
  Account,
  Callback,
  Decision,
  Entry,
  InquiryTrouble,
  Mandate,
  Operation,
  Payment,
  Return,
  Tampering,
} from './entry.ts'
import type { Outage } from '../common/outage.ts'
import type { RandomSettings, Rule } from './faults/kinds.ts'

/**
 * Everything the bank knows, derived from its log and from nothing else.
 *
 * B1. One line of the log is one happening, whole or absent: a payment, its movement, its answer and the nonce
 *     of the request that asked for it stand in the same line.
 * B2. One effect per (operation, reference): a payment is entered once, and moves once.
 * B3. Balances are derived: opening balance plus the effects of the book.
 */

export type Effect = { key: string; effect: 'moved' | 'returned'; amountMinor: bigint; atMs: number }

export const keyOf = (operation: Operation, reference: string) => `${operation}:${reference}`
export const potOf = (account: string, currency: string) => `${account}|${currency}`

type Pot = { opening: Account; balanceMinor: bigint; heldMinor: bigint }

export class BankState {
  readonly payments = new Map<string, Payment>()
  readonly byUetr = new Map<string, string>()
  readonly byMessageId = new Map<string, string>()
  readonly arrivals = new Map<string, number>()
  readonly effects: Effect[] = []
  readonly effectsOf = new Map<string, Effect[]>()
  readonly refunds = new Map<string, Payment[]>()
  readonly returns = new Map<string, Return[]>()
  readonly pots = new Map<string, Pot>()
  readonly entitled = new Map<string, string>()
  readonly mandates = new Map<string, Mandate>()
  readonly mandateByReference = new Map<string, Mandate>()
  readonly callbacks = new Map<string, Callback>()
  readonly rules = new Map<string, Rule>()
  readonly tombstones = new Set<string>()
  readonly refusedMessages = new Set<string>()
  readonly nonces = new Map<string, number>()
  readonly inquiryTroubles = new Map<string, InquiryTrouble>()
  readonly daysClosed = new Map<string, number>()
  readonly tamperings: Tampering[] = []
  random: RandomSettings = { seed: 0, faults: {} }
  outage: Outage = { untilMs: 0, mode: 'refuse' }
  clockOffsetMs = 0

  apply(entry: Entry): void {
    if (entry.nonce !== undefined) this.nonces.set(entry.nonce[0], entry.nonce[1])
    if (entry.arrived !== undefined) this.arrivals.set(entry.arrived, this.arrivalsOf(entry.arrived) + 1)
    for (const id of entry.usedRules ?? []) this.#useRule(id)
    for (const account of entry.opened ?? []) this.#open(account)
    if (entry.entitled !== undefined) this.entitled.set(...entry.entitled)
    if (entry.accepted !== undefined) this.#accept(entry.accepted)
    if (entry.inquiryTrouble !== undefined) this.inquiryTroubles.set(...entry.inquiryTrouble)
    if (entry.decided !== undefined) this.#decide(entry.decided)
    if (entry.returned !== undefined) this.#return(entry.returned)
    if (entry.tombstone !== undefined) this.tombstones.add(entry.tombstone)
    if (entry.refusedMessage !== undefined) this.refusedMessages.add(entry.refusedMessage)
    if (entry.mandate !== undefined) this.#mandate(entry.mandate)
    if (entry.mandateEnded !== undefined) this.#endMandate(entry.mandateEnded)
    for (const callback of entry.callbacks ?? []) this.callbacks.set(callback.id, callback)
    if (entry.callbackDone !== undefined) this.callbacks.delete(entry.callbackDone)
    if (entry.account !== undefined) this.#setAccount(entry.account)
    if (entry.rule !== undefined) this.rules.set(entry.rule.id, entry.rule)
    if (entry.ruleRemoved !== undefined) this.rules.delete(entry.ruleRemoved)
    if (entry.random !== undefined) this.random = entry.random
    if (entry.outage !== undefined) this.outage = entry.outage
    if (entry.dayClosed !== undefined) this.daysClosed.set(...entry.dayClosed)
    if (entry.tampered !== undefined) this.tamperings.push(entry.tampered)
    if (entry.clockOffsetMs !== undefined) this.clockOffsetMs = entry.clockOffsetMs
  }

  arrivalsOf(key: string): number {
    return this.arrivals.get(key) ?? 0
  }

  /** What an account may still spend: its balance less what pending payments hold. */
  availableMinor(account: string, currency: string): bigint {
    const pot = this.#pot(account, currency)
    return pot.balanceMinor - pot.heldMinor
  }

  /** What is left of a settled payment once its refunds, pending ones too, and its returns are taken off. */
  leftMinor(key: string): bigint {
    const payment = this.payments.get(key)
    if (payment === undefined || payment.status !== 'ACSC') return 0n
    const given = (this.refunds.get(key) ?? []).filter((refund) => refund.status !== 'RJCT')
    const gone = [...given, ...(this.returns.get(key) ?? [])]
    return gone.reduce((left, { amountMinor }) => left - amountMinor, payment.amountMinor)
  }

  /** Nonces matter only while their signature's time could still pass. */
  forgetNonces(beforeS: number): void {
    for (const [nonce, createdS] of this.nonces) if (createdS < beforeS) this.nonces.delete(nonce)
  }

  #useRule(id: string): void {
    const rule = this.rules.get(id)
    if (rule === undefined || rule.times === null) return
    if (rule.times === 1) this.rules.delete(id)
    else this.rules.set(id, { ...rule, times: rule.times - 1 })
  }

  #open(account: Account): void {
    const pot = potOf(account.account, account.currency)
    if (this.pots.has(pot)) throw new Error(`the log opens an account twice: ${pot}`)
    this.pots.set(pot, { opening: account, balanceMinor: account.openingMinor, heldMinor: 0n })
  }

  #setAccount(account: Account): void {
    const heldMinor = this.pots.get(potOf(account.account, account.currency))?.heldMinor ?? 0n
    this.pots.set(potOf(account.account, account.currency), {
      opening: account,
      balanceMinor: account.openingMinor,
      heldMinor,
    })
  }

  #pot(account: string, currency: string): Pot {
    const pot = this.pots.get(potOf(account, currency))
    if (pot === undefined) throw new Error('a movement on an account that was never opened')
    return pot
  }

  #accept(payment: Payment): void {
    const key = keyOf(payment.operation, payment.reference)
    if (this.payments.has(key)) throw new Error(`the log enters a payment twice: ${key}`)
    this.payments.set(key, payment)
    this.byMessageId.set(payment.messageId, key)
    if (payment.operation === 'refund') {
      const original = keyOf('collect', payment.original)
      this.refunds.set(original, [...(this.refunds.get(original) ?? []), payment])
    } else this.byUetr.set(payment.uetr, key)
    if (payment.status === 'ACSC') this.#move(key, payment, payment.acceptedAtMs)
    if (payment.status === 'PDNG') this.#payer(payment).heldMinor += payment.amountMinor
  }

  #decide(decision: Decision): void {
    const payment = this.payments.get(decision.key)
    if (payment === undefined || payment.status !== 'PDNG')
      throw new Error(`the log decides what is not pending: ${decision.key}`)
    this.#payer(payment).heldMinor -= payment.amountMinor
    payment.status = decision.status
    payment.reason = decision.reason
    payment.statusId = decision.statusId
    payment.servicerReference = decision.servicerReference
    payment.decidedAtMs = decision.atMs
    if (decision.status === 'ACSC') this.#move(decision.key, payment, decision.atMs)
  }

  #payer(payment: Payment): Pot {
    return this.#pot(payment.operation === 'collect' ? payment.account : payment.ownAccount, payment.currency)
  }

  #move(key: string, payment: Payment, atMs: number): void {
    this.#enter({ key, effect: 'moved', amountMinor: payment.amountMinor, atMs })
    this.#shift(payment, payment.amountMinor)
  }

  /** Back the way it came, as far as there is anything left of it. */
  #return(returned: Return): void {
    const { key, amountMinor, atMs } = returned
    const payment = this.payments.get(key)
    if (payment === undefined || amountMinor <= 0n || amountMinor > this.leftMinor(key))
      throw new Error(`the log returns more than there is: ${key}`)
    this.returns.set(key, [...(this.returns.get(key) ?? []), returned])
    this.#enter({ key, effect: 'returned', amountMinor, atMs })
    this.#shift(payment, -amountMinor)
  }

  #enter(effect: Effect): void {
    this.effects.push(effect)
    this.effectsOf.set(effect.key, [...(this.effectsOf.get(effect.key) ?? []), effect])
  }

  #shift(payment: Payment, amountMinor: bigint): void {
    const customer = this.#pot(payment.account, payment.currency)
    const own = this.#pot(payment.ownAccount, payment.currency)
    const towardsOwn = payment.operation === 'collect' ? amountMinor : -amountMinor
    own.balanceMinor += towardsOwn
    customer.balanceMinor -= towardsOwn
  }

  #mandate(mandate: Mandate): void {
    this.mandates.set(mandate.mandateId, mandate)
    this.mandateByReference.set(mandate.reference, mandate)
  }

  #endMandate(mandateId: string): void {
    const mandate = this.mandates.get(mandateId)
    if (mandate !== undefined) mandate.active = false
  }
}
