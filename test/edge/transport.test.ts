import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { EDGE_LIMITS, listenWs, type EdgeLimits, type Transport } from '../../src/edge/index.ts'
import type { ClientSocket } from '../../src/edge/transport.ts'
import { until } from '../support/until.ts'

/** What every transport must do, whatever library carries it. */

const ORIGIN = 'https://wallet.example'

let transport: Transport
let accepted: ClientSocket[]
let heard: string[]
let closes: number[]

beforeEach(() => listen())
afterEach(() => transport.close())

async function listen(limits: Partial<EdgeLimits> = {}, loopbackFree = true): Promise<void> {
  accepted = []
  heard = []
  closes = []
  transport = await listenWs({
    host: '127.0.0.1',
    port: 0,
    origins: new Set([ORIGIN]),
    loopbackFree,
    limits: { ...EDGE_LIMITS, ...limits },
    accept: (socket) => {
      accepted.push(socket)
      return { message: (text) => heard.push(text), drained: () => {}, closed: (code) => closes.push(code) }
    },
  })
}

async function relisten(limits: Partial<EdgeLimits>, loopbackFree = true): Promise<void> {
  await transport.close()
  await listen(limits, loopbackFree)
}

const url = (path = '/v1/socket') => `ws://127.0.0.1:${transport.port}${path}`

/** The HTTP status of a refused handshake, or 101. */
function handshake(protocols: string[], options: { origin?: string; path?: string } = {}): Promise<number> {
  const ws = new WebSocket(url(options.path), protocols, options.origin === undefined ? {} : { origin: options.origin })
  return new Promise((resolve, reject) => {
    ws.once('open', () => {
      ws.close()
      resolve(101)
    })
    ws.once('unexpected-response', (_request, response) => {
      response.destroy()
      resolve(response.statusCode ?? 0)
    })
    ws.once('error', reject)
  })
}

async function open(): Promise<WebSocket> {
  const ws = new WebSocket(url(), ['mooring.v1'], { perMessageDeflate: true })
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
  ws.on('error', () => {})
  return ws
}

const closeOf = (ws: WebSocket) => new Promise<number>((resolve) => ws.once('close', (code) => resolve(code)))

/** Whether the server ends a raw connection that sent `text`. */
async function raw(text: string): Promise<{ socket: Socket; ended: Promise<void> }> {
  const socket = connect(transport.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(text)
  return { socket, ended }
}

describe('the handshake', () => {
  it.each([
    ['the subprotocol is offered', ['mooring.v1'], {}, 101],
    ['it is offered among others', ['other', 'mooring.v1'], {}, 101],
    ['none is offered', [], {}, 400],
    ['only others are offered', ['mooring.v2', 'chat'], {}, 400],
    ['the Origin is on the list', ['mooring.v1'], { origin: ORIGIN }, 101],
    ['the Origin is not on the list', ['mooring.v1'], { origin: 'https://evil.example' }, 403],
    ['the Origin only begins like one on the list', ['mooring.v1'], { origin: `${ORIGIN}.evil.example` }, 403],
    ['the Origin is null', ['mooring.v1'], { origin: 'null' }, 403],
    ['the path is another', ['mooring.v1'], { path: '/other' }, 404],
  ] as const)('where %s', async (_what, protocols, options, status) => {
    expect(await handshake([...protocols], options)).toBe(status)
  })

  it('selects our subprotocol and no compression', async () => {
    const ws = new WebSocket(url(), ['other', 'mooring.v1'], { perMessageDeflate: true })
    await new Promise((resolve) => ws.once('open', resolve))
    expect([ws.protocol, ws.extensions]).toEqual(['mooring.v1', ''])
  })

  it('answers plain HTTP with 426', async () => {
    const answer = await fetch(url().replace('ws:', 'http:'))
    expect(answer.status).toBe(426)
  })
})

describe('framing', () => {
  it('takes a message of 16 KiB and closes 1009 at one byte more', async () => {
    const ws = await open()
    ws.send('x'.repeat(16 * 1024))
    await until(() => heard.length === 1)
    ws.send('x'.repeat(16 * 1024 + 1))
    expect(await closeOf(ws)).toBe(1009)
    expect(heard.length).toBe(1)
  })

  it('closes 1009 where the fragments together are too long', async () => {
    const ws = await open()
    ws.send('x'.repeat(12_000), { fin: false })
    ws.send('x'.repeat(12_000), { fin: true })
    expect(await closeOf(ws)).toBe(1009)
  })

  it('closes 1003 at a binary message', async () => {
    const ws = await open()
    ws.send(Buffer.from('{"t":"pong","n":1}'), { binary: true })
    expect(await closeOf(ws)).toBe(1003)
    expect(heard).toEqual([])
  })

  it('closes 1007 at text that is not UTF-8', async () => {
    const ws = await open()
    ws.send(Buffer.from([0x22, 0xc3, 0x28, 0x22]), { binary: false })
    expect(await closeOf(ws)).toBe(1007)
    expect(heard).toEqual([])
  })

  it.each([
    ['with text in each', 'x'],
    ['with nothing in most', ''],
  ])('takes 64 fragments and closes 1008 at 65, %s', async (_what, part) => {
    const ws = await open()
    const send = (fragments: number) => {
      for (let i = 1; i <= fragments; i++) ws.send(i === 1 ? 'x' : part, { fin: i === fragments })
    }
    send(64)
    await until(() => heard.length === 1)
    send(65)
    expect(await closeOf(ws)).toBe(1008)
    expect(heard.length).toBe(1)
  })

  it('tells once when a socket is gone, and takes sends and closes afterwards', async () => {
    const ws = await open()
    ws.terminate()
    await until(() => closes.length === 1)
    accepted[0]?.send(Buffer.from('{}'))
    accepted[0]?.close(4000, 'again')
    expect(closes).toEqual([1006])
  })
})

describe('floods and slow-loris', () => {
  it('cuts a connection that sends nothing, or its headers too slowly, and serves others meanwhile', async () => {
    await relisten({ http_headers_timeout_ms: 200, http_check_ms: 50 })
    const silent = await raw('')
    const slow = await raw('GET /v1/socket HTTP/1.1\r\nHost: x\r\n')
    const drip = setInterval(() => slow.socket.write('X-A: b\r\n'), 20)
    expect(await handshake(['mooring.v1'])).toBe(101)
    await Promise.all([silent.ended, slow.ended])
    clearInterval(drip)
    expect(accepted.length).toBe(1)
  })

  it('caps connections per address, those still in their handshake included, and frees them', async () => {
    await relisten({ connections_per_address: 2 }, false)
    const held = await raw('GET /v1/socket HTTP/1.1\r\n')
    const ws = await open()
    await expect(open()).rejects.toThrow()
    held.socket.destroy()
    ws.close()
    await until(() =>
      open().then(
        () => true,
        () => false,
      ),
    )
  })

  it('lifts that cap for loopback alone where caps are off', async () => {
    await relisten({ connections_per_address: 1 }, true)
    const sockets = await Promise.all([open(), open(), open()])
    expect(sockets.length).toBe(3)
  })

  it('caps connections in all', async () => {
    await relisten({ connections: 2 })
    await Promise.all([open(), open()])
    await expect(open()).rejects.toThrow()
  })
})

describe('closing', () => {
  it('refuses new sockets while those open stay, then finishes their closing handshakes', async () => {
    const ws = await open()
    transport.stopAccepting()
    await expect(open()).rejects.toThrow()
    expect(ws.readyState).toBe(ws.OPEN)
    const closed = closeOf(ws)
    accepted[0]?.close(4001, 'this edge is closing')
    await transport.close()
    expect(await closed).toBe(4001)
  })
})
