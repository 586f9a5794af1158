import { ACCOUNTS } from './accounts.ts'
import type { Corruption } from './corruption.ts'
import { AFTER_THE_END } from './after-the-end.ts'
import { FEEDS } from './feeds.ts'
import { HISTORY } from './history.ts'
import { PAYMENTS } from './payments.ts'
import { REFUNDS } from './refunds.ts'
import { TRANSFERS } from './transfers.ts'

export type { Corruption } from './corruption.ts'

export const CORRUPTIONS: readonly Corruption[] = [
  ...ACCOUNTS,
  ...TRANSFERS,
  ...PAYMENTS,
  ...REFUNDS,
  ...AFTER_THE_END,
  ...FEEDS,
  ...HISTORY,
]

/** Of the tables that operators read, what nothing names, and why. */
export const NOT_NAMED: Readonly<Record<string, string>> = {
  'ledgers added': 'one in which nothing happened is what setup makes for a new currency',
  'refused_transfers missing': 'nothing else keeps the id of what was refused',
  'units added': 'a unit may move nothing, and then no row names it',
  'sources added': 'nobody has paid from it: no row names it',
  'rail_callbacks missing': 'what it said is in its attempt, or is asked for again',
  'users altered': 'who may ask, and each ask is signed: no row of the ledger follows from it',
  'users missing': 'who may ask, and each ask is signed: no row of the ledger follows from it',
  'users added': 'who may ask, and each ask is signed: no row of the ledger follows from it',
  'devices altered': 'who may ask, and each ask is signed: no row of the ledger follows from it',
  'devices missing': 'who may ask, and each ask is signed: no row of the ledger follows from it',
  'devices added': 'who may ask, and each ask is signed: no row of the ledger follows from it',
  'operators altered': 'no money follows from who may decide: each decision has an approval',
  'operators missing': 'no money follows from who may decide: each decision has an approval',
  'operators added': 'no money follows from who may decide: each decision has an approval',
  'operator_sessions altered': 'a login, and no decision',
  'operator_sessions missing': 'a login, and no decision',
  'operator_sessions added': 'a login, and no decision',
  'operator_throttle altered': 'tries to log in',
  'operator_throttle missing': 'tries to log in',
  'operator_throttle added': 'tries to log in',
  'approvals altered': 'one that was acted on is in ops_audit, which has a chain of its own (ops audit-log verify)',
  'approvals missing': 'one that was acted on is in ops_audit, which has a chain of its own (ops audit-log verify)',
  'approvals added': 'one that was acted on is in ops_audit, which has a chain of its own (ops audit-log verify)',
  'ops_audit altered': 'it has a chain of its own (ops audit-log verify)',
  'ops_audit missing': 'it has a chain of its own (ops audit-log verify)',
  'ops_audit added': 'it has a chain of its own (ops audit-log verify)',
  'attempt_calls altered': 'people read it, and nothing follows from it: the attempt’s own row decides',
  'attempt_calls missing': 'people read it, and nothing follows from it: the attempt’s own row decides',
  'attempt_calls added': 'people read it, and nothing follows from it: the attempt’s own row decides',
  'fee_plans altered': 'a trigger refuses it; the fee that a payment was priced with is its own',
  'fee_plans added': 'the next version is what setup adds',
  'incidents missing': 'people read it, and nothing follows from it',
  'followed_feeds added': 'whoever opens a socket adds one',
  'feed_stream altered': 'the relay compares it with the stream itself',
  'feed_stream missing': 'the relay begins a new one, and phones get a snapshot',
  'feed_stream added': 'a CHECK allows one row',
  'sealed added': 'a CHECK allows one row',
}
