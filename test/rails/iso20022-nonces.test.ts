import { expect, it } from 'vitest'
import { makeNonces } from '../../src/rails/iso20022/nonces.ts'

it('a nonce is used once while a signature with it could be in time', () => {
  const nonces = makeNonces()
  expect(nonces.use('n', 0)).toBe(true)
  expect(nonces.use('n', 599_999)).toBe(false)
  expect(nonces.use('n', 600_000)).toBe(true)
})
