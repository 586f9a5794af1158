import { describe, expect, test } from 'vitest'
import { countsAgainstLimits, periodsIn } from '../../src/domain/limits.ts'

describe('a period', () => {
  test.each([
    ['2026-11-30T20:59:59.999Z', 'day:2026-11-30', 'month:2026-11'],
    ['2026-11-30T21:00:00.000Z', 'day:2026-12-01', 'month:2026-12'],
    ['2026-12-31T21:00:00.000Z', 'day:2027-01-01', 'month:2027-01'],
  ])('at %s is that of Nairobi, three hours ahead', (at, day, month) => {
    expect(periodsIn('Africa/Nairobi')(Date.parse(at))).toEqual({ day, month })
  })

  test('is as long as the clocks of its zone say: the night they go back is one day', () => {
    const periods = periodsIn('Europe/Berlin')
    const days = ['2026-10-24T22:30:00Z', '2026-10-25T22:30:00Z', '2026-10-25T23:30:00Z'].map(
      (at) => periods(Date.parse(at)).day,
    )
    expect(days).toEqual(['day:2026-10-25', 'day:2026-10-25', 'day:2026-10-26'])
  })

  test('of a zone that does not exist is none', () => {
    expect(() => periodsIn('Africa/Atlantis')).toThrow(RangeError)
  })
})

test('what leaves a user counts, and what only comes to the wallet does not', () => {
  const counted = (['purchase', 'transfer', 'withdrawal', 'topup'] as const).filter(countsAgainstLimits)
  expect(counted).toEqual(['purchase', 'transfer', 'withdrawal'])
})
