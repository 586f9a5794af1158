import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { snapshotParts } from '../../src/edge/snapshot-parts.ts'
import type { SnapshotBody } from '../../src/contract/index.ts'

const FEED = 'usr_aaaaaaaaaaaa'
const opened = (snapshot?: object) => ({
  mode: 'snapshot' as const,
  epoch: 'epoch-1',
  seq: 7,
  pos: '70',
  // Of a payment only its length matters here.
  ...(snapshot !== undefined && { snapshot: snapshot as SnapshotBody }),
})
const payments = (lengths: readonly number[]) =>
  lengths.map((length, i) => ({ id: `pay_${i}`, note: 'é'.repeat(length) }))

describe('a snapshot in parts', () => {
  it('is whole, in order, numbered from 1, its last part marked, each within the bound', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 900 }), { maxLength: 60 }), fc.boolean(), (lengths, more) => {
        const snapshot = { payments: payments(lengths), balances: [{ currency: 'KES' }], ...(more && { more }) }
        const parts = snapshotParts(FEED, opened(snapshot), 4_096)
        expect(parts.map(({ part }) => part)).toEqual(parts.map((_, i) => i + 1))
        expect(parts.map(({ last }) => last)).toEqual(parts.map((_, i) => i === parts.length - 1))
        expect(parts.every((part) => part.feed === FEED && part.seq === 7 && part.pos === '70')).toBe(true)
        expect(parts.flatMap(({ body }) => body.payments ?? [])).toEqual(snapshot.payments)
        expect(parts.flatMap(({ body }) => body.balances ?? [])).toEqual(snapshot.balances)
        expect(parts.filter(({ body }) => body.more === true).length).toBe(more ? 1 : 0)
        for (const part of parts) expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(4_096)
      }),
    )
  })

  it('fills its parts', () => {
    const parts = snapshotParts(FEED, opened({ payments: payments(Array.from({ length: 100 }, () => 100)) }), 4_096)
    expect(parts.length).toBeLessThanOrEqual(Math.ceil((100 * 230) / (4_096 - 512)) + 1)
  })

  it('is one part where there is nothing in it', () => {
    expect(snapshotParts(FEED, opened(), 4_096)).toEqual([
      { t: 'snapshot', feed: FEED, epoch: 'epoch-1', seq: 7, pos: '70', part: 1, last: true, body: {} },
    ])
  })
})
