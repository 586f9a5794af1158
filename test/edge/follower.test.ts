import { describe, expect, it } from 'vitest'
import type { FeedPaged } from '../../src/bus/index.ts'
import type { FeedMessage } from '../../src/edge/event-frame.ts'
import { Follower } from '../../src/edge/follower.ts'
import { EDGE_LIMITS } from '../../src/edge/limits.ts'

/** A follower on a socket, a hub and a clock of the test's own. */
function onItsOwn() {
  const asked: [after: number, upto: number][] = []
  const pushed: number[] = []
  const resyncs: string[] = []
  const state = { room: true, reachable: true, now_ms: 0, looks: 0 }
  const follower = new Follower(
    {
      push: ({ seq }) => void pushed.push(seq),
      hasRoom: () => state.room,
      page: (after, upto) => void asked.push([after, upto]),
      lookLater: () => void state.looks++,
      reachable: () => state.reachable,
      now: () => state.now_ms,
      resync: (reason) => void resyncs.push(reason),
    },
    EDGE_LIMITS,
  )
  return { asked, pushed, resyncs, state, follower }
}

const live = (seq: number, epoch = 'e'): FeedMessage => ({ type: 'event', seq, epoch, frame: Buffer.alloc(0) })

function page(after: number, upto: number): FeedPaged {
  const seqs = Array.from({ length: upto - after }, (_, i) => after + 1 + i)
  const event = { feed: 'usr_aaaaaaaaaaaa', name: 'payment.updated' as const, at: '', body: {}, pos: '1' }
  return { epoch: 'e', events: seqs.map((seq) => ({ ...event, seq, id: `evt_${seq}` })) }
}

describe('a follower', () => {
  it('reads a head that is verified while the snapshot is on its way once it has come', () => {
    const { asked, follower, pushed } = onItsOwn()
    let verified = 0
    follower.verify(9, () => verified++)
    expect(asked).toEqual([])
    expect(verified).toBe(1)
    follower.follow('e', 7, 7)
    expect(asked).toEqual([[7, 9]])
    follower.paged(page(7, 9))
    expect(pushed).toEqual([8, 9])
  })

  it('tells that a head is verified once all up to it is out, and not before', () => {
    const { asked, follower, pushed, state } = onItsOwn()
    let verified = 0
    follower.follow('e', 0, 0)
    follower.verify(0, () => verified++)
    expect(verified).toBe(1)
    follower.verify(3, () => verified++)
    expect([verified, state.looks, asked]).toEqual([1, 1, []])
    follower.hear(live(1))
    follower.look()
    expect(asked).toEqual([[1, 3]])
    follower.paged(page(1, 3))
    expect([verified, pushed]).toEqual([2, [1, 2, 3]])
  })

  it('takes a page as far as the socket has room, and goes on when it has again', () => {
    const { asked, follower, pushed, state } = onItsOwn()
    follower.follow('e', 0, 4)
    state.room = false
    follower.paged(page(0, 2))
    expect(pushed).toEqual([])
    follower.paged(page(0, 4)) // nobody asked for it
    follower.drained()
    expect(pushed).toEqual([])
    state.room = true
    follower.drained()
    expect(pushed).toEqual([1, 2])
    expect(asked).toEqual([
      [0, 4],
      [2, 4],
    ])
  })

  it('keeps nobody waiting who verifies while the socket has no room: that may be for ever', () => {
    const { follower, pushed, state } = onItsOwn()
    let verified = 0
    follower.follow('e', 0, 4)
    follower.verify(4, () => verified++)
    expect(verified).toBe(0)
    state.room = false
    follower.paged(page(0, 2))
    expect(verified).toBe(1)
    follower.verify(9, () => verified++)
    expect(verified).toBe(2)
    state.room = true
    follower.drained()
    follower.paged(page(2, 9))
    expect([verified, pushed]).toEqual([2, [1, 2, 3, 4, 5, 6, 7, 8, 9]])
  })

  it('asks again for what the hub could not tell, and resyncs when that brings nothing in time', () => {
    const { asked, follower, resyncs, state } = onItsOwn()
    follower.follow('e', 0, 0)
    follower.hear(live(2))
    follower.paged(null)
    follower.look()
    expect(asked.length).toBe(2)
    state.now_ms = EDGE_LIMITS.gap_timeout_ms
    expect(resyncs).toEqual([])
    follower.paged({ epoch: 'e', events: [] })
    expect(resyncs).toEqual(['an event is missing'])
  })

  it('asks nobody while the hub is out of reach, and tells so whoever verifies', () => {
    const { asked, follower, resyncs, state } = onItsOwn()
    let verified = 0
    follower.follow('e', 0, 0)
    state.reachable = false
    follower.hear(live(2))
    follower.verify(2, () => verified++)
    follower.look()
    expect([asked, resyncs, verified]).toEqual([[], [], 1])
  })

  it('resyncs at an event of another epoch, live or read', () => {
    const { follower, pushed, resyncs } = onItsOwn()
    follower.follow('e', 0, 1)
    follower.paged({ ...page(0, 1), epoch: 'f' })
    follower.hear(live(2, 'f'))
    expect(resyncs.length).toBeGreaterThan(1)
    expect(pushed).toEqual([])
  })

  it('says nothing more once it has ended, and keeps nobody waiting', () => {
    const { asked, follower, pushed } = onItsOwn()
    let verified = 0
    follower.follow('e', 0, 0)
    follower.verify(3, () => verified++)
    follower.end()
    expect(verified).toBe(1)
    follower.look()
    follower.hear(live(1))
    follower.paged(page(0, 3))
    expect([asked, pushed]).toEqual([[], []])
  })
})
