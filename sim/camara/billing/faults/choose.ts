import { createHash } from 'node:crypto'
import type { Book } from '../book.ts'
import {
  KINDS,
  isLater,
  plainFault,
  type AnswerFault,
  type Fault,
  type FaultOf,
  type Rule,
  type Step,
} from './kinds.ts'
import { magicFaults } from './magic.ts'

/** A call as rules and draws see it. */
export type Subject = {
  operation: 'collect' | 'refund' | 'inquire'
  step: Step | null
  /** '' where a list is asked for. */
  reference: string
  phone: string
  amountMinor: bigint | null
  /** Which arrival of this step of this reference, from 1. */
  arrival: number
}

export type Chosen = {
  answer: AnswerFault | null
  inquiry: FaultOf<'inquiry_fail' | 'inquiry_lag'> | null
  returned: FaultOf<'return_later'> | null
  statement: FaultOf<'statement'> | null
  usedRules: string[]
}

/** Cancelling moves nothing: only what happens to the call itself can go wrong with it. */
const CALL_FAULTS: readonly Fault['kind'][] = [
  'delay',
  'drop_before',
  'drop_after',
  'hang_before',
  'hang_after',
  'error_before',
  'error_after',
  'outage',
]
const INQUIRY_FAULTS: readonly Fault['kind'][] = [
  ...CALL_FAULTS,
  'malformed',
  'wrong_content',
  'inquiry_fail',
  'inquiry_lag',
]

/** Rules that name the reference, then those that name the phone, magic phones, other rules, and the draw. */
export function chooseFaults(book: Book, subject: Subject): Chosen {
  const rules = Array.from(book.rules.values()).filter((rule) => matches(rule, subject))
  const rank = ({ match }: Rule) => (match.reference !== undefined ? 0 : match.account !== undefined ? 1 : 3)
  const magic = subject.step !== null && subject.arrival === 1 ? magicFaults(subject.phone, subject.step) : []
  const candidates: { rank: number; fault: Fault; rule: string | null }[] = [
    ...rules.map((rule) => ({ rank: rank(rule), fault: rule.fault, rule: rule.id })),
    ...magic.map((fault) => ({ rank: 2, fault, rule: null })),
    ...drawn(book, subject).map((fault) => ({ rank: 4, fault, rule: null })),
  ]
  const chosen: Chosen = { answer: null, inquiry: null, returned: null, statement: null, usedRules: [] }
  for (const { fault, rule } of candidates.toSorted((a, b) => a.rank - b.rank))
    if (fits(fault, subject) && place(chosen, fault) && rule !== null) chosen.usedRules.push(rule)
  return chosen
}

function fits({ kind }: Fault, { operation, step }: Subject): boolean {
  if (operation === 'inquire') return INQUIRY_FAULTS.includes(kind)
  return step !== 'cancel' || CALL_FAULTS.includes(kind)
}

function place(chosen: Chosen, fault: Fault): boolean {
  if (!isLater(fault)) {
    if (chosen.answer !== null) return false
    chosen.answer = fault
    return true
  }
  if (fault.kind === 'return_later') {
    if (chosen.returned !== null) return false
    chosen.returned = fault
  } else if (fault.kind === 'statement') {
    if (chosen.statement !== null) return false
    chosen.statement = fault
  } else {
    if (chosen.inquiry !== null) return false
    chosen.inquiry = fault
  }
  return true
}

/** A rule without an operation is about money, never about questions. */
function matches({ match }: Rule, { operation, step, reference, phone, amountMinor }: Subject): boolean {
  if (match.operation === undefined ? operation === 'inquire' : match.operation !== operation) return false
  if (match.step !== undefined && match.step !== step) return false
  if (match.reference !== undefined && match.reference !== reference) return false
  if (match.account !== undefined && match.account !== phone) return false
  return match.amount === undefined || match.amount === String(amountMinor)
}

function drawn({ random }: Book, { operation, step, reference, arrival }: Subject): Fault[] {
  if (operation === 'inquire') return []
  return KINDS.filter(
    (kind) => share(random.seed, `${step ?? ''}:${kind}`, reference, arrival) < (random.faults[kind] ?? 0),
  ).map(plainFault)
}

/** In [0, 1), by these four alone: a run in parallel repeats. */
function share(...of: [seed: number, what: string, reference: string, arrival: number]): number {
  return createHash('sha256').update(of.join('\n')).digest().readUInt32BE(0) / 2 ** 32
}
