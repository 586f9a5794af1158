import { describe, expect, it } from 'vitest'
import { chainsOf } from '../../src/outbox/chains.ts'
import { eventJson } from '../../src/outbox/publisher.ts'
import { Wake } from '../../src/outbox/wake.ts'

const row = (feed: string, seq: number, waits = false) => ({
  id: `evt_${feed}_${seq}`,
  feed,
  seq,
  name: 'payment.updated',
  body: '{"amount": "1"}',
  at: new Date(0),
  waits,
})
const shape = (chains: ReturnType<typeof chainsOf>) =>
  chains.map((chain) => chain.map(({ feed, seq }) => `${feed}${seq}`))

describe('what may be published', () => {
  it('is each feed from its first unpublished event on', () => {
    const rows = [row('a', 4), row('a', 5, true), row('b', 1), row('c', 9), row('c', 10, true)]
    expect(shape(chainsOf(rows, 10))).toEqual([['a4', 'a5'], ['b1'], ['c9', 'c10']])
  })

  it('leaves out an event whose predecessor is unpublished and not in the batch, and all after it', () => {
    const rows = [row('a', 5, true), row('a', 6, true), row('b', 1), row('b', 3, true), row('b', 4, true)]
    expect(shape(chainsOf(rows, 10))).toEqual([['b1']])
  })

  it('gives every feed its turn', () => {
    const rows = [row('a', 1), row('a', 2, true), row('a', 3, true), row('b', 1)]
    expect(shape(chainsOf(rows, 2))).toEqual([['a1', 'a2'], ['b1']])
  })
})

describe('the event on the wire', () => {
  it('is a FeedEvent whose body is the committed text', () => {
    const text = eventJson(row('usr_aaaaaaaa', 7))
    expect(JSON.parse(text)).toEqual({
      feed: 'usr_aaaaaaaa',
      seq: 7,
      id: 'evt_usr_aaaaaaaa_7',
      name: 'payment.updated',
      at: '1970-01-01T00:00:00.000Z',
      body: { amount: '1' },
    })
    expect(text).toContain('"body":{"amount": "1"}')
  })
})

describe('the bell', () => {
  it('remembers a ring while nobody slept, once', async () => {
    const wake = new Wake()
    wake.ring()
    wake.ring()
    const startedAt = performance.now()
    await wake.sleep(5_000)
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    await wake.sleep(30)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(28)
  })

  it('forgets a ring that was heard before the sleep', async () => {
    const wake = new Wake()
    wake.ring()
    wake.hear()
    const startedAt = performance.now()
    await wake.sleep(30)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(28)
  })

  it('ends a sleep at once', async () => {
    const wake = new Wake()
    const startedAt = performance.now()
    const asleep = wake.sleep(5_000)
    wake.ring()
    await asleep
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })
})
