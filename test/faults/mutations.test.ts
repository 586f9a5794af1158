import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from '../../tools/paths.ts'
import { mutated } from './mutations/apply.ts'
import { MUTATIONS } from './mutations/list.ts'

it.each(MUTATIONS)('the product can still be broken so that it $name', ({ edits, test }) => {
  expect(existsSync(join(ROOT, test))).toBe(true)
  for (const edit of edits) {
    const text = readFileSync(join(ROOT, edit.file), 'utf8')
    expect(mutated(text, edit)).not.toBe(text)
  }
})
