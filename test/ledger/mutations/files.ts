import type { Edit, Mutation } from '../../support/mutations/mutation.ts'

/** What is broken, and what notices, by short names. */
export const APPLY = 'src/ledger/functions/apply_units.sql'
export const OPEN = 'src/ledger/functions/open_accounts.sql'
export const HISTORY = 'src/ledger/migrations/0008_history.sql'

export const RULES = 'test/ledger/rules.pg.test.ts'
export const WHOLE = 'test/ledger/whole-accounts.pg.test.ts'
export const SAME_ID = 'test/ledger/same-id.pg.test.ts'
export const GROUPS = 'test/ledger/groups.pg.test.ts'
export const GUARDS = 'test/ledger/guards.pg.test.ts'
export const LOCKS = 'test/ledger/locks.pg.test.ts'

/** One text of one file. */
export function broken(file: string, test: string) {
  return (name: string, from: string, to: string): Mutation => ({ name, tests: [test], edits: [{ file, from, to }] })
}

/** Several of `apply_units`. */
export function inApply(...edits: readonly (readonly [from: string, to: string])[]): Edit[] {
  return edits.map(([from, to]) => ({ file: APPLY, from, to }))
}
