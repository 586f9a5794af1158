import type { Mutation } from '../../support/mutations/mutation.ts'
import { HISTORY, broken } from './files.ts'

/** What is read of a long history. */
const reads = broken(HISTORY, 'test/ledger/history-balance.pg.test.ts')

const UNSEALED = 'set enable_seqscan = off\nas $$\nbegin\n  return exists (select from transfers t where t.position >'

export const READS: readonly Mutation[] = [
  reads('reads all of history to know of one moment', UNSEALED, UNSEALED.replace('= off', '= on')),
]
