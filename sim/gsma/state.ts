import type { RandomSettings, Rule } from '../common/faults/kinds.ts'
import type { Account, Callback, Decision, Entry, InquiryTrouble, Payment, Refusal, Return, Tamper } from './entry.ts'

/**
 * Everything the operator knows, derived from its log and from nothing else.
 *
 * M1. One line of the log is one happening, whole or absent: an order, its movement and the callbacks it owes
 *     stand in the same line.
 * M2. One effect per (operation, reference), and one per correlation id: an order is entered once, and moves once.
 * M3. Balances are derived: opening balance plus the effects of the book.
 */

export type Effect = { key: string; effect: 'moved' | 'returned'; transactionReference: string; atMs: number }
type Wallet = { opening: Account; balanceMinor: bigint; heldMinor: bigint }

export const keyOf = (operation: Payment['operation'], reference: string) => `${operation}:${reference}`
const walletOf = (account: string, currency: string) => `${account}|${currency}`

export class OperatorState {
  readonly payments = new Map<string, Payment>()
  /** Keys by the client's correlation id, by ours, and by transaction reference. */
  readonly byCorrelation = new Map<string, string>()
  readonly byServerCorrelation = new Map<string, string>()
  readonly byTransaction = new Map<string, string>()
  readonly refusals = new Map<string, Refusal>()
  readonly refusalsByServer = new Map<string, Refusal>()
  readonly arrivals = new Map<string, number>()
  readonly effects: Effect[] = []
  readonly refunds = new Map<string, string[]>()
  readonly wallets = new Map<string, Wallet>()
  readonly polls = new Map<string, number>()
  readonly callbacks = new Map<string, Callback>()
  readonly rules = new Map<string, Rule>()
  readonly inquiryTroubles = new Map<string, InquiryTrouble>()
  readonly closedDays = new Set<string>()
  readonly tampers: Tamper[] = []
  random: RandomSettings = { seed: 0, faults: {} }
  outage: NonNullable<Entry['outage']> = { untilMs: 0, mode: 'refuse' }
  clockOffsetMs = 0

  apply(entry: Entry): void {
    if (entry.arrived !== undefined) this.arrivals.set(entry.arrived, this.arrivalsOf(entry.arrived) + 1)
    for (const id of entry.usedRules ?? []) this.#wearOut(id)
    for (const account of entry.opened ?? []) this.#open(account)
    if (entry.accepted !== undefined) this.#accept(entry.accepted)
    if (entry.refused !== undefined) this.#refuse(entry.refused)
    if (entry.inquiryTrouble !== undefined) this.inquiryTroubles.set(...entry.inquiryTrouble)
    if (entry.decided !== undefined) this.#decide(entry.decided)
    if (entry.returned !== undefined) this.#giveBack(entry.returned)
    if (entry.polled !== undefined) this.polls.set(entry.polled, this.pollsOf(entry.polled) + 1)
    for (const callback of entry.callbacks ?? []) this.callbacks.set(callback.id, callback)
    if (entry.callbackDone !== undefined) this.callbacks.delete(entry.callbackDone)
    this.#configure(entry)
  }

  arrivalsOf = (key: string): number => this.arrivals.get(key) ?? 0
  pollsOf = (serverCorrelationId: string): number => this.polls.get(serverCorrelationId) ?? 0

  at(key: string | undefined): Payment | null {
    return key === undefined ? null : (this.payments.get(key) ?? null)
  }

  wallet(account: string, currency: string): Readonly<Wallet> | null {
    return this.wallets.get(walletOf(account, currency)) ?? null
  }

  refundsOf(key: string): Payment[] {
    return (this.refunds.get(key) ?? []).flatMap((refund) => this.payments.get(refund) ?? [])
  }

  #configure(entry: Entry): void {
    if (entry.account !== undefined) this.#setAccount(entry.account)
    if (entry.rule !== undefined) this.rules.set(entry.rule.id, entry.rule)
    if (entry.ruleRemoved !== undefined) this.rules.delete(entry.ruleRemoved)
    if (entry.random !== undefined) this.random = entry.random
    if (entry.outage !== undefined) this.outage = entry.outage
    if (entry.clockOffsetMs !== undefined) this.clockOffsetMs = entry.clockOffsetMs
    if (entry.dayClosed !== undefined) this.closedDays.add(entry.dayClosed)
    if (entry.tamper !== undefined) this.tampers.push(entry.tamper)
  }

  #wearOut(id: string): void {
    const rule = this.rules.get(id)
    if (rule === undefined || rule.times === null) return
    if (rule.times > 1) this.rules.set(id, { ...rule, times: rule.times - 1 })
    else this.rules.delete(id)
  }

  #open(account: Account): void {
    const name = walletOf(account.account, account.currency)
    if (this.wallets.has(name)) throw new Error(`the log opens a wallet twice: ${name}`)
    this.wallets.set(name, { opening: account, balanceMinor: account.openingMinor, heldMinor: 0n })
  }

  #setAccount(account: Account): void {
    const name = walletOf(account.account, account.currency)
    const heldMinor = this.wallets.get(name)?.heldMinor ?? 0n
    this.wallets.set(name, { opening: account, balanceMinor: account.openingMinor, heldMinor })
  }

  #accept(payment: Payment): void {
    const key = keyOf(payment.operation, payment.reference)
    if (this.payments.has(key)) throw new Error(`the log enters an order twice: ${key}`)
    this.payments.set(key, payment)
    this.byCorrelation.set(payment.correlationId, key)
    this.byServerCorrelation.set(payment.serverCorrelationId, key)
    this.byTransaction.set(payment.transactionReference, key)
    if (payment.original !== '') {
      this.refunds.set(payment.original, [...(this.refunds.get(payment.original) ?? []), key])
    }
    if (payment.status === 'completed') this.#move(key, payment, payment.acceptedAtMs)
    if (payment.status === 'pending') this.#payer(payment).heldMinor += payment.amountMinor
  }

  #refuse(refusal: Refusal): void {
    this.refusals.set(refusal.correlationId, refusal)
    this.refusalsByServer.set(refusal.serverCorrelationId, refusal)
  }

  #decide({ key, status, error, atMs }: Decision): void {
    const payment = this.payments.get(key)
    if (payment?.status !== 'pending') throw new Error(`the log decides what is not pending: ${key}`)
    this.#payer(payment).heldMinor -= payment.amountMinor
    Object.assign(payment, { status, error, changedAtMs: atMs })
    if (status === 'completed') this.#move(key, payment, atMs)
  }

  #move(key: string, payment: Payment, atMs: number): void {
    this.effects.push({ key, effect: 'moved', transactionReference: payment.transactionReference, atMs })
    this.#transfer(payment, payment.amountMinor)
    const original = this.payments.get(payment.original)
    if (payment.type === 'reversal' && original !== undefined) {
      Object.assign(original, { status: 'reversed', changedAtMs: atMs })
    }
  }

  #giveBack({ key, transactionReference, atMs }: Return): void {
    const payment = this.payments.get(key)
    if (payment?.status !== 'completed') throw new Error(`the log takes back what is not settled: ${key}`)
    this.effects.push({ key, effect: 'returned', transactionReference, atMs })
    this.#transfer(payment, -payment.amountMinor)
    Object.assign(payment, { status: 'reversed', changedAtMs: atMs })
  }

  /** From the payer to the payee of an order; negative undoes it. */
  #transfer(payment: Payment, amountMinor: bigint): void {
    const towardsOwn = payment.operation === 'collect' ? amountMinor : -amountMinor
    this.#wallet(payment.ownAccount, payment.currency).balanceMinor += towardsOwn
    this.#wallet(payment.account, payment.currency).balanceMinor -= towardsOwn
  }

  #payer(payment: Payment): Wallet {
    return this.#wallet(payment.operation === 'collect' ? payment.account : payment.ownAccount, payment.currency)
  }

  #wallet(account: string, currency: string): Wallet {
    const wallet = this.wallets.get(walletOf(account, currency))
    if (wallet === undefined) throw new Error('a movement on a wallet that was never opened')
    return wallet
  }
}
