import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'
import { BINARY, CLOSING, PING, RawSocket, TEXT, closing, frame } from './support/raw-frames.ts'
import { TransportHost } from './support/transport-host.ts'

/**
 * RFC 6455, clause by clause, as raw frames over TCP. Where a peer breaks the rules `ws` says why before it ends the
 * connection; uWebSockets.js may end it without a word (§7.1.7: an endpoint SHOULD send a close frame).
 */

const GETTING_READY_MS = 120_000
const E_ACUTE = Buffer.from('é')

const text = (payload: Buffer | string, fin = true) => frame({ opcode: TEXT, payload, fin })
const more = (payload: Buffer | string, fin: boolean) => frame({ opcode: 0, payload, fin })

/** What is heard as one message. */
const HEARD: [clause: string, what: string, frames: Buffer[], heard: string][] = [
  ['5.6', 'a text frame', [text('hello')], 'hello'],
  ['5.6', 'an empty one', [text('')], ''],
  ['5.2', 'a length of 125, in seven bits', [text('x'.repeat(125))], 'x'.repeat(125)],
  ['5.2', 'a length of 126, in sixteen', [text('x'.repeat(126))], 'x'.repeat(126)],
  ['5.2', 'the longest we take', [text('x'.repeat(16_384))], 'x'.repeat(16_384)],
  ['5.4', 'fragments', [text('he', false), more('l', false), more('lo', true)], 'hello'],
  ['5.4', 'fragments of which some are empty', [text('', false), more('hi', false), more('', true)], 'hi'],
  ['5.4', 'a ping between fragments', [text('he', false), frame({ opcode: PING }), more('y', true)], 'hey'],
  [
    '5.6',
    'a character cut in two by fragments',
    [text(E_ACUTE.subarray(0, 1), false), more(E_ACUTE.subarray(1), true)],
    'é',
  ],
  ['5.5.3', 'a pong nobody asked for, before it', [frame({ opcode: 0xa }), text('on')], 'on'],
]

/** What ends the connection, and with which code on `ws`. */
const ENDED: [clause: string, what: string, frames: Buffer[], code: number][] = [
  ['5.2', 'a reserved bit', [frame({ opcode: TEXT, payload: 'hi', rsv: 4 })], 1002],
  ['5.2', 'a reserved opcode of data', [frame({ opcode: 0x3, payload: 'hi' })], 1002],
  ['5.2', 'a reserved opcode of control', [frame({ opcode: 0xb })], 1002],
  ['5.4', 'a continuation of nothing', [more('hi', true)], 1002],
  ['5.4', 'a new message among fragments', [text('he', false), text('llo')], 1002],
  ['5.5', 'a fragmented ping', [frame({ opcode: PING, fin: false })], 1002],
  ['5.5', 'a ping longer than 125', [frame({ opcode: PING, payload: 'x'.repeat(126) })], 1002],
  ['5.5.1', 'a close frame of one byte', [frame({ opcode: CLOSING, payload: Buffer.from([3]) })], 1002],
  ['7.4.1', 'a code that no frame may carry', [frame({ opcode: CLOSING, payload: closing(1005) })], 1002],
  ['7.4.2', 'a code below 1000', [frame({ opcode: CLOSING, payload: closing(999) })], 1002],
  [
    '5.5.1',
    'a reason that is not UTF-8',
    [frame({ opcode: CLOSING, payload: closing(1000, Buffer.from([0xc3, 0x28])) })],
    1007,
  ],
  ['8.1', 'text that is not UTF-8', [text(Buffer.from([0xc3, 0x28]))], 1007],
  ['8.1', 'half a character', [text(E_ACUTE.subarray(0, 1))], 1007],
  ['8.1', 'a surrogate', [text(Buffer.from([0xed, 0xa0, 0x80]))], 1007],
  ['5.2', 'a length far beyond what we take', [text('x'.repeat(200_000))], 1009],
]

/** What is told its code on every transport. */
const TOLD: [clause: string, what: string, frames: Buffer[], code: number][] = [
  ['5.6', 'a binary frame', [frame({ opcode: BINARY, payload: 'hi' })], 1003],
  ['7.1.6', 'one byte more than we take', [text('x'.repeat(16_385))], 1009],
  [
    '7.1.6',
    'fragments that are too long together',
    [text('x'.repeat(9_000), false), more('x'.repeat(9_000), true)],
    1009,
  ],
  ['5.5.1', 'a close frame, by its echo', [frame({ opcode: CLOSING, payload: closing(1000, 'bye') })], 1000],
  ['7.4.2', 'a close frame with a code of its own', [frame({ opcode: CLOSING, payload: closing(4999) })], 4999],
]

describe.each(['ws', 'uws'] as const)('RFC 6455 on %s', (kind) => {
  let host: TransportHost
  let peer: RawSocket

  beforeAll(async () => {
    host = await TransportHost.start(kind)
    await host.listen(kind)
  }, GETTING_READY_MS)
  afterAll(() => host?.end())
  beforeEach(async () => {
    host.heard.length = 0
    peer = await RawSocket.open(host.port)
  })
  afterEach(() => peer.destroy())

  it.each(HEARD)('§%s: %s is heard', async (_clause, _what, frames, heard) => {
    peer.write(...frames)
    await until(() => host.heard.length > 0)
    expect(host.heard).toEqual([heard])
    expect(peer.ended).toBe(false)
  })

  it('§5.1: hears a frame that comes byte by byte', async () => {
    for (const byte of text('slow but sure')) peer.write(Buffer.from([byte]))
    await until(() => host.heard.length > 0)
    expect(host.heard).toEqual(['slow but sure'])
  })

  it('§5.5.2: answers a ping by a pong with what it said, and masks nothing', async () => {
    peer.write(frame({ opcode: PING, payload: 'are you there' }))
    await until(() => peer.frames.length > 0)
    expect(peer.frames).toEqual([{ opcode: 0xa, payload: Buffer.from('are you there') }])
  })

  it.each(ENDED)('§%s: %s ends the connection, and is not heard', async (_clause, _what, frames, code) => {
    peer.write(...frames)
    expect(kind === 'ws' ? [code] : [code, 1000, 1005, 'cut']).toContain(await peer.end())
    expect(host.heard).toEqual([])
  })

  // uWebSockets.js reads every frame as a masked one: what was said in the clear is never heard, but garbled.
  it.each(kind === 'ws' ? ['5.1'] : [])('§%s: a frame that is not masked ends the connection', async () => {
    peer.write(frame({ opcode: TEXT, payload: 'hi', masked: false }))
    expect(await peer.end()).toBe(1002)
  })

  it.each(TOLD)('§%s: %s is answered with its code', async (_clause, _what, frames, code) => {
    peer.write(...frames)
    expect(await peer.end()).toBe(code)
    expect(host.heard).toEqual([])
  })

  it('§5.5.1: hears nothing after a close frame', async () => {
    peer.write(frame({ opcode: CLOSING, payload: closing(1000) }), text('still there?'))
    expect(await peer.end()).toBe(1000)
    await until(() => peer.ended)
    expect(host.heard).toEqual([])
  })
})
