import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { strikeAfter, strikeBefore, type JsonAnswer, type JsonReply } from '../common/answer.ts'
import { chooseFaults, type Chosen } from '../common/faults/choose.ts'
import type { OrderFault } from '../common/faults/kinds.ts'
import type { Book } from './book.ts'
import type { Callbacks } from './callbacks.ts'
import type { Client } from './client.ts'
import { askedBack, askedFor, judge, keyOfAsked, openingsFor, type Asked } from './decision.ts'
import type { Entry, Payment } from './entry.ts'
import { newTransactionReference, planOf, type Finals } from './finals.ts'
import { magicFaults } from './magic.ts'
import { business, errorOf, errorReply, PLAIN_DECLINE, type WireError } from './wire/error.ts'
import { correlationOf, headerFault, headerText } from './wire/headers.ts'
import { readReversal, readTransaction, type ReadOrder } from './wire/order.ts'
import { orderReply } from './wire/view.ts'

export type OrderPath = { kind: 'transaction'; type: 'merchantpay' | 'disbursement' } | { kind: 'reversal'; of: string }

export type OrderCall = { path: OrderPath; headers: IncomingHttpHeaders; body: Uint8Array }

const DUPLICATE = business('duplicateRequest')
/** A member of every answer to an order that no reader may do without. */
const REQUIRED = /"(transactionStatus|status|errorCode)":/

/**
 * Orders that move money. A decision is taken and entered in one synchronous step, its reply fixed in the same
 * step, so that no two arrivals of one correlation id or reference can both be first; the reply leaves when the
 * step is durable.
 */
export class Payments {
  readonly #book: Book
  readonly #callbacks: Callbacks
  readonly #finals: Finals
  readonly #client: Client
  readonly #callbackUrl: string | null

  constructor(book: Book, client: Client, callbacks: Callbacks, finals: Finals, callbackUrl: string | null) {
    this.#book = book
    this.#client = client
    this.#callbacks = callbacks
    this.#finals = finals
    this.#callbackUrl = callbackUrl
  }

  async take(call: OrderCall): Promise<JsonAnswer> {
    const { state, clock } = this.#book
    const correlationId = correlationOf(call.headers)
    // Before anything else is looked at: a refusal of the second must never be taken for the fate of the first.
    if (correlationId !== null && state.refusals.has(correlationId)) return errorReply(DUPLICATE, clock.nowMs())
    const known = correlationId === null ? undefined : state.byCorrelation.get(correlationId)
    const payment = state.at(known)
    if (known !== undefined && payment !== null) return this.#again(known, payment)

    const nowMs = clock.nowMs()
    const expected = { nowMs, clientId: this.#client.client_id, callbackUrl: this.#callbackUrl }
    const fault = headerFault(call.headers, call.body, expected)
    if (fault !== null || correlationId === null) return this.#refuse(correlationId, fault ?? business(PLAIN_DECLINE))
    const read = this.#read(call)
    if (!read.ok) return this.#refuse(correlationId, read.error)
    const asked = this.#asked(call.path, read.order)
    if ('category' in asked) return this.#refuse(correlationId, asked)
    if (state.payments.has(keyOfAsked(asked))) return this.#refuse(correlationId, DUPLICATE)
    const { description, requestDate } = read.order
    const callbackUrl = headerText(call.headers, 'x-callback-url') ?? ''
    return this.#first(asked, { correlationId, callbackUrl, description, requestDate }, nowMs)
  }

  #read({ path, body }: OrderCall): ReadOrder {
    return path.kind === 'reversal' ? readReversal(body) : readTransaction(path.type, body)
  }

  #asked(path: OrderPath, order: Extract<ReadOrder, { ok: true }>['order']): Asked | WireError {
    const { state } = this.#book
    if (path.kind === 'reversal' && order.kind === 'reversal') return askedBack(state, path.of, order)
    if (path.kind === 'transaction' && order.kind === 'transaction')
      return askedFor(this.#client.account_id, path.type, order)
    throw new Error('an order of another path')
  }

  /** An arrival under a correlation id that was used before, whatever it says. */
  async #again(key: string, payment: Payment): Promise<JsonAnswer> {
    const { reference, operation, account, amountMinor } = payment
    const chosen = this.#choose({ operation, reference, account, amountMinor }, key)
    const entry = this.#arrival(key, chosen)
    this.#book.record(entry)
    const answer = strikeBefore(chosen.order)
    await this.#book.durable()
    return answer ?? this.#strike(chosen.order, errorReply(DUPLICATE, this.#book.clock.nowMs()))
  }

  async #refuse(correlationId: string | null, error: WireError): Promise<JsonAnswer> {
    const atMs = this.#book.clock.nowMs()
    if (correlationId !== null) {
      this.#book.record({ refused: { correlationId, serverCorrelationId: randomUUID(), error, atMs } })
      await this.#book.durable()
    }
    return errorReply(error, atMs)
  }

  async #first(
    asked: Asked,
    given: Pick<Payment, 'correlationId' | 'callbackUrl' | 'description' | 'requestDate'>,
    nowMs: number,
  ): Promise<JsonAnswer> {
    const key = keyOfAsked(asked)
    const chosen = this.#choose({ ...asked, amountMinor: asked.money.amountMinor }, key)
    const entry = this.#arrival(key, chosen)
    const before = strikeBefore(chosen.order)
    if (before !== null) {
      if (chosen.inquiry?.kind === 'inquiry_lag') delete entry.inquiryTrouble
      this.#book.record(entry)
      await this.#book.durable()
      return before
    }
    const payment = this.#enter(entry, asked, given, chosen, nowMs)
    const reply = this.#replyTo(payment, chosen.order, nowMs)
    await this.#book.durable()
    this.#finals.arm(key, payment)
    if (chosen.order?.kind === 'answer_twice' && entry.callbacks !== undefined) {
      void this.#callbacks.queue.now(entry.callbacks)
      await sleep(chosen.order.gap_ms)
    }
    return this.#strike(chosen.order, reply)
  }

  #choose(about: Pick<Asked, 'operation' | 'reference' | 'account'> & { amountMinor: bigint }, key: string): Chosen {
    const { rules, random, arrivalsOf } = this.#book.state
    const { operation, reference, account, amountMinor } = about
    const arrival = arrivalsOf(key) + 1
    return chooseFaults({ rules, random, magic: magicFaults }, { operation, reference, account, amountMinor, arrival })
  }

  #arrival(key: string, { usedRules, inquiry, order }: Chosen): Entry {
    const nowMs = this.#book.clock.nowMs()
    return {
      arrived: key,
      ...(usedRules.length === 0 ? {} : { usedRules }),
      ...(inquiry === null ? {} : { inquiryTrouble: [key, { kind: inquiry.kind, untilMs: nowMs + inquiry.s * 1000 }] }),
      ...(order?.kind === 'outage' ? { outage: { untilMs: nowMs + order.seconds * 1000, mode: order.mode } } : {}),
    }
  }

  #enter(
    entry: Entry,
    asked: Asked,
    given: Pick<Payment, 'correlationId' | 'callbackUrl' | 'description' | 'requestDate'>,
    { order: fault, statement, later }: Chosen,
    nowMs: number,
  ): Payment {
    const { state } = this.#book
    const reason = fault?.kind === 'decline' ? (fault.reason ?? PLAIN_DECLINE) : null
    const error = judge(state, asked) ?? (reason === null ? null : (errorOf(reason) ?? business(PLAIN_DECLINE)))
    const plan = error === null ? planOf(fault, nowMs) : null
    const { operation, type, reference, account, ownAccount, original, money } = asked
    const payment: Payment = {
      ...{ operation, reference, type, account, ownAccount, original, ...money, ...given },
      serverCorrelationId: randomUUID(),
      transactionReference: newTransactionReference(),
      status: error !== null ? 'failed' : plan !== null ? 'pending' : 'completed',
      error,
      acceptedAtMs: nowMs,
      changedAtMs: nowMs,
      plan,
      expiresAtMs: fault?.kind === 'expire' ? nowMs + fault.after_s * 1000 : null,
      returnsAtMs: later === null ? null : nowMs + later.after_s * 1000,
      statement: statement === null ? null : { mode: statement.mode, field: statement.field },
    }
    const opened = openingsFor(state, asked)
    Object.assign(entry, { accepted: payment, ...(opened.length === 0 ? {} : { opened }) })
    if (fault?.kind === 'answer_twice' && error === null) {
      entry.callbacks = [this.#callbacks.make(payment, this.#finals.view(payment), nowMs)]
    }
    this.#book.record(entry)
    return payment
  }

  #replyTo(payment: Payment, fault: OrderFault | null, nowMs: number): JsonReply {
    if (fault?.kind === 'duplicate_answer') return errorReply(DUPLICATE, nowMs)
    if (payment.error !== null) return errorReply(payment.error, nowMs)
    return orderReply(payment, this.#finals.view(payment), fault)
  }

  #strike(fault: OrderFault | null, reply: JsonReply): Promise<JsonAnswer> {
    const required = REQUIRED.exec(reply.body)?.[1] ?? ''
    return strikeAfter(fault, reply, required)
  }
}
