import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Feeds } from '../../../clients/mobile/feeds.ts'
import type { EventFrame, SnapshotFrame } from '../../../clients/mobile/frames.ts'

const FEED = 'usr_0000000001'
const event = (seq: number): EventFrame => ({
  t: 'event',
  feed: FEED,
  seq,
  pos: `p${seq}`,
  id: `evt_${seq}`,
  name: 'payment.updated',
  at: '2026-01-01T00:00:00.000Z',
  body: {},
})
const part = (n: number, last: boolean, seq = 50): SnapshotFrame => ({
  t: 'snapshot',
  feed: FEED,
  epoch: 'e2',
  seq,
  pos: `p${seq}`,
  part: n,
  last,
  body: {},
})

describe('a feed’s cursor', () => {
  it('lets each event through once and in order, whatever arrives, and never steps over a hole', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 100 }), (start, arriving) => {
        const feeds = new Feeds({ [FEED]: { epoch: 'e1', seq: start } })
        const applied: number[] = []
        for (const seq of arriving) {
          const verdict = feeds.judge(event(seq))
          const head = start + applied.length
          expect(verdict).toBe(seq <= head ? 'drop' : seq === head + 1 ? 'apply' : 'gap')
          if (verdict !== 'apply') continue
          applied.push(seq)
          feeds.advance(event(seq))
        }
        expect(applied).toEqual(applied.map((_, i) => start + 1 + i))
        expect(feeds.seq(FEED)).toBe(start + applied.length)
      }),
    )
  })

  it('gives the position back with the sequence', () => {
    const feeds = new Feeds({ [FEED]: { epoch: 'e1', seq: 0 } })
    feeds.advance(event(1))
    expect(feeds.cursors()).toEqual({ [FEED]: { epoch: 'e1', seq: 1, pos: 'p1' } })
  })

  it('does not move by a snapshot until its last part is there', () => {
    const feeds = new Feeds({ [FEED]: { epoch: 'e1', seq: 3 } })
    feeds.opened({ [FEED]: { mode: 'snapshot', epoch: 'e2', seq: 50 } })
    expect(feeds.gather(part(1, false))).toBeNull()
    expect(feeds.cursors()).toEqual({})
    expect(feeds.gather(part(2, true))).toHaveLength(2)
    feeds.restart(part(2, true))
    expect(feeds.cursors()).toEqual({ [FEED]: { epoch: 'e2', seq: 50, pos: 'p50' } })
  })

  it('takes no snapshot whose first part is missing', () => {
    const feeds = new Feeds()
    feeds.opened({ [FEED]: { mode: 'snapshot', epoch: 'e2', seq: 50 } })
    expect(feeds.gather(part(2, true))).toBeNull()
  })

  it('takes an event before the snapshot it was promised for a hole', () => {
    const feeds = new Feeds({ [FEED]: { epoch: 'e1', seq: 3 } })
    feeds.opened({ [FEED]: { mode: 'snapshot', epoch: 'e2', seq: 50 } })
    expect(feeds.judge(event(4))).toBe('gap')
  })

  it('keeps its place through replay and live', () => {
    const feeds = new Feeds({ [FEED]: { epoch: 'e1', seq: 3, pos: 'p3' } })
    feeds.opened({ [FEED]: { mode: 'replay', epoch: 'e1', seq: 9 } })
    expect(feeds.seq(FEED)).toBe(3)
    feeds.opened({ [FEED]: { mode: 'live', epoch: 'e1', seq: 3 } })
    expect(feeds.seq(FEED)).toBe(3)
  })

  it('forgets a feed that is no longer this session’s', () => {
    const feeds = new Feeds({ [FEED]: { epoch: 'e1', seq: 3 } })
    feeds.opened({})
    expect(feeds.cursors()).toEqual({})
  })
})
