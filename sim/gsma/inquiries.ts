import {
  gatewayReply,
  jsonReply,
  strikeAfter,
  strikeBefore,
  type JsonAnswer,
  type JsonReply,
} from '../common/answer.ts'
import { chooseFaults } from '../common/faults/choose.ts'
import type { OrderFault } from '../common/faults/kinds.ts'
import type { Book } from './book.ts'
import type { Payment } from './entry.ts'
import type { Finals } from './finals.ts'
import { magicFaults } from './magic.ts'
import { returnView } from './statement.ts'
import { keyOf } from './state.ts'
import { errorObject, errorReply, type WireError } from './wire/error.ts'
import { altered, POLL_LIMIT, requestStateView, type View } from './wire/view.ts'

/** Questions about orders: request states, responses, transactions. They move nothing. */

const NOT_FOUND: WireError = { category: 'identification', code: 'identifierError' }
/** How long a request state of a decided order can be asked for, ms. */
const STATE_KEPT_MS = 86_400_000

export class Inquiries {
  readonly #book: Book
  readonly #finals: Finals
  readonly #base: string

  /** `base`: path of the API, for links. */
  constructor(book: Book, finals: Finals, base: string) {
    this.#book = book
    this.#finals = finals
    this.#base = base
  }

  /** Every look counts against the poll limit; after it, and after its time, a request state is gone. */
  requestState(id: string): Promise<JsonAnswer> {
    const { state, clock } = this.#book
    const refusal = state.refusalsByServer.get(id)
    if (refusal !== undefined) {
      const { serverCorrelationId, error, atMs } = refusal
      const failed = { serverCorrelationId, status: 'failed', notificationMethod: 'callback' }
      return this.#answer(null, () => jsonReply(200, { ...failed, error: errorObject(error, atMs) }))
    }
    const payment = state.at(state.byServerCorrelation.get(id))
    return this.#answer(payment, () => {
      if (payment === null || !this.#stateIsThere(payment)) return errorReply(NOT_FOUND, clock.nowMs())
      this.#book.record({ polled: id })
      return jsonReply(200, requestStateView(payment))
    })
  }

  /** Links to the transaction, or to its request state while it is pending or where only that tells why it failed. */
  response(correlationId: string): Promise<JsonAnswer> {
    const { state, clock } = this.#book
    const refusal = state.refusals.get(correlationId)
    if (refusal !== undefined) {
      return this.#answer(null, () => this.#link(`/requeststates/${refusal.serverCorrelationId}`))
    }
    const payment = state.at(state.byCorrelation.get(correlationId))
    return this.#answer(payment, () => {
      if (payment === null) return errorReply(NOT_FOUND, clock.nowMs())
      const byState = payment.status === 'pending' || payment.status === 'failed'
      return byState && this.#stateIsThere(payment)
        ? this.#link(`/requeststates/${payment.serverCorrelationId}`)
        : this.#link(`/transactions/${payment.transactionReference}`)
    })
  }

  transaction(transactionReference: string): Promise<JsonAnswer> {
    const { state, clock } = this.#book
    const payment = state.at(state.byTransaction.get(transactionReference))
    const effect = state.effects.find(
      (one) => one.effect === 'returned' && one.transactionReference === transactionReference,
    )
    const returned = state.at(effect?.key)
    return this.#answer(payment ?? returned, (fault) => {
      if (payment !== null) {
        const view: View = this.#finals.view(payment)
        return jsonReply(200, fault?.kind === 'wrong_content' ? altered(view, payment, fault.field) : view)
      }
      if (effect === undefined || returned === null) return errorReply(NOT_FOUND, clock.nowMs())
      return jsonReply(200, returnView(returned, effect))
    })
  }

  #stateIsThere({ status, changedAtMs, expiresAtMs, serverCorrelationId }: Payment): boolean {
    const { state, clock } = this.#book
    const untilMs = expiresAtMs ?? (status === 'pending' ? Infinity : changedAtMs + STATE_KEPT_MS)
    return clock.nowMs() < untilMs && state.pollsOf(serverCorrelationId) < POLL_LIMIT
  }

  #link = (path: string): JsonReply => jsonReply(200, { link: `${this.#base}${path}` })

  async #answer(payment: Payment | null, tell: (fault: OrderFault | null) => JsonReply): Promise<JsonAnswer> {
    const { state, clock } = this.#book
    const nowMs = clock.nowMs()
    const { rules, random } = state
    const { order, inquiry, usedRules } = chooseFaults(
      { rules, random, magic: magicFaults },
      {
        operation: 'inquire',
        reference: payment?.reference ?? '',
        account: payment?.account ?? '',
        amountMinor: payment?.amountMinor ?? null,
        arrival: 1,
      },
    )
    if (usedRules.length > 0) this.#book.record({ usedRules })
    const trouble = payment === null ? undefined : this.#troubleOf(payment, nowMs)
    const troubled = trouble ?? inquiry?.kind
    const before = strikeBefore(order)
    const reply =
      troubled === 'inquiry_fail'
        ? gatewayReply(500)
        : troubled === 'inquiry_lag'
          ? errorReply(NOT_FOUND, nowMs)
          : before === null
            ? tell(order)
            : null
    await this.#book.durable()
    if (before !== null || reply === null) return before ?? gatewayReply(500)
    return strikeAfter(order, reply, 'transactionReference')
  }

  #troubleOf(payment: Payment, nowMs: number): 'inquiry_fail' | 'inquiry_lag' | undefined {
    const trouble = this.#book.state.inquiryTroubles.get(keyOf(payment.operation, payment.reference))
    return trouble !== undefined && nowMs < trouble.untilMs ? trouble.kind : undefined
  }
}
