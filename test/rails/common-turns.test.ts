import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Turns } from '../../src/rails/common/turns.ts'

it('gives no more turns than there are, in order, and loses none to those who gave up', async () => {
  const step = fc.oneof(fc.constant('begin' as const), fc.constant('end' as const), fc.record({ giveUp: fc.nat(20) }))
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 60 }), async (max, steps) => {
      const turns = new Turns(max, 5)
      let running = 0
      const began: number[] = []
      const asked: AbortController[] = []
      const over: Promise<void>[] = []
      for (const one of steps) {
        if (one === 'begin') {
          const nth = asked.length
          const controller = new AbortController()
          asked.push(controller)
          over.push(
            turns.begin(controller.signal).then((hasTurn) => {
              if (!hasTurn) return
              running++
              began.push(nth)
            }),
          )
        } else if (one === 'end') {
          if (running > 0) {
            running--
            turns.end()
          }
        } else asked[one.giveUp]?.abort()
        await Promise.resolve()
        await new Promise((resolve) => setImmediate(resolve))
        expect(running).toBeLessThanOrEqual(max)
      }
      for (const controller of asked) controller.abort()
      await Promise.all(over)
      expect(began).toEqual(began.toSorted((a, b) => a - b))
      // Every turn comes back.
      while (running > 0) {
        running--
        turns.end()
      }
      const again = Array.from({ length: max }, () => turns.begin(new AbortController().signal))
      expect(await Promise.all(again)).toEqual(again.map(() => true))
    }),
    { numRuns: 200 },
  )
})

it('refuses one more than may wait, and one whose time is over', async () => {
  const turns = new Turns(1, 1)
  const { signal } = new AbortController()
  expect(await turns.begin(signal)).toBe(true)
  const waiting = turns.begin(signal)
  expect(await turns.begin(signal)).toBe(false)
  turns.end()
  expect(await waiting).toBe(true)
  turns.end()
  expect(await turns.begin(AbortSignal.abort())).toBe(false)
  expect(await turns.begin(signal)).toBe(true)
})
