import type { Evidence, RailMemo, RailOrder, RailOutcome } from '../port.ts'
import { accountTransactions, type AskJson } from './account-transactions.ts'
import { readAmount } from './amount.ts'
import { readError, readRequestState, readResponse, readTransaction, type JsonReply } from './answer.ts'
import { classifyState, classifyTransaction, strangeStatus, unknown, type Reversed } from './classify.ts'
import { isIdentifierError, meaningOf } from './codes.ts'
import { hasPollsLeft, rememberPoll, serverCorrelationOf, transactionReferenceOf } from './memo.ts'
import type { Ours } from './order.ts'

/**
 * What became of an order (connectors.md §3.3): its transaction where its reference
 * is known, else its request state while that may be asked, else what the operator
 * has under our correlation id, and last our account's list. Each is asked only
 * where the one before does not tell.
 */
export type InquiryConfig = {
  ours: Ours
  /** `http://host[:port]` and path of the API: a link leads nowhere else. */
  origin: string
  root: string
  /** [P] Whether the operator links pending requests too, so that "nothing here" means never seen. */
  linksPendingRequests: boolean
  /** From this moment "nothing here" is believed: ms after the first dispatch. */
  settleMs: number
  nowMs: () => number
}

/** The order's fate is not told here; look further, with what was learnt. */
type LookOn = { kind: 'look_on'; why: string; memo: RailMemo }

/** How far before its dispatch an order may be dated by the operator's clock, ms. */
const CLOCK_SLACK_MS = 300_000

/** `ask` gives null where no readable answer came. */
export async function inquire(order: RailOrder, ask: AskJson, config: InquiryConfig): Promise<RailOutcome> {
  const asking = new Inquiry(order, ask, config)
  return asking.run()
}

class Inquiry {
  readonly #order: RailOrder
  readonly #ask: AskJson
  readonly #config: InquiryConfig
  /** As learnt so far; it goes out with whatever is said. */
  #memo: RailMemo
  #statesAsked = new Set<string>()

  constructor(order: RailOrder, ask: AskJson, config: InquiryConfig) {
    this.#order = order
    this.#ask = ask
    this.#config = config
    this.#memo = order.memo
  }

  async run(): Promise<RailOutcome> {
    const transaction = transactionReferenceOf(this.#memo)
    if (transaction !== null) return this.#byTransaction(transaction)
    const state = serverCorrelationOf(this.#memo)
    if (state !== null && hasPollsLeft(this.#memo)) {
      const told = await this.#byState(state)
      if (told.kind !== 'look_on') return told
      this.#memo = told.memo
    }
    const told = await this.#byResponse()
    if (told.kind !== 'look_on') return told
    this.#memo = told.memo
    return this.#byList(told.why)
  }

  async #byTransaction(reference: string): Promise<RailOutcome> {
    const reply = await this.#ask(`/transactions/${encodeURIComponent(reference)}`)
    if (reply === null) return this.#noAnswer()
    const transaction = reply.status === 200 ? readTransaction(reply.json) : null
    if (transaction === null) return this.#strange(reply, 'a transaction')
    if (transaction.transactionReference !== reference) return unknown('another transaction', true, this.#memo)
    return this.#concluded(classifyTransaction(transaction, 'inquiry', this.#withMemo(), this.#config.ours))
  }

  async #byState(id: string): Promise<RailOutcome | LookOn> {
    if (this.#statesAsked.has(id)) return this.#lookOn('the request state says nothing')
    this.#statesAsked.add(id)
    const reply = await this.#ask(`/requeststates/${encodeURIComponent(id)}`)
    if (reply === null) return this.#noAnswer()
    // Expired, or asked too often: it says nothing about the order.
    if (reply.status === 404) return this.#lookOn('the request state is gone')
    const state = reply.status === 200 ? readRequestState(reply.json) : null
    if (state === null) return this.#strange(reply, 'a request state')
    if (state.serverCorrelationId.toLowerCase() !== id.toLowerCase())
      return unknown('another request state', true, this.#memo)
    this.#memo = rememberPoll(this.#memo)
    const outcome = classifyState(state, 'inquiry', this.#order, this.#memo)
    this.#memo = ('memo' in outcome ? outcome.memo : undefined) ?? this.#memo
    if (state.status === 'completed') {
      const reference = transactionReferenceOf(this.#memo)
      return reference === null ? this.#lookOn('completed, and names no transaction') : this.#byTransaction(reference)
    }
    if (outcome.kind !== 'unknown') return outcome
    const meaning = state.error === null ? null : meaningOf(state.error, this.#order.operation)
    const tellsNothing = state.error === null || meaning?.kind === 'trouble' || meaning?.kind === 'duplicate'
    return tellsNothing ? this.#lookOn(outcome.why) : outcome
  }

  async #byResponse(): Promise<RailOutcome | LookOn> {
    const reply = await this.#ask(`/responses/${this.#order.uetr}`)
    if (reply === null) return this.#noAnswer()
    if (reply.status === 404) return this.#nothingThere(reply)
    const response = reply.status === 200 ? readResponse(reply.json) : null
    if (response === null) return this.#strange(reply, 'a response')
    const resource = this.#resourceOf(response.link)
    if (resource === null) return unknown('a link that leads elsewhere', true, this.#memo)
    return resource.kind === 'transaction' ? this.#byTransaction(resource.id) : this.#byState(resource.id)
  }

  /** A transaction or request state below the API's own root, and nothing else. */
  #resourceOf(link: string): { kind: 'transaction' | 'state'; id: string } | null {
    const { origin, root } = this.#config
    const text = link.startsWith('/') && !link.startsWith('//') && !link.startsWith(`${root}/`) ? root + link : link
    const url = URL.parse(text, `${origin}${root}/`)
    if (url === null || url.origin !== origin || url.username !== '' || url.search !== '' || url.hash !== '')
      return null
    if (!url.pathname.startsWith(`${root}/`)) return null
    const [, resource, word] =
      /^\/(transactions|requeststates)\/([^/]{1,256})$/.exec(url.pathname.slice(root.length)) ?? []
    if (resource === undefined || word === undefined) return null
    try {
      return { kind: resource === 'transactions' ? 'transaction' : 'state', id: decodeURIComponent(word) }
    } catch {
      return null
    }
  }

  #nothingThere(reply: JsonReply): RailOutcome | LookOn {
    const error = readError(reply.json)
    if (error === null || !isIdentifierError(error)) return this.#strange(reply, 'a response')
    // It has taken the order before: then this answer is about its lists, not about the order.
    if (serverCorrelationOf(this.#memo) !== null) return this.#lookOn('taken, and not known by our id')
    const { linksPendingRequests, settleMs, nowMs } = this.#config
    if (!linksPendingRequests) return unknown('nothing there yet', false, this.#memo)
    if (nowMs() < this.#order.dispatchedAtMs + settleMs)
      return unknown('nothing there, and it may still come', false, this.#memo)
    return { kind: 'not_found', evidence: this.#evidence(`${error.category}/${error.code}`) }
  }

  /** By our reference in our account's transactions; that it is not there proves nothing. */
  async #byList(why: string): Promise<RailOutcome> {
    const { accountId } = this.#config.ours
    const sinceMs = this.#order.dispatchedAtMs - CLOCK_SLACK_MS
    const listed = await accountTransactions(this.#ask, { accountId, sinceMs })
    if (listed === null) return unknown(`${why}; our transactions could not be listed`, false, this.#memo)
    const named = listed.filter((one) => one.requestingOrganisationTransactionReference === this.#order.reference)
    const [transaction] = named
    if (transaction === undefined) return unknown(`${why}; not among our transactions`, false, this.#memo)
    if (named.length > 1) return unknown('listed more than once', true, this.#memo)
    return this.#concluded(classifyTransaction(transaction, 'inquiry', this.#withMemo(), this.#config.ours))
  }

  async #concluded(outcome: RailOutcome | Reversed): Promise<RailOutcome> {
    if (outcome.kind === 'reversed') return this.#takenBack(outcome)
    // What was learnt on the way is kept with whatever was said.
    return outcome.kind === 'unknown' && outcome.memo === undefined ? { ...outcome, memo: this.#memo } : outcome
  }

  /**
   * Reversed: by refunds of ours, which bear a reference of ours and are attempts of their own, or by somebody else.
   * What is not ours has come back; its id stays the same however often it is asked for.
   */
  async #takenBack({ transactionReference, memo }: Reversed): Promise<RailOutcome> {
    const { operation, amountMinor, currency, dispatchedAtMs } = this.#order
    if (operation === 'refund') return unknown('a refund that was reversed', true, memo)
    let refundedMinor = 0n
    for (const type of ['reversal', 'adjustment'] as const) {
      const { accountId, currencies } = this.#config.ours
      const sinceMs = dispatchedAtMs - CLOCK_SLACK_MS
      const listed = await accountTransactions(this.#ask, { accountId, sinceMs, type })
      if (listed === null) return unknown('reversed, and the reversals could not be listed', false, memo)
      for (const one of listed) {
        const isOurs = (one.requestingOrganisationTransactionReference ?? '') !== ''
        if (!isOurs || one.originalTransactionReference !== transactionReference) continue
        if (one.transactionStatus.toLowerCase() !== 'completed') continue
        const minor = one.currency === currency ? readAmount(one.amount ?? '', currency, currencies) : null
        if (minor === null) return unknown('a reversal of another amount', true, memo)
        refundedMinor += minor
      }
    }
    const returnedMinor = amountMinor - refundedMinor
    const evidence = { ...this.#evidence('reversed'), railReference: transactionReference }
    if (returnedMinor < 0n) return unknown('more was reversed than moved', true, memo)
    if (returnedMinor === 0n) return { kind: 'settled', evidence: { ...evidence, id: transactionReference }, memo }
    const id = `${transactionReference}/reversed`
    return { kind: 'returned', amountMinor: returnedMinor, reason: 'reversed', evidence: { ...evidence, id } }
  }

  #withMemo = (): RailOrder => ({ ...this.#order, memo: this.#memo })
  #lookOn = (why: string): LookOn => ({ kind: 'look_on', why, memo: this.#memo })
  #noAnswer = (): RailOutcome => unknown('no readable answer to an inquiry', false, this.#memo)
  #evidence = (status: string): Evidence => ({ via: 'inquiry', id: null, status, railReference: null })

  #strange({ status }: JsonReply, what: string): RailOutcome {
    if (status === 200) return unknown(`not ${what}`, true, this.#memo)
    const outcome = strangeStatus(status, `a question for ${what}`)
    return outcome.kind === 'unknown' ? { ...outcome, memo: this.#memo } : outcome
  }
}
