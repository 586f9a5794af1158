import { headers } from '@nats-io/transport-node'
import { z } from 'zod'
import type { JetStreamClient } from '@nats-io/jetstream'
import { edgeControlSubject, FEED_HEADERS, FEED_STREAM, feedSubject, type Bus, type EdgeControl } from '../bus/index.ts'
import type { Chain } from './chains.ts'
import type { RelayLimits } from './limits.ts'
import type { OutboxRow, Published } from './table.ts'

export type Batch = { published: Published[]; failure: unknown }

/**
 * Publishes chains side by side, each strictly in order: the next event of a feed
 * leaves after the stream has acknowledged the one before. A failure ends its
 * chain only; what was acknowledged is returned all the same.
 */
export async function publishChains(
  { stream, bus }: Publishing,
  epoch: string,
  chains: readonly Chain[],
  limits: RelayLimits,
): Promise<Batch> {
  const batch: Batch = { published: [], failure: null }
  const rest = chains.values()
  const lane = async () => {
    for (const chain of rest) {
      for (const row of chain) {
        try {
          tellEdges(bus, row)
          batch.published.push(await publish(stream, epoch, row, limits.publish_timeout_ms))
        } catch (error) {
          batch.failure = error
          break
        }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limits.parallel_feeds, chains.length) }, lane))
  return batch
}

export type Publishing = { stream: JetStreamClient; bus: Bus }

/**
 * A device that was revoked has its sockets closed on every edge, whoever revoked it and whatever became of that
 * process. Told before the event and without the stream, and again with each try: that changes nothing.
 */
function tellEdges(bus: Bus, { name, body }: OutboxRow): void {
  if (name !== 'device.revoked') return
  const control: EdgeControl = { type: 'revoke', device: RevokedDevice.parse(JSON.parse(body)).id }
  bus.publish(edgeControlSubject('all'), JSON.stringify(control))
}

const RevokedDevice = z.object({ id: z.string() })

async function publish(stream: JetStreamClient, epoch: string, row: OutboxRow, timeout_ms: number): Promise<Published> {
  const head = headers()
  head.set(FEED_HEADERS.seq, String(row.seq))
  head.set(FEED_HEADERS.epoch, epoch)
  const ack = await stream.publish(feedSubject(row.feed), eventJson(row), {
    msgID: row.id,
    headers: head,
    timeout: timeout_ms,
    retries: 0,
    expect: { streamName: FEED_STREAM },
  })
  return { id: row.id, feed: row.feed, seq: row.seq, streamSequence: ack.seq, duplicate: ack.duplicate }
}

/** The event as `FeedEvent` JSON; the body goes out as the very text that was committed. */
export function eventJson(row: OutboxRow): string {
  const head = JSON.stringify({ feed: row.feed, seq: row.seq, id: row.id, name: row.name, at: row.at.toISOString() })
  return `${head.slice(0, -1)},"body":${row.body}}`
}
