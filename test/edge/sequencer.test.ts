import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sequencer } from '../../src/edge/sequencer.ts'

const event = (seq: number) => ({ seq })
const seqs = (events: readonly { seq: number }[]) => events.map(({ seq }) => seq)

describe('the sequencer', () => {
  it('holds everything until it is told where to start, then drops what is not after it', () => {
    const sequencer = new Sequencer(10)
    expect([3, 1, 2, 4].flatMap((seq) => sequencer.accept(event(seq)))).toEqual([])
    expect(sequencer.missing).toBeNull()
    expect(seqs(sequencer.start(2))).toEqual([3, 4])
    expect(sequencer.last).toBe(4)
  })

  it('lets out the next, drops what was, holds what is ahead', () => {
    const sequencer = new Sequencer(10)
    sequencer.start(5)
    expect(sequencer.accept(event(5))).toEqual([])
    expect(sequencer.accept(event(8))).toEqual([])
    expect(sequencer.missing).toEqual({ after: 5, upto: 8 })
    expect(seqs(sequencer.accept(event(6)))).toEqual([6])
    expect(seqs(sequencer.accept(event(7)))).toEqual([7, 8])
    expect(sequencer.missing).toBeNull()
  })

  it('reports as missing what it could not hold', () => {
    const sequencer = new Sequencer(2)
    sequencer.start(0)
    for (const seq of [3, 4, 5, 6]) sequencer.accept(event(seq))
    expect(seqs([...sequencer.accept(event(1)), ...sequencer.accept(event(2))])).toEqual([1, 2, 3, 4])
    expect(sequencer.missing).toEqual({ after: 4, upto: 6 })
  })

  it('knows of events it only heard about', () => {
    const sequencer = new Sequencer(2)
    sequencer.start(7)
    sequencer.expect(7)
    expect(sequencer.missing).toBeNull()
    sequencer.expect(9)
    expect(sequencer.missing).toEqual({ after: 7, upto: 9 })
  })

  it('lets out each event once and in order, however they come, as long as missing ones are read', () => {
    const arrivals = fc.record({
      start: fc.nat({ max: 20 }),
      startAfter: fc.nat({ max: 40 }),
      capacity: fc.integer({ min: 1, max: 8 }),
      seqs: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 80 }),
    })
    fc.assert(
      fc.property(arrivals, ({ start, startAfter, capacity, seqs: arriving }) => {
        const sequencer = new Sequencer(capacity)
        const out: number[] = []
        const begin = () => out.push(...seqs(sequencer.start(start)))
        for (const [i, seq] of arriving.entries()) {
          if (i === startAfter) begin()
          out.push(...seqs(sequencer.accept(event(seq))))
        }
        if (startAfter >= arriving.length) begin()
        for (let missing = sequencer.missing; missing !== null; missing = sequencer.missing) {
          out.push(...seqs(sequencer.accept(event(missing.after + 1))))
        }
        const head = Math.max(start, ...arriving)
        expect(out).toEqual(Array.from({ length: head - start }, (_, i) => start + 1 + i))
      }),
    )
  })
})
