import { describe, expect, it } from 'vitest'
import { differences, type Told } from '../../e2e/support/told.ts'

const COMMITTED = ['evt_a', 'evt_b', 'evt_c', 'evt_d']
const event = (seq: number, id = COMMITTED[seq - 1] ?? ''): Told => ({ seq, id })

describe('what a client was told', () => {
  it.each<[string, Told[], number]>([
    ['every event', [1, 2, 3, 4].map((seq) => event(seq)), 0],
    ['every event after where it began', [event(3), event(4)], 2],
    ['a snapshot, and what follows it', [{ snapshot: 2 }, event(3), event(4)], 0],
    ['a snapshot on its way', [event(1), { snapshot: 3 }, event(4)], 0],
    ['a snapshot of nothing new', [event(1), { snapshot: 1 }, event(2), { snapshot: 4 }], 0],
  ])('is the committed log where it was told %s', (_what, told, from) => {
    expect(differences(told, COMMITTED, from)).toEqual([])
  })

  it.each<[string, Told[], string]>([
    ['an event twice', [1, 2, 2, 3, 4].map((seq) => event(seq)), 'event 2 came again after 2'],
    ['events out of order', [1, 3, 2, 3, 4].map((seq) => event(seq)), 'event 3 came after 1'],
    ['all but one in the middle', [1, 2, 4].map((seq) => event(seq)), 'event 4 came after 2'],
    ['all but the last', [1, 2, 3].map((seq) => event(seq)), 'after 3 came nothing, and 4 are committed'],
    ['another event', [event(1), event(2, 'evt_x'), event(3), event(4)], 'event 2 was evt_x, committed is evt_b'],
    ['one more', [1, 2, 3, 4, 5].map((seq) => event(seq, COMMITTED[seq - 1] ?? 'evt_e')), 'committed is none'],
    ['an old snapshot', [event(1), event(2), { snapshot: 1 }, event(2), event(3), event(4)], 'came after 2'],
    ['a snapshot of what is to come', [{ snapshot: 5 }], 'which nobody committed'],
    ['nothing', [], 'after 0 came nothing'],
  ])('is not where it was told %s', (_what, told, found) => {
    expect(differences(told, COMMITTED).join()).toContain(found)
  })
})
