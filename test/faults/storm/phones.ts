import { createPrivateKey, createPublicKey } from 'node:crypto'
import { WebSocket } from 'ws'
import { deviceOf, userOf } from '../../../bench/sockets/people.ts'
import { connect, deviceKey, type Mooring } from '../../../clients/mobile/index.ts'
import { inLanes } from '../../e2e/support/world.ts'
import { FeedWatch } from '../../e2e/support/feed-watch.ts'
import { Given, type Report } from './messages.ts'

/** Phones as people have them, on the SDK, many in one process: says `up` when all have a session, then reports when asked. */

const given = Given.parse(JSON.parse(process.argv[2] ?? ''))
const { people, from, to, edges, bridge, address } = given
const CONNECT_AT_ONCE = 24
const FIRST_SESSION_MS = 240_000

const ES256 = { name: 'ECDSA', namedCurve: 'P-256' }
const der = Buffer.from(people.key, 'base64')
const publicJwk = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
  format: 'jwk',
})
const key = deviceKey({
  privateKey: await crypto.subtle.importKey('pkcs8', der, ES256, false, ['sign']),
  publicKey: await crypto.subtle.importKey('jwk', publicJwk, ES256, true, ['verify']),
})

class StormPhone {
  readonly n: number
  sessions = 0
  edge: number | null = null
  readyAt = 0
  watch: FeedWatch | null = null
  client: Mooring | null = null

  constructor(n: number) {
    this.n = n
  }

  async connect(): Promise<void> {
    let dialled = 0
    this.client = await connect({
      // Half of them begin at either edge.
      url: this.n % 2 === 0 ? edges : edges.toReversed(),
      bridge,
      identity: { user: userOf(this.n), device: deviceOf(this.n) },
      key,
      deadline_ms: FIRST_SESSION_MS,
      ports: {
        socket: (url, protocol, listener) => {
          dialled = edges.indexOf(url)
          const socket = new WebSocket(url, protocol, { perMessageDeflate: false, localAddress: address })
          socket.on('message', (data) => listener.message(Buffer.isBuffer(data) ? data.toString() : data))
          socket.on('error', () => {})
          socket.on('close', (code, reason) => {
            closes[code] = (closes[code] ?? 0) + 1
            listener.closed(code, reason.toString())
          })
          return { send: (text) => socket.send(text), close: (code, reason) => socket.close(code, reason) }
        },
      },
      onStatus: (status) => {
        this.edge = status === 'ready' ? dialled : null
        if (status !== 'ready') return
        this.sessions++
        this.readyAt = Date.now()
      },
    })
    this.watch = new FeedWatch(userOf(this.n), this.client)
  }
}

const closes: Record<string, number> = {}
const phones = Array.from({ length: to - from }, (_, i) => new StormPhone(from + i))

process.on('disconnect', () => process.exit(0))
process.on('message', () => {
  const report: Report = {
    phones: phones.map(({ n, sessions, edge, readyAt, watch }) => ({
      n,
      sessions,
      edge,
      readyAt,
      heard: watch?.log.map(({ id }) => id) ?? [],
    })),
    faults: phones.flatMap(({ watch }) => watch?.faults ?? []),
    closes,
  }
  process.send?.(report)
})

await inLanes(CONNECT_AT_ONCE, phones, (phone) => phone.connect())
process.send?.('up')
