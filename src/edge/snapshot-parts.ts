import type { FeedOpened } from '../bus/index.ts'
import type { SnapshotBody, SnapshotFrame } from '../contract/index.ts'

/** Room for the frame around a part's body: its ids, and the names of its members. */
const FRAME_BYTES = 512

/**
 * A snapshot as frames of at most so many bytes each: balances and as many payments as fit come first. One payment
 * always goes, however long; it is far shorter than a part.
 */
export function snapshotParts(feed: string, opened: FeedOpened, maxBytes: number): SnapshotFrame[] {
  const { epoch, seq, pos, snapshot = {} } = opened
  const { payments, ...rest } = snapshot
  const bodies: SnapshotBody[] = []
  let room = maxBytes - FRAME_BYTES - bytesOf(rest)
  let page: NonNullable<SnapshotBody['payments']> = []
  const close = (): void => {
    bodies.push({ ...(payments !== undefined && { payments: page }), ...(bodies.length === 0 && rest) })
    page = []
    room = maxBytes - FRAME_BYTES
  }
  for (const payment of payments ?? []) {
    const bytes = bytesOf(payment) + 1
    if (bytes > room && page.length > 0) close()
    page.push(payment)
    room -= bytes
  }
  if (page.length > 0 || bodies.length === 0) close()
  return bodies.map((body, i) => ({
    t: 'snapshot',
    feed,
    epoch,
    seq,
    pos,
    part: i + 1,
    last: i + 1 === bodies.length,
    body,
  }))
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
