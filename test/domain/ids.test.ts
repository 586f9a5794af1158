import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { attemptReference, lowestIdAt, makeIds, toBase62, uuidV7 } from '../../src/domain/ids.ts'

test('an id is 22 base62 digits behind its prefix, and a reference at a bank shows it', () => {
  const ids = makeIds(Date.now, randomBytes)
  const id = ids.make('pay')
  expect(id).toMatch(/^pay_[0-9A-Za-z]{22}$/)
  expect(attemptReference(id, 'collect', 1)).toBe(`${id.slice(4)}CO01`)
  expect(attemptReference(id, 'payOut', 12)).toMatch(/^[0-9A-Za-z]{22}PO12$/)
})

test('ids sort by the time they were made', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 40), fc.integer({ min: 1, max: 2 ** 30 }), (at, later) => {
      const [a, b] = [uuidV7(at, randomBytes(10)), uuidV7(at + later, randomBytes(10))]
      expect(a < b).toBe(true)
      expect(toBase62(a) < toBase62(b)).toBe(true)
    }),
  )
})

test('what was made from a time on is not below the lowest id of that time, and what was made before it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 48 - 1 }), (at) => {
      const lowest = lowestIdAt('pay', at)
      expect(makeIds(() => at, randomBytes).make('pay') >= lowest).toBe(true)
      expect(makeIds(() => at - 1, randomBytes).make('pay') < lowest).toBe(true)
    }),
  )
  expect(lowestIdAt('pay', -1)).toBe(lowestIdAt('pay', 0))
  expect(lowestIdAt('pay', 2 ** 48)).toBe(lowestIdAt('pay', 2 ** 48 - 1))
})

test('version and variant are those of RFC 9562', () => {
  fc.assert(
    fc.property(fc.nat(), fc.uint8Array({ minLength: 10, maxLength: 10 }), (at, random) => {
      expect(uuidV7(at, random)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }),
  )
})
