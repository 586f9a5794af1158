import { createHash } from 'node:crypto'
import {
  defaultFault,
  FAULT_KINDS,
  type Fault,
  type InquiryFault,
  type Operation,
  type OrderFault,
  type RandomSettings,
  type ReturnFault,
  type Rule,
  type StatementFault,
} from './kinds.ts'

/** What a rule or a draw can look at. */
export type Subject = {
  operation: Operation | 'inquire'
  reference: string
  /** Of a refund: its original's. '' where nobody knows it. */
  account: string
  amountMinor: bigint | null
  /** Which arrival of this reference this is, from 1. */
  arrival: number
}

/** At most one fault of each sort. */
export type Chosen = {
  order: OrderFault | null
  inquiry: InquiryFault | null
  statement: StatementFault | null
  later: ReturnFault | null
  usedRules: string[]
}

export type FaultSource = {
  rules: ReadonlyMap<string, Rule>
  random: RandomSettings
  /** What the magic accounts do at the first arrival of a reference. */
  magic: (account: string, operation: Operation) => readonly Fault[]
}

/** In this order: rules by reference, rules by account, magic accounts, other rules, the random draw; inside a tier the oldest. */
export function chooseFaults(source: FaultSource, subject: Subject): Chosen {
  const chosen: Chosen = { order: null, inquiry: null, statement: null, later: null, usedRules: [] }
  const fitting = [...source.rules.values()].filter((rule) => fits(rule, subject))
  const tiers: [Rule[], Rule[], Rule[]] = [[], [], []]
  for (const rule of fitting) tiers[tierOf(rule)].push(rule)
  const apply = (rules: readonly Rule[]): void => {
    for (const rule of rules) if (take(chosen, rule.fault)) chosen.usedRules.push(rule.id)
  }

  apply(tiers[0])
  apply(tiers[1])
  const { operation } = subject
  if (operation !== 'inquire' && subject.arrival === 1) {
    for (const fault of source.magic(subject.account, operation)) take(chosen, fault)
  }
  apply(tiers[2])
  if (operation !== 'inquire') for (const fault of drawn(source.random, subject)) take(chosen, fault)
  return chosen
}

function take(chosen: Chosen, fault: Fault): boolean {
  switch (fault.kind) {
    case 'inquiry_fail':
    case 'inquiry_lag':
      if (chosen.inquiry !== null) return false
      chosen.inquiry = fault
      return true
    case 'statement':
      if (chosen.statement !== null) return false
      chosen.statement = fault
      return true
    case 'return_later':
      if (chosen.later !== null) return false
      chosen.later = fault
      return true
    default:
      if (chosen.order !== null) return false
      chosen.order = fault
      return true
  }
}

const tierOf = ({ match }: Rule): 0 | 1 | 2 => (match.reference !== undefined ? 0 : match.account !== undefined ? 1 : 2)

function fits({ match }: Rule, { operation, reference, account, amountMinor }: Subject): boolean {
  if (match.operation === undefined ? operation === 'inquire' : match.operation !== operation) return false
  const asked: [string | undefined, string | null][] = [
    [match.reference, reference],
    [match.account, account],
    [match.amount, amountMinor === null ? null : String(amountMinor)],
  ]
  return asked.every(([wanted, is]) => wanted === undefined || wanted === is)
}

function drawn({ seed, faults }: RandomSettings, { reference, arrival }: Subject): Fault[] {
  return FAULT_KINDS.filter((kind) => {
    const share = faults[kind] ?? 0
    return share > 0 && chance([seed, kind, reference, arrival]) < share
  }).map(defaultFault)
}

/** A number in [0, 1) that depends on these words alone, never on the order of calls. */
function chance(words: readonly (string | number)[]): number {
  const hash = createHash('sha256').update(JSON.stringify(words)).digest()
  return hash.readUInt32BE(0) / 2 ** 32
}
