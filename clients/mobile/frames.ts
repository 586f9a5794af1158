import type { ClientFrame, ServerFrame } from '../../src/contract/index.ts'

import { hasShape, type Shape } from './shape.ts'

export type { FeedCursor, ServerFrame } from '../../src/contract/index.ts'

type Incoming<T extends ServerFrame['t']> = Extract<ServerFrame, { t: T }>
export type ReadyFrame = Incoming<'ready'>
export type ReplyFrame = Incoming<'reply'>
export type EventFrame = Incoming<'event'>
export type SnapshotFrame = Incoming<'snapshot'>
export type PingFrame = Incoming<'ping'>
export type GoawayFrame = Incoming<'goaway'>
export type TokenTakenFrame = Incoming<'token'>

export type { ClientFrame }
export type HelloFrame = Extract<ClientFrame, { t: 'hello' }>

const WIRE_ERROR: Shape = { code: 'string', message: 'string', retryable: 'boolean' }

const SHAPES: Record<ServerFrame['t'], Shape> = {
  challenge: { nonce: 'string', time: 'string' },
  ready: { user: 'string', device: 'string', heartbeat_ms: 'number', time: 'string', env: 'string', feeds: 'object' },
  reply: { id: 'string', ok: 'boolean' },
  event: { feed: 'string', seq: 'number', pos: 'string', id: 'string', at: 'string', name: 'string', body: 'object' },
  snapshot: {
    feed: 'string',
    epoch: 'string',
    seq: 'number',
    pos: 'string',
    part: 'number',
    last: 'boolean',
    body: 'object',
  },
  ping: { n: 'number', heads: 'object' },
  token: { expires_at: 'string' },
  goaway: { reconnect_after_ms: 'number' },
  error: { error: 'object' },
}

export type Read = { kind: 'frame'; frame: ServerFrame } | { kind: 'unknown' } | { kind: 'malformed' }

/** Reads a frame of the server. One of a later version (unknown `t`) is passed over, one that breaks its shape is a fault. */
export function readFrame(data: unknown): Read {
  const value = parse(data)
  if (!hasShape(value, { t: 'string' })) return { kind: 'malformed' }
  if (!Object.hasOwn(SHAPES, String(value['t']))) return { kind: 'unknown' }
  return isServerFrame(value) ? { kind: 'frame', frame: value } : { kind: 'malformed' }
}

function isServerFrame(value: Record<string, unknown>): value is ServerFrame & Record<string, unknown> {
  const shape = Object.entries(SHAPES).find(([t]) => t === value['t'])?.[1]
  if (shape === undefined || !hasShape(value, shape)) return false
  return value['t'] !== 'reply' || value['ok'] === true || hasShape(value['error'], WIRE_ERROR)
}

function parse(data: unknown): unknown {
  try {
    return typeof data === 'string' ? JSON.parse(data) : null
  } catch {
    return null
  }
}
