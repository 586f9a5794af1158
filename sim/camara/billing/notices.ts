import { randomUUID } from 'node:crypto'
import { Alarms } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { Book } from './book.ts'
import type { Notice, Payment, Plan, Refund } from './entry.ts'
import { writeJson } from './json.ts'

/** CloudEvents to the sinks that requests named: queued durably, sent until they are taken (connectors.md §2.4). */

const PAUSE_MAX_MS = 300_000
const KEPT_MS = 24 * 3_600_000
const DEADLINE_MS = 10_000
/** Answers after which a client wants no more: gone, or it does not accept what lets us in. */
const LAST_WORDS: readonly number[] = [400, 401, 403, 410]

const EVENT_OF: Readonly<Record<string, string>> = {
  pending_validation: 'payment-pending-validation',
  reserved: 'payment-reserved',
  succeeded: 'payment-completed',
  cancelled: 'payment-cancelled',
  denied: 'payment-denied',
}

export class Notices {
  readonly #book: Book
  readonly #log: Log
  readonly #inOutage: () => number
  readonly #alarms: Alarms
  #stopped = false

  /** `outageUntilMs`: nothing is sent before it. */
  constructor(book: Book, log: Log, outageUntilMs: () => number) {
    this.#book = book
    this.#log = log
    this.#inOutage = outageUntilMs
    this.#alarms = new Alarms(book.clock)
  }

  /** The news of a payment or refund as it stands; nothing where no sink was named. */
  about(of: Payment | Refund, dueAtMs: number, badToken: Plan['badToken'] = null): Notice[] {
    if (of.sink === null || dueAtMs > of.sinkUntilMs) return []
    const id = randomUUID()
    const right = of.sinkToken === null ? null : `Bearer ${of.sinkToken}`
    return [
      {
        id,
        reference: of.reference,
        url: of.sink,
        authorization: badToken === null ? right : badToken === 'wrong' ? 'Bearer not-the-token-that-was-given' : null,
        body: 'refundId' in of ? refundEvent(id, of, dueAtMs) : paymentEvent(id, of, dueAtMs),
        dueAtMs,
        untilMs: dueAtMs + KEPT_MS,
      },
    ]
  }

  /** What a plan makes of the news: copies of one event, and a later one that says the opposite. */
  planned<T extends Payment | Refund>(of: T, plan: Plan, opposite: T, nowMs: number): Notice[] {
    if (!plan.notify) return []
    const first = this.about(of, nowMs, plan.badToken)
    const copies = Array.from({ length: plan.copies }, (_, n) =>
      first.map((notice) => ({ ...notice, id: randomUUID(), dueAtMs: nowMs + (n + 1) * plan.gapMs })),
    )
    const { contradictAfterMs } = plan
    const contradiction = contradictAfterMs === null ? [] : this.about(opposite, nowMs + contradictAfterMs)
    return [...first, ...copies.flat(), ...contradiction]
  }

  schedule(notices: Iterable<Notice>): void {
    for (const notice of notices) this.#alarms.set(notice.id, notice.dueAtMs, () => void this.#send(notice, 0))
  }

  stop(): void {
    this.#stopped = true
    this.#alarms.stop()
  }

  async #send(notice: Notice, tried: number): Promise<void> {
    const { clock, notices } = this.#book
    if (this.#stopped || !notices.has(notice.id)) return
    const outageUntilMs = this.#inOutage()
    const again = (atMs: number, tries: number) =>
      this.#alarms.set(notice.id, atMs, () => void this.#send(notice, tries))
    if (clock.nowMs() < outageUntilMs) return again(outageUntilMs, tried)
    const status = await post(notice).catch(() => 0)
    if (this.#isStopped()) return
    this.#log('notified', { reference: notice.reference, tried: tried + 1, status })
    if (status !== 204 && !LAST_WORDS.includes(status) && clock.nowMs() < notice.untilMs)
      return again(clock.nowMs() + Math.min(1000 * 2 ** tried, PAUSE_MAX_MS), tried + 1)
    this.#book.record({ noticeDone: notice.id })
    await this.#book.durable()
  }

  #isStopped(): boolean {
    return this.#stopped
  }
}

async function post({ id, url, authorization, body }: Notice): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/cloudevents+json',
      'x-correlator': id,
      ...(authorization === null ? {} : { authorization }),
    },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MS),
  })
  await response.arrayBuffer()
  return response.status
}

function event(id: string, source: string, type: string, atMs: number, data: Record<string, string>): string {
  return writeJson({
    id,
    source,
    specversion: '1.0',
    type: `org.camaraproject.${type}`,
    time: new Date(atMs).toISOString(),
    datacontenttype: 'application/json',
    data,
  })
}

function paymentEvent(id: string, payment: Payment, atMs: number): string {
  const { paymentId, status } = payment
  const name = EVENT_OF[status]
  if (name === undefined) throw new Error(`no event tells of a payment that is ${status}`)
  return event(id, '/carrier-billing/v0.5', `carrier-billing.v0.${name}`, atMs, {
    paymentId,
    status: status === 'denied' ? 'failed' : 'succeeded',
    description: `The payment is ${status}.`,
    ...(status === 'succeeded' ? { paymentDate: new Date(payment.doneAtMs ?? atMs).toISOString() } : {}),
    ...(status === 'denied' ? { denialReason: 'The operator refused the payment.' } : {}),
  })
}

function refundEvent(id: string, refund: Refund, atMs: number): string {
  const { paymentId, refundId, status } = refund
  const done = status === 'succeeded'
  return event(
    id,
    '/carrier-billing-refund/v0.3',
    `carrier-billing-refund.v0.${done ? 'refund-completed' : 'refund-denied'}`,
    atMs,
    {
      paymentId,
      refundId,
      status: done ? 'succeeded' : 'failed',
      description: `The refund is ${status}.`,
      ...(done ? { refundDate: new Date(refund.doneAtMs ?? atMs).toISOString() } : { denialReason: 'Refused.' }),
    },
  )
}
