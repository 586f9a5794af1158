/** `npm run mutate`: breaks the way of money (test/support/mutations/runner.ts). */
import { runMutations } from '../../support/mutations/runner.ts'
import { MUTATIONS } from './list.ts'

await runMutations(MUTATIONS)
