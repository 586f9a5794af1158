import { createHash } from 'node:crypto'
import type { BankState } from '../state.ts'
import {
  defaultFault,
  FAULT_KINDS,
  isInquiryFault,
  type Fault,
  type InquiryFault,
  type OrderFault,
  type Rule,
} from './kinds.ts'
import { magicFaults } from './magic.ts'

/** What a rule or a draw can look at. */
export type Subject = {
  operation: 'collect' | 'payOut' | 'refund' | 'mandate' | 'inquire'
  reference: string
  /** Of a refund: its original's. '' where nobody knows it. */
  account: string
  amountMinor: bigint | null
  /** Which arrival of this reference this is, from 1. */
  arrival: number
}

/** At most one fault of the order, and beside it at most one of later inquiries about it. */
export type Chosen = { order: OrderFault | null; inquiry: InquiryFault | null; usedRules: string[] }

/**
 * Rules that name the reference come first, then those that name the account, the magic accounts, the other
 * rules, and last the random draw; the oldest rule wins inside its tier.
 */
export function chooseFaults(state: BankState, subject: Subject): Chosen {
  const chosen: Chosen = { order: null, inquiry: null, usedRules: [] }
  const take = (fault: Fault): boolean => {
    if (isInquiryFault(fault)) {
      if (chosen.inquiry !== null) return false
      chosen.inquiry = fault
    } else {
      if (chosen.order !== null) return false
      chosen.order = fault
    }
    return true
  }
  const takeRules = (tier: (rule: Rule) => boolean): void => {
    for (const rule of state.rules.values())
      if (tier(rule) && matches(rule, subject) && take(rule.fault)) chosen.usedRules.push(rule.id)
  }
  if (state.rules.size > 0) {
    takeRules((rule) => rule.match.reference !== undefined)
    takeRules((rule) => rule.match.reference === undefined && rule.match.account !== undefined)
  }
  if (subject.operation === 'mandate' || subject.operation === 'inquire') {
    if (state.rules.size > 0)
      takeRules((rule) => rule.match.reference === undefined && rule.match.account === undefined)
    return chosen
  }
  if (subject.arrival === 1) magicFaults(subject.account, subject.operation).forEach(take)
  if (state.rules.size > 0) takeRules((rule) => rule.match.reference === undefined && rule.match.account === undefined)
  for (const kind of FAULT_KINDS) {
    const share = state.random.faults[kind] ?? 0
    if (share > 0 && draw(state.random.seed, kind, subject.reference, subject.arrival) < share) take(defaultFault(kind))
  }
  return chosen
}

function matches({ match }: Rule, subject: Subject): boolean {
  const operations = match.operation === undefined ? ['collect', 'payOut', 'refund'] : [match.operation]
  return (
    operations.includes(subject.operation) &&
    (match.reference === undefined || match.reference === subject.reference) &&
    (match.account === undefined || match.account === subject.account) &&
    (match.amount === undefined || match.amount === subject.amountMinor?.toString())
  )
}

/** A number in [0, 1) that depends on these four alone, never on the order of calls. */
export function draw(seed: number, kind: string, reference: string, arrival: number): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, kind, reference, arrival]))
    .digest()
  return digest.readUIntBE(0, 6) / 2 ** 48
}
