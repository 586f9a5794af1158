import { keyOf, type Book } from './book.ts'
import type { Effect, Payment, Refund, StatementLine } from './entry.ts'
import { Num, writeJson } from './json.ts'
import { amountOf } from './money.ts'

/**
 * The operator's file of a day (profile): JSON lines, one for each movement in the order of the book. Faults and
 * tampering change the file alone; the book stays true.
 */

/** Null while the day is open. */
export function statementOf(book: Book, date: string): string | null {
  const over = new Date(book.clock.nowMs()).toISOString().slice(0, 10) > date
  if (!over && !book.closedDays.has(date)) return null
  let lines: StatementLine[] = []
  let sequence = 0
  for (const effect of book.effects) {
    if (new Date(effect.atMs).toISOString().slice(0, 10) !== date) continue
    sequence += 1
    const of = recordOf(book, effect)
    const line = lineOf(effect, of, sequence)
    const fault = effect.effect === 'moved' ? (of?.statement ?? null) : null
    if (fault?.gap === true) line.sequence = ++sequence
    if (fault?.drop === true) continue
    if (fault?.alter !== undefined) alter(line, fault.alter.amount, fault.alter.reference, fault.alter.sign)
    lines.push(line)
    if (fault?.twice === true) lines.push({ ...line, sequence: ++sequence })
    if (fault?.add === true) lines.push(strange(line, ++sequence))
  }
  for (const { drop, alter: altered, add } of book.tampers.get(date) ?? []) {
    lines = lines.filter(({ reference }) => drop?.includes(reference) !== true)
    for (const { reference, amount, to_reference } of altered ?? [])
      for (const line of lines.filter((one) => one.reference === reference))
        alter(line, amount, to_reference, undefined)
    for (const { amount, ...added } of add ?? []) {
      const { reference, operation, currency, account } = added
      const more = { paymentId: `P${reference}`, refundId: operation === 'refund' ? `R${reference}` : null }
      lines.push({
        ...more,
        reference,
        operation,
        currency,
        account,
        amountMinor: BigInt(amount),
        state: 'succeeded',
        at: `${date}T12:00:00.000Z`,
        sequence: ++sequence,
      })
    }
  }
  return lines.map((line) => `${textOf(line)}\n`).join('')
}

function recordOf(book: Book, { operation, reference }: Effect): Payment | Refund | undefined {
  const id = book.byReference.get(keyOf(operation, reference)) ?? ''
  return operation === 'refund' ? book.refunds.get(id) : book.payments.get(id)
}

function lineOf(effect: Effect, of: Payment | Refund | undefined, sequence: number): StatementLine {
  const { operation, reference, amountMinor, currency, account, atMs } = effect
  return {
    paymentId: of?.paymentId ?? '',
    refundId: of !== undefined && 'refundId' in of ? of.refundId : null,
    reference,
    operation,
    amountMinor,
    currency,
    account,
    state: effect.effect === 'returned' ? 'returned' : 'succeeded',
    at: new Date(atMs).toISOString(),
    sequence,
  }
}

/** `amount`: minor units, or a difference where it has a sign. */
function alter(
  line: StatementLine,
  amount: string | undefined,
  reference: string | undefined,
  sign: boolean | undefined,
) {
  if (amount !== undefined) line.amountMinor = /^[+-]/.test(amount) ? line.amountMinor + BigInt(amount) : BigInt(amount)
  if (reference !== undefined) line.reference = reference
  if (sign === true) line.operation = line.operation === 'refund' ? 'collect' : 'refund'
}

function strange(line: StatementLine, sequence: number): StatementLine {
  return { ...line, paymentId: 'Pstrange', reference: `STRANGE${sequence}`, sequence }
}

function textOf(line: StatementLine): string {
  return writeJson({
    sequence: new Num(String(line.sequence)),
    type: line.operation === 'refund' ? 'refund' : 'payment',
    paymentId: line.paymentId,
    ...(line.refundId === null ? {} : { refundId: line.refundId }),
    referenceCode: line.reference,
    phoneNumber: line.account,
    amount: amountOf(line.amountMinor, line.currency),
    currency: line.currency,
    state: line.state,
    at: line.at,
  })
}
