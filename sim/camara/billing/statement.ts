import { keyOf, type Book } from './book.ts'
import type { Effect, Payment, Refund, StatementLine } from './entry.ts'
import type { StatementFault } from './faults/kinds.ts'
import { Num, writeJson } from './json.ts'
import { amountOf } from './money.ts'

/**
 * The operator's file of a day (profile): JSON lines, one for each movement in the order of the book. Faults and
 * tampering change the file alone; the book stays true.
 */

/** Null while the day is open. */
export function statementOf(book: Book, date: string): string | null {
  const over = dayOf(book.clock.nowMs()) > date
  if (!over && !book.closedDays.has(date)) return null
  const lines: StatementLine[] = []
  const tell = (line: StatementLine) => lines.push({ ...line, sequence: lines.length + 1 })
  const tampers = book.tampers.filter((one) => one.date === date)
  for (const [index, effect] of book.effects.entries()) {
    if (bookedOn(book, effect, index) !== date) continue
    const of = recordOf(book, effect)
    const own = effect.effect === 'moved' ? (of?.statement ?? null) : null
    const told = tampers.filter(({ reference }) => reference === effect.reference).map(({ fault }) => fault)
    tellOf(lineOf(effect, of), own === null ? told : [own, ...told], tell)
  }
  for (const { reference, fault } of tampers) if (reference === '') tellOf(nobodys(date), [fault], tell, false)
  const gaps = lines.filter(({ gap }) => gap === true).map(({ sequence }) => sequence)
  return lines
    .map((line) => ({ ...line, sequence: line.sequence + gaps.filter((gap) => gap <= line.sequence).length }))
    .map((line) => `${textOf(line)}\n`)
    .join('')
}

/** One line, and what faults make of it; `real` where there is a line without them. */
function tellOf(
  line: StatementLine,
  faults: readonly StatementFault[],
  tell: (line: StatementLine) => void,
  real = true,
): void {
  const has = (mode: StatementFault['mode']) => faults.some((fault) => fault.mode === mode)
  const altered = faults.filter(({ mode }) => mode === 'alter').reduce((to, { field }) => alter(to, field), line)
  const whole = has('gap') ? { ...altered, gap: true } : altered
  if (real && !has('drop')) tell(whole)
  if (real && has('twice')) tell(altered)
  if (has('add')) tell({ ...nobodys(line.at.slice(0, 10)), currency: line.currency })
}

const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10)
const DAY_MS = 86_400_000

/** What moves on a day that was closed before is of the next. */
function bookedOn({ closedDays }: Book, { atMs }: Effect, index: number): string {
  let at = atMs
  while (index >= (closedDays.get(dayOf(at)) ?? Number.POSITIVE_INFINITY)) at += DAY_MS
  return dayOf(at)
}

function recordOf(book: Book, { operation, reference }: Effect): Payment | Refund | undefined {
  const id = book.byReference.get(keyOf(operation, reference)) ?? ''
  return operation === 'refund' ? book.refunds.get(id) : book.payments.get(id)
}

function lineOf(effect: Effect, of: Payment | Refund | undefined): StatementLine {
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
    sequence: 0,
  }
}

function alter(line: StatementLine, field: StatementFault['field']): StatementLine {
  if (field === 'amount') return { ...line, amountMinor: line.amountMinor + 1n }
  if (field === 'reference') return { ...line, reference: `X${line.reference.slice(1)}` }
  return { ...line, operation: line.operation === 'refund' ? 'collect' : 'refund' }
}

/** A charge nobody made. */
function nobodys(date: string): StatementLine {
  const at = `${date}T12:00:00.000Z`
  const charge = { operation: 'collect', state: 'succeeded', amountMinor: 100n, currency: 'KES' } as const
  return {
    ...charge,
    paymentId: 'PNOBODY',
    refundId: null,
    reference: 'NOBODY',
    account: '+999555000',
    at,
    sequence: 0,
  }
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
