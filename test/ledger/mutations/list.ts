import type { Mutation } from '../../support/mutations/mutation.ts'
import { ACCOUNTING } from './accounting.ts'
import { ACCOUNTS } from './accounts.ts'
import { AROUND } from './around.ts'
import { AUDITS } from './audit.ts'
import { BRANCHES } from './branches.ts'
import { CHAIN } from './chain.ts'
import { CHECKS } from './checks.ts'
import { GRANTED } from './grants.ts'
import { GUARDS } from './guards.ts'
import { HISTORY } from './history.ts'
import { IDEMPOTENCY } from './idempotency.ts'
import { LOCKS } from './locks.ts'
import { RETRIES } from './retries.ts'
import { READS } from './reads.ts'
import { SHARDS } from './shards.ts'
import { TRANSFERS } from './transfers.ts'

/** Every way in which `npm run mutate:ledger` breaks the ledger. */
export const MUTATIONS: readonly Mutation[] = [
  ...ACCOUNTING,
  ...TRANSFERS,
  ...ACCOUNTS,
  ...SHARDS,
  ...READS,
  ...GUARDS,
  ...BRANCHES,
  ...IDEMPOTENCY,
  ...LOCKS,
  ...RETRIES,
  ...AROUND,
  ...HISTORY,
  ...CHAIN,
  ...AUDITS,
  ...GRANTED,
  ...CHECKS,
]
