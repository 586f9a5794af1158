import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { until } from '../support/until.ts'
import { TransportHost } from './support/transport-host.ts'

/** Who is behind a balancer at 127.0.0.1, and against whom the caps of an edge count, on either transport. */

const GETTING_READY_MS = 120_000

describe.each(['ws', 'uws'] as const)('on %s', (kind) => {
  let host: TransportHost
  const sockets: WebSocket[] = []

  beforeAll(async () => {
    host = await TransportHost.start(kind)
  }, GETTING_READY_MS)
  afterAll(() => host?.end())
  afterEach(async () => {
    for (const ws of sockets.splice(0)) ws.terminate()
    await host.shut()
  })

  const listen = (proxies: string, perAddress: number, most = 1_000) =>
    host.listen(kind, {
      proxies,
      loopbackFree: false,
      limits: { connections_per_address: perAddress, connections: most },
    })

  /** The socket, or the status it was refused with, or null where the connection was cut. Each of a list is a header of its own. */
  function open(forwarded?: string | string[]): Promise<WebSocket | number | null> {
    const ws = new WebSocket(`ws://127.0.0.1:${host.port}/v1/socket`, ['mooring.v1'], {
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    })
    return new Promise((resolve) => {
      ws.once('open', () => {
        sockets.push(ws)
        resolve(ws)
      })
      ws.once('unexpected-response', (request, response) => {
        response.resume()
        request.destroy()
        resolve(response.statusCode ?? null)
      })
      ws.on('error', () => resolve(null))
    })
  }
  const opens = async (forwarded?: string | string[]) => {
    const opened = await open(forwarded)
    return opened instanceof WebSocket ? 'open' : opened
  }

  it.each<[string, string | string[] | undefined, string]>([
    ['the address that the balancer saw', '203.0.113.7', '203.0.113.7'],
    ['an IPv6 one', '2001:db8:1:2::9', '2001:db8:1:2:0:0:0:9'],
    ['what a second balancer saw', '203.0.113.7, 127.0.0.2', '203.0.113.7'],
    ['not what the client sent itself', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['not what it sent in a header of its own', ['198.51.100.1', '203.0.113.7'], '203.0.113.7'],
    ['the balancer, where it says nothing', undefined, '127.0.0.1'],
    ['the balancer, where it says what is no address', '203.0.113.7:4711', '127.0.0.1'],
  ])('a socket’s address is %s', async (_what, forwarded, address) => {
    await listen('127.0.0.0/30', 10)
    expect(await opens(forwarded)).toBe('open')
    await until(() => host.accepted.length === 1)
    expect(host.accepted[0]?.address).toBe(address)
  })

  it('counts clients behind a trusted balancer apart, and none by what it sends itself', async () => {
    await listen('127.0.0.1', 2)
    expect([await opens('203.0.113.7'), await opens('198.51.100.1, 203.0.113.7')]).toEqual(['open', 'open'])
    expect(await opens('198.51.100.2, 203.0.113.7')).toBe(429)
    expect(await opens(['198.51.100.2', '203.0.113.7'])).toBe(429)
    expect([await opens('198.51.100.2'), await opens('198.51.100.2')]).toEqual(['open', 'open'])
    expect([await opens('2001:db8:1:2::1'), await opens('2001:db8:1:2:f::2')]).toEqual(['open', 'open'])
    expect([await opens('2001:db8:1:2::3'), await opens('2001:db8:1:3::3')]).toEqual([429, 'open'])
  })

  it('gives the place of a client’s socket that ended to its next', async () => {
    await listen('127.0.0.1', 1)
    for (let i = 1; i <= 3; i++) {
      const ws = await open('203.0.113.7')
      expect(await opens('203.0.113.7')).toBe(429)
      if (ws instanceof WebSocket) ws.terminate()
      await until(() => host.closes.length === i)
      expect(await opens('198.51.100.1')).toBe(i === 1 ? 'open' : 429)
    }
  })

  it('counts a balancer that does not say whom it brings as one client', async () => {
    await listen('127.0.0.1', 1)
    expect([await opens(), await opens(), await opens('unknown'), await opens('203.0.113.7')]).toEqual([
      'open',
      429,
      429,
      'open',
    ])
  })

  it('bounds the connections of all its clients together', async () => {
    await listen('127.0.0.1', 10, 3)
    const opened = []
    for (let i = 1; i <= 5; i++) opened.push(await opens(`203.0.113.${i}`))
    expect(opened).toEqual(['open', 'open', 'open', null, null])
  })

  it.each(['', '192.0.2.1'])('believes nobody else, where the balancers are "%s"', async (proxies) => {
    await listen(proxies, 2)
    expect([await opens('203.0.113.1'), await opens('203.0.113.2'), await opens('203.0.113.3')]).toEqual([
      'open',
      'open',
      null,
    ])
    await until(() => host.accepted.length === 2)
    expect(host.accepted.filter(({ address }) => address.startsWith('203.'))).toEqual([])
  })
})
