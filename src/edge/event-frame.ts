import type { Msg } from '@nats-io/transport-node'
import { FEED_HEADERS, type FeedEvent } from '../bus/index.ts'
import type { OutFrame } from './transport/index.ts'

/** An event of a feed, ready to be sent to any number of sockets. */
export type FeedMessage = Readonly<{ type: 'event'; seq: number; epoch: string; frame: OutFrame }>

/** What a feed says to those who listen; `resync`: events may have been lost, read the feed anew. */
export type FeedNews = FeedMessage | Readonly<{ type: 'resync'; reason: string }>

/**
 * The frame of a live message. Its payload is a `FeedEvent` as JSON already, so
 * the frame is that text with two fields put in front: nothing is parsed.
 */
export function fromLive(message: Msg): FeedMessage | null {
  const { data } = message
  const { seq, epoch, pos } = place(message)
  if (!Number.isSafeInteger(seq) || seq < 1 || epoch === '' || !/^\d+$/.test(pos) || data[0] !== OPEN_BRACE) return null
  // Digits need no escape, and the head is ASCII: one copy of the payload, and no buffer between.
  const head = `{"t":"event","pos":"${pos}"`
  const frame = Buffer.allocUnsafe(head.length + data.length)
  frame.write(head, 'latin1')
  frame.set(data, head.length)
  frame[head.length] = COMMA
  return { type: 'event', seq, epoch, frame }
}

/** One pass over the headers: each of the client's look-ups would be two. */
function place({ headers }: Msg): { seq: number; epoch: string; pos: string } {
  let seq = ''
  let epoch = ''
  let pos = ''
  for (const [name, [value = '']] of headers ?? []) {
    if (name === FEED_HEADERS.seq) seq = value
    else if (name === FEED_HEADERS.epoch) epoch = value
    else if (name === POSITION) pos = value
  }
  return { seq: Number(seq), epoch, pos }
}

/** Of the message in its stream; added by the republish. */
const POSITION = 'Nats-Sequence'
const OPEN_BRACE = 0x7b
const COMMA = 0x2c

/** The frame of an event read back from the hub. */
export function fromPage(event: FeedEvent & { pos: string }, epoch: string): FeedMessage {
  const { feed, seq, id, name, at, body, pos } = event
  const frame = Buffer.from(JSON.stringify({ t: 'event', pos, feed, seq, id, name, at, body }))
  return { type: 'event', seq, epoch, frame }
}

/** The amount an event is about, for a failpoint; '' where its body has none. */
export function amountOf(message: FeedMessage): string {
  const event: unknown = JSON.parse(message.frame.toString())
  if (typeof event !== 'object' || event === null || !('body' in event)) return ''
  const { body } = event
  if (typeof body !== 'object' || body === null || !('amount' in body)) return ''
  return typeof body.amount === 'string' ? body.amount : ''
}
