import type { Mutation } from '../../support/mutations/mutation.ts'
import { AROUND } from './around.ts'
import { CHECKS } from './checks.ts'
import { READS } from './reads.ts'
import { SHARDS } from './shards.ts'
import { TRANSFERS } from './transfers.ts'

/** Every way in which `npm run mutate:ledger` breaks the ledger. */
export const MUTATIONS: readonly Mutation[] = [...TRANSFERS, ...SHARDS, ...READS, ...CHECKS, ...AROUND]
