import { setTimeout as sleep } from 'node:timers/promises'
import { keyOf, type Book } from './book.ts'
import type { Entry } from './entry.ts'
import { chooseFaults, type Chosen } from './faults/choose.ts'
import type { FaultOf, Step } from './faults/kinds.ts'
import type { Futures } from './futures.ts'
import type { Notices } from './notices.ts'
import { after, before, type Answer, type Reply, type Wrong } from './replies.ts'

/** How this operator behaves where the standard leaves it open. */
export type Settings = {
  /** A repeated request is answered as the first one was, instead of 409. */
  repeatsFirstAnswer: boolean
  /** Hosts to which events may go without TLS. */
  httpHosts: ReadonlySet<string>
}

export type Desk = {
  book: Book
  futures: Futures
  notices: Notices
  settings: Settings
  beginOutage(fault: FaultOf<'outage'>): Promise<void>
}

export type MoneyCall = {
  step: Step
  operation: 'collect' | 'refund'
  reference: string
  phone: string
  amountMinor: bigint
}

export type Done = { entry: Entry; reply: Reply }

/**
 * Runs one call that asks for money: counts it, lets a fault strike, executes it, and answers when it is durable.
 *
 * `execute` decides and writes down in one synchronous step, so that no two arrivals of one reference can both be
 * the first.
 */
export async function run(desk: Desk, call: MoneyCall, execute: (chosen: Chosen) => Done): Promise<Answer> {
  const { book, futures, notices } = desk
  const { step, operation, reference } = call
  const arrival = book.arrivalsOf(step, reference) + 1
  const chosen = chooseFaults(book, { ...call, operation, arrival })
  const entry: Entry = { arrived: keyOf(step, reference) }
  if (chosen.usedRules.length > 0) entry.usedRules = chosen.usedRules
  const early = before(chosen.answer)
  const { inquiry } = chosen
  // A failing inquiry fails whether or not the call got through; a lagging one hides what was executed.
  if (inquiry !== null && (early === null || inquiry.kind === 'inquiry_fail'))
    entry.trouble = [reference, { kind: inquiry.kind, untilMs: book.clock.nowMs() + inquiry.s * 1000 }]
  if (early !== null) {
    book.record(entry)
    await book.durable()
    if (chosen.answer?.kind === 'outage') await desk.beginOutage(chosen.answer)
    return early
  }
  const done = execute(chosen)
  const twice = chosen.answer?.kind === 'answer_twice' ? newsOf(notices, done.entry, book.clock.nowMs()) : {}
  const whole = { ...entry, ...done.entry, ...twice }
  book.record(whole)
  await futures.recorded(whole)
  if (chosen.answer?.kind === 'answer_twice') await sleep(chosen.answer.gap_ms)
  return after(chosen.answer, done.reply)
}

/** The event that an answer makes superfluous. */
function newsOf(notices: Notices, { payment, refund }: Entry, nowMs: number): Pick<Entry, 'notices'> {
  const changed = payment ?? refund
  return changed === undefined || changed.status === 'processing' ? {} : { notices: notices.about(changed, nowMs) }
}

export function wrongOf({ answer }: Chosen): Wrong {
  return answer?.kind === 'wrong_content' ? answer.field : null
}
