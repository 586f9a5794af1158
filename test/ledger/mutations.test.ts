import { expect, it } from 'vitest'
import { ROOT } from '../../tools/paths.ts'
import { outdated } from '../support/mutations/mutation.ts'
import { MUTATIONS } from './mutations/list.ts'

it('the ledger can still be broken in each of the listed ways', () => {
  expect(outdated(ROOT, MUTATIONS)).toEqual([])
})
