import { jsonReply, xmlReply, type Reply } from './answer.ts'
import type { Bank } from './bank.ts'
import type { Payment, StatementFault } from './entry.ts'
import { potOf, type BankState, type Effect } from './state.ts'
import { statementMessage, type Line } from './wire/statement.ts'

/**
 * Statements of the client's own account, a day each. Balances are the book's
 * whatever a fault does with the lines: who adds them up finds out.
 */

const DAY_MS = 86_400_000
/** A day ends by itself this long after midnight: until then a message of that day may still be on its way (connectors.md §1.3). */
const TAIL_MS = 20_000
/** So that a page stays under 64 KiB. */
const LINES_A_PAGE = 50

export const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
const dayOf = (date: string): number => Date.parse(`${date}T00:00:00.000Z`) / DAY_MS

export function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(dayOf(text)) && dateOf(dayOf(text) * DAY_MS) === text
}

export function isClosed(state: BankState, date: string, nowMs: number): boolean {
  return state.daysClosed.has(date) || nowMs >= (dayOf(date) + 1) * DAY_MS + TAIL_MS
}

/** The day an effect is booked: its own, or the first after it that was still open. */
function bookedOn(state: BankState, { atMs }: Effect): string {
  let date = dateOf(atMs)
  for (let closedAt = state.daysClosed.get(date); closedAt !== undefined && closedAt <= atMs;) {
    date = dateOf((dayOf(date) + 1) * DAY_MS)
    closedAt = state.daysClosed.get(date)
  }
  return date
}

/** `GET /iso20022/statements/{account}/{date}?page=&currency=`; without a currency, the first the account was used in. */
export function answerStatement(bank: Bank, account: string, date: string, query: URLSearchParams): Reply {
  const { state, clock } = bank
  const asked = query.get('currency')
  const own = [...state.entitled].find(([currency, owned]) => owned === account && (asked ?? currency) === currency)
  if (own === undefined) return jsonReply(404, { code: 'NOT_FOUND', message: 'no such account of this client' })
  if (!isDate(date)) return jsonReply(400, { code: 'INVALID', message: 'the date is none' })
  const now = clock.nowMs()
  if (!isClosed(state, date, now)) return jsonReply(202, { status: 'open', date })
  const [currency] = own
  const booked = bookedEffects(state, account, currency)
  const first = booked[0]?.date ?? date
  if (date < first) return jsonReply(404, { code: 'NOT_FOUND', message: 'the account was not used yet' })

  const later = sumMinor(booked.filter((one) => one.date > date))
  const today = booked.filter((one) => one.date === date)
  const closingMinor = (state.pots.get(potOf(account, currency))?.balanceMinor ?? 0n) - later
  const tampered = state.tamperings.filter((one) => one.date === date)
  const faultOf = ({ payment }: Booked): StatementFault | null =>
    tampered.find(({ reference }) => reference === payment.reference) ?? payment.statementFault
  const lines = today.flatMap((one) => told(one, faultOf(one)))
  for (const { mode, reference } of tampered)
    if (mode === 'add' && reference === '') lines.push(strangersLine(lines.length))
  const gap = tampered.some(({ mode }) => mode === 'gap') || today.some((one) => faultOf(one)?.mode === 'gap')

  const pages = Math.max(1, Math.ceil(lines.length / LINES_A_PAGE))
  const page = Number(query.get('page') ?? '1')
  if (!Number.isInteger(page) || page < 1 || page > pages)
    return jsonReply(404, { code: 'NOT_FOUND', message: 'the statement has no such page' })
  const message = statementMessage(now, {
    account,
    currency,
    date,
    sequence: dayOf(date) - dayOf(first) + 1 + (gap ? 1 : 0),
    openingMinor: closingMinor - sumMinor(today),
    closingMinor,
    entries: lines.length,
    page,
    last: page === pages,
    lines: lines.slice((page - 1) * LINES_A_PAGE, page * LINES_A_PAGE),
  })
  return xmlReply(200, message)
}

type Booked = { payment: Payment; date: string; line: Line }

const sumMinor = (booked: readonly Booked[]): bigint =>
  booked.reduce((sum, { line }) => sum + (line.credit ? line.amountMinor : -line.amountMinor), 0n)

/** What moved on the client's own account, in the book's order, each with the day it is booked. */
function bookedEffects(state: BankState, account: string, currency: string): Booked[] {
  const returnsSeen = new Map<string, number>()
  return state.effects.flatMap((effect, n): Booked[] => {
    const payment = state.payments.get(effect.key)
    if (payment === undefined || payment.ownAccount !== account || payment.currency !== currency) return []
    const returned = effect.effect === 'returned'
    let servicerReference = payment.servicerReference ?? ''
    if (returned) {
      const nth = returnsSeen.get(effect.key) ?? 0
      returnsSeen.set(effect.key, nth + 1)
      servicerReference = state.returns.get(effect.key)?.[nth]?.returnId ?? ''
    }
    const collect = payment.operation === 'collect'
    const line: Line = {
      entryReference: `E${n + 1}`,
      amountMinor: effect.amountMinor,
      credit: collect !== returned,
      reversal: returned,
      servicerReference,
      code: collect ? ['IDDT', returned ? 'UPDD' : 'ESDD'] : ['ICDT', returned ? 'RRTN' : 'ESCT'],
      messageId: payment.messageId,
      instructionId: payment.operation === 'refund' ? null : payment.reference,
      endToEndId: payment.endToEndId,
      uetr: payment.operation === 'refund' ? null : payment.uetr,
      transactionId: payment.reference,
    }
    return [{ payment, date: bookedOn(state, effect), line }]
  })
}

/** The lines a statement has for one of the book. */
function told({ line }: Booked, fault: StatementFault | null): Line[] {
  switch (fault?.mode) {
    case 'drop':
      return []
    case 'twice':
      return [line, { ...line, entryReference: `${line.entryReference}B` }]
    case 'alter':
      return [altered(line, fault.field)]
    case 'add':
      return [line, { ...strangersLine(0), entryReference: `${line.entryReference}B`, amountMinor: line.amountMinor }]
    default:
      return [line]
  }
}

function altered(line: Line, field: StatementFault['field']): Line {
  if (field === 'amount') return { ...line, amountMinor: line.amountMinor + 1n }
  if (field === 'sign') return { ...line, credit: !line.credit }
  const reference = `X${line.transactionId.slice(1)}`
  const uetr = line.uetr === null ? null : `${line.uetr.slice(0, -1)}${line.uetr.endsWith('0') ? '1' : '0'}`
  return { ...line, transactionId: reference, instructionId: reference, endToEndId: reference, uetr }
}

/** A credit nobody ordered. */
function strangersLine(n: number): Line {
  const reference = `STRANGER${n}`
  return {
    entryReference: `S${n + 1}`,
    amountMinor: 4_711n,
    credit: true,
    reversal: false,
    servicerReference: reference,
    code: ['RCDT', 'ESCT'],
    messageId: reference,
    instructionId: null,
    endToEndId: reference,
    uetr: null,
    transactionId: reference,
  }
}
