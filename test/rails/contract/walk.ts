import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { RailMemo, RailOrder, RailOutcome } from '../../../src/rails/port.ts'
import type { Final, Row, Running } from './subject.ts'

/**
 * Takes an order to its end as the hub does (payments.md): a step that settles is
 * followed by the next one, what is not final is inquired, and nothing is guessed.
 */

export type Walked = {
  /** Every outcome in order, sends and inquiries. */
  said: { of: 'send' | 'inquiry'; order: RailOrder; outcome: RailOutcome }[]
  final: Final
  /** As last sent. */
  order: RailOrder
  outcome: RailOutcome
}

/** Behind every condition, for a machine under load. */
const PATIENCE_MS = 25_000
const DEADLINE_MS = 10_000
const STEPS_MAX = 12

export function send(
  running: Running,
  order: RailOrder,
  signal = AbortSignal.timeout(DEADLINE_MS),
): Promise<RailOutcome> {
  running.inbox.know(order)
  return running.rail.send(order, { signal, mayWrite: () => true })
}

export const inquire = (running: Running, order: RailOrder): Promise<RailOutcome> =>
  running.rail.inquire(order, AbortSignal.timeout(DEADLINE_MS))

/** Sends and gives up as a row says: once the book shows it, or once it has left. */
export async function sendImpatiently(running: Running, order: RailOrder, until: 'executed' | 'sent') {
  running.inbox.know(order)
  const deadline = new AbortController()
  const left = Promise.withResolvers<void>()
  const sending = running.rail.send(order, {
    signal: deadline.signal,
    mayWrite: () => true,
    onSent: () => left.resolve(),
  })
  await Promise.race([left.promise, sending])
  const end = Date.now() + (until === 'sent' ? 300 : 3_000)
  while (Date.now() < end && (until === 'sent' || (await running.control.book(order.reference)).length === 0)) {
    await sleep(50)
  }
  deadline.abort()
  return sending
}

/** The order as its attempt's row would now have it. */
export function remember(order: RailOrder, outcome: RailOutcome): RailOrder {
  const memo: RailMemo | undefined = 'memo' in outcome ? outcome.memo : undefined
  return memo === undefined ? order : { ...order, memo }
}

/** The next step after one that settled; null at the end. */
function nextStep(order: RailOrder, outcome: Extract<RailOutcome, { kind: 'settled' }>): RailOrder['step'] | null {
  if (outcome.asks === 'code') return 'validate'
  return order.step === 'prepare' || order.step === 'validate' ? 'confirm' : null
}

export async function walk(running: Running, first: RailOrder, row: Partial<Row> = {}): Promise<Walked> {
  const said: Walked['said'] = []
  const end = Date.now() + PATIENCE_MS
  let order = first
  const sent = async (): Promise<RailOutcome> => {
    const impatient = said.length === 0 ? row.abort : undefined
    const outcome = await (impatient === undefined ? send(running, order) : sendImpatiently(running, order, impatient))
    said.push({ of: 'send', order, outcome })
    order = remember(order, outcome)
    return outcome
  }
  const asked = async (): Promise<RailOutcome> => {
    const outcome = await inquire(running, order)
    said.push({ of: 'inquiry', order, outcome })
    order = remember(order, outcome)
    return outcome
  }
  const again = (): void => {
    order = { ...order, sends: order.sends + 1 }
  }

  for (let step = 0; step < STEPS_MAX; step++) {
    let outcome = await sent()
    if (row.decide !== undefined && said.length === 1) await running.control.decide(order.reference, row.decide)
    let gapMs = 100
    let passed = false
    while (outcome.kind === 'pending' || outcome.kind === 'unknown') {
      if (Date.now() > end) throw new Error(`no end in sight: ${inspect(said.map((one) => one.outcome))}`)
      if (gapMs > 800 && !passed && running.passTime !== undefined) {
        passed = true
        await running.passTime()
      }
      await sleep(gapMs)
      gapMs = Math.min(gapMs * 1.5, 1_000)
      outcome = await asked()
    }
    const over = (final: Final): Walked => ({ said, final, order, outcome })
    if (outcome.kind === 'declined') return over('declined')
    if (outcome.kind === 'not_sent') again()
    else if (outcome.kind === 'not_found') {
      if (running.rail.profile.notFound[order.step] !== 'resend') return over('not_executed')
      again()
    } else if (outcome.kind === 'settled' || outcome.kind === 'returned') {
      const next = outcome.kind === 'settled' ? nextStep(order, outcome) : null
      if (next === null) return over('settled')
      const code = next === 'validate' ? ((await running.payerCode?.(order)) ?? null) : null
      order = { ...order, step: next, sends: 1, dispatchedAtMs: Date.now(), input: code?.right ?? null }
    } else throw new Error(`${outcome.kind} is no answer to ${order.step}`)
  }
  throw new Error(`too many steps: ${inspect(said.map((one) => one.outcome))}`)
}

/** A refund of a collect that has settled. */
export function refundOf(
  running: Running,
  collect: Walked,
  nn: number,
  amountMinor = collect.order.amountMinor,
): RailOrder {
  const { reference, uetr, dispatchedAtMs, memo, currency } = collect.order
  const railReference = 'evidence' in collect.outcome ? collect.outcome.evidence.railReference : null
  return {
    ...running.makeOrder('refund', nn),
    currency,
    amountMinor,
    original: { reference, uetr, amountMinor: collect.order.amountMinor, dispatchedAtMs, railReference, memo },
  }
}
