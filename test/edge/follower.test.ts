import { expect, it } from 'vitest'
import { Follower } from '../../src/edge/follower.ts'
import { EDGE_LIMITS } from '../../src/edge/limits.ts'

it('a head that is verified while the snapshot is on its way is read once it has come', async () => {
  const asked: [after: number, upto: number][] = []
  const pushed: number[] = []
  const follower = new Follower(
    {
      push: ({ seq }) => void pushed.push(seq),
      room: () => Promise.resolve(true),
      page: (after, upto) => {
        asked.push([after, upto])
        const seqs = Array.from({ length: upto - after }, (_, i) => after + 1 + i)
        const event = { feed: 'usr_aaaaaaaaaaaa', name: 'payment.updated' as const, at: '', body: {}, pos: '1' }
        return Promise.resolve({ epoch: 'e', events: seqs.map((seq) => ({ ...event, seq, id: `evt_${seq}` })) })
      },
      reachable: () => true,
      resync: (reason) => expect.fail(reason),
    },
    EDGE_LIMITS,
  )
  await follower.verify(9)
  expect(asked).toEqual([])
  await follower.follow('e', 7, 7)
  expect(asked).toEqual([[7, 9]])
  expect(pushed).toEqual([8, 9])
})
