import { expect, test } from 'vitest'
import { text } from '../../src/contract/primitives.ts'

test.each(['Zoë’s café', '日本', '🍵 tea', 'a'.repeat(20)])('people may write %j', (note) => {
  expect(text(20).safeParse(note).success).toBe(true)
})

test.each(['', 'a'.repeat(21), 'a\u0000', 'a\nb', '\ud800', 'tea \udf75', '\ud83d'])('nobody may write %j', (note) => {
  expect(text(20).safeParse(note).success).toBe(false)
})
