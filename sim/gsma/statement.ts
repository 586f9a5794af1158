import type { Distortion } from '../common/faults/kinds.ts'
import type { Payment } from './entry.ts'
import { keyOf, type Effect, type OperatorState } from './state.ts'
import { altered, partiesOf, transactionView, type View } from './wire/view.ts'

/** What an account's lists say: the book, and what statement faults and tampering make of it. */

export type Line = { atMs: number; view: View; entry: boolean }

/** A return in the operator's own name: it bears no reference of the client's. */
export function returnView(payment: Payment, effect: Effect): View {
  const { debitParty, creditParty } = partiesOf(payment)
  const {
    requestingOrganisationTransactionReference: _,
    requestDate: __,
    ...view
  } = transactionView(payment, payment.transactionReference)
  const at = new Date(effect.atMs).toISOString()
  return {
    ...view,
    transactionReference: effect.transactionReference,
    transactionReceipt: effect.transactionReference,
    type: 'reversal',
    transactionStatus: 'completed',
    debitParty: creditParty,
    creditParty: debitParty,
    creationDate: at,
    modificationDate: at,
  }
}

/** Every transaction of an account in order; `entry` marks what moved money. Lagging ones are left out. */
export function linesOf(state: OperatorState, account: string, nowMs: number): Line[] {
  const lines: Line[] = []
  for (const payment of state.payments.values()) {
    if (payment.account !== account && payment.ownAccount !== account) continue
    const trouble = state.inquiryTroubles.get(keyOf(payment.operation, payment.reference))
    if (trouble?.kind === 'inquiry_lag' && nowMs < trouble.untilMs) continue
    const original = state.at(payment.original)?.transactionReference ?? null
    const view = transactionView(payment, original)
    const entry = payment.status === 'completed' || payment.status === 'reversed'
    lines.push(...marked({ atMs: payment.acceptedAtMs, view, entry }, payment))
  }
  for (const effect of state.effects) {
    const payment = effect.effect === 'returned' ? state.at(effect.key) : null
    if (payment === null || (payment.account !== account && payment.ownAccount !== account)) continue
    lines.push({ atMs: effect.atMs, view: returnView(payment, effect), entry: true })
  }
  return tampered(state, lines).toSorted((a, b) => a.atMs - b.atMs)
}

/** A statement entry has no reference of the client's (schema responseStatementEntries). */
export function entryView(view: View): View {
  const { requestingOrganisationTransactionReference: _, originalTransactionReference: __, type, ...entry } = view
  return { ...entry, displayType: type }
}

function marked(line: Line, payment: Payment): Line[] {
  return payment.statement === null ? [line] : distorted(line, payment.statement, payment)
}

function tampered(state: OperatorState, lines: readonly Line[]): Line[] {
  let told = [...lines]
  for (const [nth, tamper] of state.tampers.entries()) {
    if (tamper.mode === 'add') {
      told.push(nobodys(Date.parse(`${tamper.date}T12:00:00.000Z`), `MMADDED${nth}`))
      continue
    }
    told = told.flatMap((line) => {
      const isIt =
        dayOf(line.atMs) === tamper.date && line.view['requestingOrganisationTransactionReference'] === tamper.reference
      const payment = isIt ? state.at(state.byTransaction.get(String(line.view['transactionReference']))) : null
      return payment === null ? [line] : distorted(line, tamper, payment)
    })
  }
  return told
}

function distorted(line: Line, { mode, field }: Distortion, payment: Payment): Line[] {
  switch (mode) {
    case 'drop':
      return []
    case 'twice':
      return [line, line]
    case 'add':
      return [line, nobodys(line.atMs, `${payment.transactionReference}ADDED`)]
    default: {
      const { debitParty, creditParty } = line.view
      const view =
        field === 'sign'
          ? { ...line.view, debitParty: creditParty, creditParty: debitParty }
          : altered(line.view, payment, field)
      return [{ ...line, view }]
    }
  }
}

/** A credit that nobody made. */
function nobodys(atMs: number, transactionReference: string): Line {
  const at = new Date(atMs).toISOString()
  const view: View = {
    transactionReference,
    type: 'merchantpay',
    transactionStatus: 'completed',
    amount: '1.00',
    currency: 'KES',
    debitParty: [{ key: 'msisdn', value: '+254700999999' }],
    creditParty: [{ key: 'accountid', value: 'unknown' }],
    creationDate: at,
    modificationDate: at,
  }
  return { atMs, view, entry: true }
}

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
