import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeTurns } from '../../src/rails/common/turns.ts'

const never = new AbortController().signal

describe('turns at the connections', () => {
  it('are no more than there are, in order, and none is lost to those who gave up', async () => {
    const step = fc.oneof(fc.constant('next' as const), fc.constant('over' as const), fc.record({ giveUp: fc.nat(20) }))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 60 }), async (max, steps) => {
        const turns = makeTurns(max, 5)
        const running: (() => void)[] = []
        const began: number[] = []
        const asked: AbortController[] = []
        const answered: Promise<void>[] = []
        for (const one of steps) {
          if (one === 'next') {
            const nth = asked.length
            const controller = new AbortController()
            asked.push(controller)
            answered.push(
              turns.next(controller.signal).then((over) => {
                if (typeof over !== 'function') return
                running.push(over)
                began.push(nth)
              }),
            )
          } else if (one === 'over') running.shift()?.()
          else asked[one.giveUp]?.abort()
          await new Promise((resolve) => setImmediate(resolve))
          expect(running.length).toBeLessThanOrEqual(max)
        }
        for (const controller of asked) controller.abort()
        await Promise.all(answered)
        expect(began).toEqual(began.toSorted((a, b) => a - b))
        // Every turn comes back.
        for (const over of running) over()
        const again = await Promise.all(Array.from({ length: max }, () => turns.next(never)))
        expect(again.map((turn) => typeof turn)).toEqual(again.map(() => 'function'))
      }),
      { numRuns: 200 },
    )
  })

  it('are taken in the order they were asked for', async () => {
    const turns = makeTurns(1, 10)
    const order: string[] = []
    const first = await take(turns)
    const second = take(turns).then((over) => {
      order.push('second')
      over()
    })
    const third = take(turns).then(() => order.push('third'))
    expect(order).toEqual([])
    first()
    await Promise.all([second, third])
    expect(order).toEqual(['second', 'third'])
  })

  it('skip whoever gave up waiting', async () => {
    const turns = makeTurns(1, 10)
    const first = await take(turns)
    const deadline = new AbortController()
    const givenUp = turns.next(deadline.signal)
    const next = turns.next(never)
    deadline.abort()
    expect(await givenUp).toBe('aborted')
    first()
    expect(await next).toBeTypeOf('function')
  })

  it('are not queued for without end, and a place in the queue that is left can be taken', async () => {
    const turns = makeTurns(1, 2)
    const first = await take(turns)
    const patience = new AbortController()
    const second = turns.next(patience.signal)
    const third = turns.next(never)
    expect(await turns.next(never)).toBe('full')
    patience.abort()
    expect(await second).toBe('aborted')
    const fourth = turns.next(never)
    expect(await turns.next(never)).toBe('full')
    first()
    const over = await third
    if (typeof over !== 'function') throw new Error('no turn')
    over()
    expect(await fourth).toBeTypeOf('function')
  })

  it('are not had after the deadline, and nothing is lost by it', async () => {
    const turns = makeTurns(1, 1)
    expect(await turns.next(AbortSignal.abort())).toBe('aborted')
    expect(await turns.next(never)).toBeTypeOf('function')
    expect(await turns.next(AbortSignal.abort())).toBe('aborted')
  })

  it('that are over twice are over once', async () => {
    const turns = makeTurns(1, 0)
    const first = await take(turns)
    first()
    first()
    expect(await turns.next(never)).toBeTypeOf('function')
    expect(await turns.next(never)).toBe('full')
  })
})

async function take(turns: ReturnType<typeof makeTurns>): Promise<() => void> {
  const turn = await turns.next(never)
  if (typeof turn !== 'function') throw new Error(`no turn: ${turn}`)
  return turn
}
