import { expect, it } from 'vitest'
import { FAILPOINTS } from '../../../src/config/failpoint.ts'
import { blowName, dealBlows, dealShort } from './deal.ts'
import { BLOWS, POINTS, SIGNALS } from './points.ts'

/** Of the relay and of the edge: no hub passes them. */
const NOT_OF_A_HUB = ['published', 'pushed']

it('knows every failpoint of a hub, each passed by some row', () => {
  const known = POINTS.map(({ step }) => step)
  expect([...known, ...NOT_OF_A_HUB].toSorted()).toEqual([...FAILPOINTS].toSorted())
  expect(new Set(BLOWS.map(({ point }) => point.step)).size).toBe(POINTS.length)
  expect(new Set(BLOWS.map(blowName)).size).toBe(BLOWS.length)
})

it('deals the same for the same seed, and every point and signal before any comes twice', () => {
  const dealt = dealBlows(7, 60)
  expect(dealBlows(7, 60).map(blowName)).toEqual(dealt.map(blowName))
  expect(dealBlows(8, 60).map(blowName)).not.toEqual(dealt.map(blowName))
  const first = dealt.slice(0, POINTS.length * SIGNALS.length)
  expect(new Set(first.map(({ point, signal }) => `${point.step} ${signal}`)).size).toBe(POINTS.length * SIGNALS.length)
  expect(dealBlows(7, BLOWS.length)).toHaveLength(BLOWS.length)
})

it('deals in short every point, both signals and every rail', () => {
  const short = dealShort(1)
  expect(short.map(({ point }) => point.step)).toEqual(POINTS.map(({ step }) => step))
  expect(new Set(short.map(({ signal }) => signal)).size).toBe(SIGNALS.length)
  expect(new Set(short.map(({ row }) => row.rail)).size).toBe(3)
})
