import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { developmentCertificates } from '../../tools/certificates.ts'
import { until } from '../support/until.ts'
import { CLOSING, RawSocket, TEXT, closing, frame } from './support/raw-frames.ts'
import { type Opening, TransportHost } from './support/transport-host.ts'

/** What every transport must do, whatever library carries it. Each runs in a process of its own. */

const ORIGIN = 'https://wallet.example'
const GETTING_READY_MS = 120_000

describe.each(['ws', 'uws'] as const)('on %s', (kind) => {
  /** What uWebSockets.js leaves out (docs/adr/0017) is held to on the other alone. */
  const ifWs = <const Row>(...rows: Row[]): Row[] => (kind === 'ws' ? rows : [])

  let host: TransportHost

  beforeAll(async () => {
    host = await TransportHost.start(kind)
  }, GETTING_READY_MS)
  afterAll(() => host?.end())
  beforeEach(() => listen())
  afterEach(() => host.shut())

  const listen = (opening: Opening = {}) => host.listen(kind, { origins: [ORIGIN], ...opening })

  async function relisten(opening: Opening): Promise<void> {
    await host.shut()
    await listen(opening)
  }

  const url = (path = '/v1/socket') => `ws://127.0.0.1:${host.port}${path}`

  /** The HTTP status of a refused handshake, or 101. */
  function handshake(protocols: string[], options: { origin?: string; path?: string } = {}): Promise<number> {
    const ws = new WebSocket(
      url(options.path),
      protocols,
      options.origin === undefined ? {} : { origin: options.origin },
    )
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

  const opens = () =>
    open().then(
      () => true,
      () => false,
    )

  const closeOf = (ws: WebSocket) => new Promise<number>((resolve) => ws.once('close', (code) => resolve(code)))

  /** Whether the server ends a raw connection that sent `text`. */
  async function raw(text: string): Promise<{ socket: Socket; ended: Promise<void> }> {
    const socket = connect(host.port, '127.0.0.1')
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

    it.each([
      ['an Origin that is empty', 'Sec-WebSocket-Protocol: mooring.v1\r\nOrigin: \r\n', '403'],
      [
        'the subprotocol in another header',
        'Sec-WebSocket-Protocol: other\r\nSec-WebSocket-Protocol: mooring.v1\r\n',
        '101',
      ],
    ])('with %s', async (_what, lines, status) => {
      const socket = connect(host.port, '127.0.0.1')
      const answer = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString('latin1'))))
      socket.write(
        'GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
          `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${lines}\r\n`,
      )
      expect((await answer).slice(0, 12)).toBe(`HTTP/1.1 ${status}`)
      socket.destroy()
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
      await until(() => host.heard.length === 1)
      ws.send('x'.repeat(16 * 1024 + 1))
      expect(await closeOf(ws)).toBe(1009)
      expect(host.heard.length).toBe(1)
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
      expect(host.heard).toEqual([])
    })

    it('ends at text that is not UTF-8, on ws with 1007', async () => {
      const ws = await open()
      ws.send(Buffer.from([0x22, 0xc3, 0x28, 0x22]), { binary: false })
      expect(await closeOf(ws)).toBe(kind === 'ws' ? 1007 : 1006)
      expect(host.heard).toEqual([])
    })

    // uWebSockets.js joins fragments unseen; what they may be together is bounded all the same.
    it.each(ifWs(['with text in each', 'x'], ['with nothing in most', '']))(
      'takes 64 fragments and closes 1008 at 65, %s',
      async (_what, part) => {
        const ws = await open()
        const send = (fragments: number) => {
          for (let i = 1; i <= fragments; i++) ws.send(i === 1 ? 'x' : part, { fin: i === fragments })
        }
        send(64)
        await until(() => host.heard.length === 1)
        send(65)
        expect(await closeOf(ws)).toBe(1008)
        expect(host.heard.length).toBe(1)
      },
    )

    it('tells once when a socket is gone, and takes sends and closes afterwards', async () => {
      const ws = await open()
      ws.terminate()
      await until(() => host.closes.length === 1)
      await host.send(0, '{}')
      await host.close(0, 4000, 'again')
      expect(host.closes).toEqual([1006])
    })
  })

  describe('floods and slow-loris', () => {
    it.each(ifWs(['silence', '', 0], ['headers that drip', 'GET /v1/socket HTTP/1.1\r\nHost: x\r\n', 20]))(
      'cuts a connection at %s, and serves others meanwhile',
      async (_what, said, drip_ms) => {
        await relisten({ limits: { http_headers_timeout_ms: 200, http_check_ms: 50 } })
        const slow = await raw(said)
        const drip = drip_ms === 0 ? undefined : setInterval(() => slow.socket.write('X-A: b\r\n'), drip_ms)
        expect(await handshake(['mooring.v1'])).toBe(101)
        await slow.ended
        clearInterval(drip)
        await until(() => host.accepted.length > 0)
        expect(host.accepted.length).toBe(1)
      },
    )

    it('caps connections per address, those still in their handshake included, and frees them', async () => {
      await relisten({
        limits: { connections_per_address: 2, http_headers_timeout_ms: 1_000 },
        loopbackFree: false,
      })
      const held = await raw('GET /v1/socket HTTP/1.1\r\n')
      const ws = await open()
      await expect(open()).rejects.toThrow()
      held.socket.destroy()
      ws.close()
      await until(opens)
    })

    it('gives the place of a socket that ended to the next', async () => {
      await relisten({ limits: { connections_per_address: 1 }, loopbackFree: false })
      for (let i = 1; i <= 4; i++) {
        const ws = await open()
        ws.terminate()
        await until(() => host.closes.length === i)
      }
      expect(host.accepted.length).toBe(4)
    })

    it('counts one that was closed and keeps its connection, until that is over', async () => {
      await relisten({ limits: { connections_per_address: 2, http_headers_timeout_ms: 100 }, loopbackFree: false })
      const kept = await Promise.all([RawSocket.open(host.port), RawSocket.open(host.port)])
      for (const peer of kept) {
        peer.write(frame({ opcode: CLOSING, payload: closing(1000) }))
        await peer.end()
      }
      await expect(open()).rejects.toThrow()
      for (const peer of kept) peer.destroy()
      await until(opens)
    })

    it('lifts that cap for loopback alone where caps are off', async () => {
      await relisten({ limits: { connections_per_address: 1 } })
      const sockets = await Promise.all([open(), open(), open()])
      expect(sockets.length).toBe(3)
    })

    it('caps connections in all', async () => {
      await relisten({ limits: { connections: 2 } })
      await Promise.all([open(), open()])
      await expect(open()).rejects.toThrow()
    })
  })

  describe('closing', () => {
    it('refuses new sockets while those open stay, then finishes their closing handshakes', async () => {
      const ws = await open()
      await host.stopAccepting()
      await expect(open()).rejects.toThrow()
      expect(ws.readyState).toBe(ws.OPEN)
      const closed = closeOf(ws)
      await host.close(0, 4001, 'this edge is closing')
      await host.shut()
      expect(await closed).toBe(4001)
    })
  })

  describe('a peer that does not read', () => {
    it('has its queue counted, is told of when it reads again, and loses nothing', async () => {
      const slow = await RawSocket.open(host.port)
      slow.pause()
      await until(() => host.accepted.length === 1)
      const text = 'x'.repeat(10_000)
      await until(async () => {
        await host.send(0, text, 50)
        return (await host.queued(0)) > 200_000
      })
      const queued = await host.queued(0)
      slow.resume()
      await until(async () => host.drained > 0 && (await host.queued(0)) === 0)
      expect(queued).toBeGreaterThan(200_000)
      expect(slow.frames.length).toBeGreaterThan(queued / 10_000)
      expect(slow.frames.every(({ payload }) => payload.length === 10_000)).toBe(true)
      slow.destroy()
    })

    it('gets what was said before it is closed, and why', async () => {
      const slow = await RawSocket.open(host.port)
      slow.pause()
      await until(() => host.accepted.length === 1)
      let sent = 0
      await until(async () => {
        sent += 50
        await host.send(0, 'x'.repeat(10_000), 50)
        return (await host.queued(0)) > 0
      })
      await host.close(0, 4001, 'this edge is closing')
      await host.send(0, 'after its close')
      slow.resume()
      expect(await slow.end()).toBe(4001)
      expect(slow.frames.filter(({ opcode }) => opcode === TEXT).length).toBe(sent)
      await until(() => host.closes.length === 1)
      slow.destroy()
    })

    it('is gone when it is closed, though it never reads that', async () => {
      await relisten({ limits: { close_timeout_ms: 200 } })
      const slow = await RawSocket.open(host.port)
      slow.pause()
      await until(() => host.accepted.length === 1)
      await until(async () => {
        await host.send(0, 'x'.repeat(10_000), 50)
        return (await host.queued(0)) > 0
      })
      await host.close(0, 4002, 'reconnect to resume')
      await until(() => host.closes.length === 1)
      expect(await host.queued(0)).toBe(0)
      slow.destroy()
    })
  })

  describe('TLS', () => {
    let dir: string
    let ca: string

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'mooring-tls-'))
      const certificates = await developmentCertificates()
      ca = certificates.ca
      writeFileSync(join(dir, 'cert.pem'), certificates.server.certificate)
      writeFileSync(join(dir, 'key.pem'), certificates.server.key)
    })
    afterAll(() => rmSync(dir, { recursive: true }))

    it('speaks to who trusts its certificate, and to nobody in the clear', async () => {
      await relisten({ tls: { certFile: join(dir, 'cert.pem'), keyFile: join(dir, 'key.pem') } })
      const ws = new WebSocket(`wss://localhost:${host.port}/v1/socket`, ['mooring.v1'], { ca, family: 4 })
      await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject))
      ws.send('hello')
      await until(() => host.heard.length === 1)
      const said = new Promise<string>((resolve) => ws.once('message', (data: Buffer) => resolve(data.toString())))
      await host.send(0, 'and hello')
      expect([host.heard, await said]).toEqual([['hello'], 'and hello'])
      await expect(open()).rejects.toThrow()
      const closed = closeOf(ws)
      await host.close(0, 4001, 'this edge is closing')
      expect(await closed).toBe(4001)
    })
  })

  it('says so where its port is taken', async () => {
    const other = await TransportHost.start('ws')
    await expect(other.listen('ws', { port: host.port })).rejects.toThrow(/EADDRINUSE|cannot be listened on/)
    other.end()
  })
})
