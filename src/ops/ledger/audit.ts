import { type Invariant, audit as auditOf } from '../../ledger/index.ts'
import type { Command } from '../command.ts'
import { columns, indented } from '../text.ts'
import { byCode, sayBalance, trialBalanceJson } from './trial-balance.ts'

/** In a few words; docs/accounting.md, Invariants, has all of them. */
const SAYS: Readonly<Record<Invariant, string>> = {
  L1: 'debits equal credits, posted and held, in every ledger',
  L2: 'counters are the sums over the transfers',
  L3: 'no bounded account was ever overdrawn',
  L4: 'every hold is open, or ended once',
  L5: 'postings of each payment match its state',
  L6: 'what rails settled is what was posted',
  L7: 'clearing accounts are items in transit and breaks',
  L8: 'what customers are owed is covered',
  references: 'every row names rows that exist and fit',
  history: 'sealed balances are the sums over the transfers',
  chain: 'transfers are those that were sealed',
  feeds: 'events have no hole, and tell what is',
}
const STATUS = { holds: 'holds', broken: 'BROKEN', not_proved: 'not proved' } as const

export const audit: Command = {
  name: 'ledger audit',
  argument: null,
  options: [],
  what: [
    'trial balances, and the proof of L1 to L8, references, history, chain and feeds',
    'on the live tables; names the rows that break one',
  ],
  async ask(sql) {
    const report = await auditOf(sql)
    const { at, accounts, transfers, openHolds, checks, breaches, trialBalances } = report
    const ok = breaches.length === 0
    const size = `${String(accounts)} accounts, ${String(transfers)} transfers, ${String(openHolds)} open holds`
    const broken = checks.filter((check) => check.status === 'broken').map((check) => check.invariant)
    const table = columns(
      checks.map(({ invariant, status }) => [invariant, STATUS[status], SAYS[invariant]]),
      'lll',
    )
    return {
      ok,
      json: {
        ok,
        at,
        accounts,
        transfers,
        open_holds: openHolds,
        checks,
        breaches,
        trial_balances: trialBalances.map(trialBalanceJson),
      },
      text: [
        `ledger audit at ${at}: ${size}`,
        '',
        ...trialBalances.flatMap((each) => [
          `trial balance in ${each.currency}`,
          ...indented([...byCode(each), sayBalance(each)]),
          '',
        ]),
        'invariants',
        ...checks.flatMap(({ invariant, note }, n) => [
          `  ${table[n] ?? invariant}`,
          ...(note === null ? [] : [`       not proved: ${note}`]),
          ...breaches.filter((breach) => breach.invariant === invariant).map(({ what }) => `       ${what}`),
        ]),
        '',
        ok ? 'The books are whole.' : `The books are BROKEN: ${broken.join(', ')}. docs/operations.md says what to do.`,
      ],
    }
  },
}
