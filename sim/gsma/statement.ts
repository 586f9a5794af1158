import type { Payment } from './entry.ts'
import { keyOf, type Effect, type OperatorState } from './state.ts'
import { writeAmount } from './wire/amount.ts'
import { partiesOf, transactionView, type View } from './wire/view.ts'

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
  switch (payment.statement) {
    case 'drop':
      return []
    case 'twice':
      return [line, line]
    case 'alter':
      return [{ ...line, view: { ...line.view, amount: writeAmount(payment.amountMinor + 1n, payment.currency) } }]
    default:
      return [line]
  }
}

function tampered(state: OperatorState, lines: readonly Line[]): Line[] {
  let told = [...lines]
  for (const { date, drop, alter, add } of state.tampers) {
    const isOf = (reference: string, { atMs, view }: Line): boolean =>
      dayOf(atMs) === date && view['requestingOrganisationTransactionReference'] === reference
    if (drop !== undefined) told = told.filter((line) => !isOf(drop, line))
    if (alter !== undefined) {
      told = told.map((line) =>
        isOf(alter.reference, line)
          ? { ...line, view: { ...line.view, amount: writeAmount(alter.amount, String(line.view['currency'])) } }
          : line,
      )
    }
    if (add !== undefined) told.push(addedLine(date, add))
  }
  return told
}

function addedLine(date: string, add: { reference: string; amount: bigint; currency: string; account: string }): Line {
  const at = `${date}T12:00:00.000Z`
  const transactionReference = `MM${add.reference}`
  const view: View = {
    transactionReference,
    requestingOrganisationTransactionReference: add.reference,
    type: 'merchantpay',
    transactionStatus: 'completed',
    amount: writeAmount(add.amount, add.currency),
    currency: add.currency,
    debitParty: [{ key: 'msisdn', value: add.account }],
    creditParty: [{ key: 'accountid', value: 'unexplained' }],
    creationDate: at,
    modificationDate: at,
  }
  return { atMs: Date.parse(at), view, entry: true }
}

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
