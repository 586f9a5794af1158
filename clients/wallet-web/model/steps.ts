import type { PaymentView } from '../../../src/contract/index.ts'
import type { Order } from './order.ts'
import type { Step } from './trail.ts'
import { doneWord, failureText, notDoneWord, refusalText, type Tone } from './words.ts'

/** One line of a payment's way, as people see it. */
export type Line = {
  label: string
  detail: string | null
  state: 'done' | 'now' | 'todo' | 'failed'
  at: string | null
}
export type Headline = { tone: Tone; title: string; text: string; busy: boolean }

/**
 * The way of a payment from the person's yes to its end: what is done, what is happening, what is to come. Built from
 * what this device did (the order) and what the server said (the payment and its versions), and from nothing else.
 */
export function linesOf(order: Order | undefined, payment: PaymentView | undefined, seen: readonly Step[]): Line[] {
  const lines: Line[] = []
  if (order !== undefined) lines.push(...ownLines(order, payment))
  if (payment === undefined || payment.status === 'requires_confirmation') {
    if (order?.state.at !== 'refused') lines.push(todo('Accepted'), todo('Done'))
    return lines
  }
  const first = seen.find(({ status }) => status !== 'requires_confirmation')
  lines.push(done('Accepted', first?.updated_at ?? payment.created_at))
  lines.push(...railLines(payment, seen), lastLine(payment))
  return lines
}

function ownLines(order: Order, payment: PaymentView | undefined): Line[] {
  const confirmed = done('Confirmed on this phone', new Date(order.at).toISOString())
  const isKnown = payment !== undefined && payment.status !== 'requires_confirmation'
  if (isKnown) return [confirmed]
  switch (order.state.at) {
    case 'waiting':
      return [confirmed, now('Waiting for a connection', 'It has not left this phone yet.', null)]
    case 'sent':
      return [confirmed, now('Sending', 'If this page is closed, it goes on with the same order.', null)]
    case 'pin':
      return [confirmed, now('Your PIN is needed', null, null)]
    case 'accepted':
      return [confirmed]
    case 'refused':
      return [confirmed, { ...todo('Not accepted'), state: 'failed' }]
  }
}

/** What another party is asked, and what was seen of it on the way. */
function railLines(payment: PaymentView, seen: readonly Step[]): Line[] {
  const { source, status } = payment
  if (source === null || source.type === 'wallet') return []
  const name = source.label
  const isOver = status !== 'processing' && status !== 'requires_action'
  const lines: Line[] = []
  const typed = seen.find((step) => step.status === 'requires_action')
  if (typed !== undefined && status !== 'requires_action') lines.push(done('Code asked for', typed.updated_at))
  if (isOver) {
    const waited = seen.find((step) => step.status_reason !== null)
    if (waited !== undefined) lines.push(done(`Waited for ${name}`, waited.updated_at))
    return [...lines, done(`${name} answered`, payment.updated_at)]
  }
  if (status === 'requires_action') {
    const what = payment.next_action?.type === 'enter_code' ? 'Enter the code you were sent' : 'Your turn'
    const hint = payment.next_action?.hint
    return [...lines, now(what, hint === undefined ? null : `Sent to ${hint}`, payment.updated_at)]
  }
  if (payment.status_reason === 'needs_operator') {
    const detail = `${name} has not told what happened. People at Mooring are finding out; you need not do anything.`
    return [...lines, now('Being looked into', detail, payment.updated_at)]
  }
  if (payment.status_reason === 'awaiting_rail') {
    const detail = 'They have the order but have not answered yet. We keep asking; you need not do anything.'
    return [...lines, now(`Waiting for ${name}`, detail, payment.updated_at)]
  }
  return [...lines, now(`Asking ${name}`, null, payment.updated_at)]
}

function lastLine(payment: PaymentView): Line {
  const word = doneWord(payment)
  switch (payment.status) {
    case 'succeeded':
      return done(word, payment.updated_at)
    case 'failed':
      return { label: notDoneWord(payment), detail: failureText(payment), state: 'failed', at: payment.updated_at }
    case 'canceled':
      return { label: 'Called off', detail: 'Nothing was charged.', state: 'failed', at: payment.updated_at }
    case 'expired':
      return { label: 'Expired', detail: 'Nothing was charged.', state: 'failed', at: payment.updated_at }
    case 'requires_capture':
      return now(`Held for ${payment.payee_name}`, 'It is charged when they complete the order.', payment.updated_at)
    default:
      return todo(word)
  }
}

const done = (label: string, at: string): Line => ({ label, detail: null, state: 'done', at })
const now = (label: string, detail: string | null, at: string | null): Line => ({ label, detail, state: 'now', at })
const todo = (label: string): Line => ({ label, detail: null, state: 'todo', at: null })

/** The one sentence above it all. That something is paid is said by the server's status alone (W5). */
export function headlineOf(order: Order | undefined, payment: PaymentView | undefined): Headline {
  if (payment !== undefined && payment.status !== 'requires_confirmation') return paymentHeadline(payment)
  switch (order?.state.at) {
    case 'waiting':
      return busy('warn', 'Waiting for a connection', 'It is sent as soon as you are back online.')
    case 'sent':
    case 'accepted':
      return busy('calm', 'Sending', 'We are waiting for the answer.')
    case 'pin':
      return still('warn', 'Your PIN, please', refusalText(order.state.code))
    case 'refused':
      return still('bad', 'Not accepted', refusalText(order.state.code, order.state.param))
    default:
      return busy('calm', 'Looking it up', 'One moment.')
  }
}

function paymentHeadline(payment: PaymentView): Headline {
  switch (payment.status) {
    case 'succeeded':
      return still('good', doneWord(payment), afterwards(payment))
    case 'failed':
      return still('bad', notDoneWord(payment), failureText(payment))
    case 'canceled':
      return still('calm', 'Called off', 'Nothing was charged.')
    case 'expired':
      return still('calm', 'Expired', 'The time was over. Nothing was charged.')
    case 'requires_capture':
      return still('calm', 'Held', `The money is set aside for ${payment.payee_name}.`)
    case 'requires_action':
      return still('warn', 'Your turn', 'One step is missing.')
    default:
      if (payment.status_reason === null) return busy('calm', 'On its way', 'This takes a moment.')
      return busy('warn', 'Waiting', 'The outcome is not known yet. You will see it here as soon as it is.')
  }
}

function afterwards(payment: PaymentView): string {
  const { recovery, refunded_amount, captured_amount } = payment
  if (recovery !== null) return 'Afterwards money came back; see below.'
  if (refunded_amount === '0') return 'The money has moved.'
  return refunded_amount === captured_amount ? 'It was refunded in full.' : 'Part of it was refunded.'
}

const busy = (tone: Tone, title: string, text: string): Headline => ({ tone, title, text, busy: true })
const still = (tone: Tone, title: string, text: string): Headline => ({ tone, title, text, busy: false })
