/** `npm run mutate:ledger`: breaks the ledger (test/support/mutations/runner.ts). */
import { runMutations } from '../../support/mutations/runner.ts'
import { MUTATIONS } from './list.ts'

await runMutations(MUTATIONS, { atOnce: 2 })
