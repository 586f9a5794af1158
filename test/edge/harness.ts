import { randomBytes } from 'node:crypto'
import { headers } from '@nats-io/transport-node'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { WebSocket } from 'ws'
import {
  ALL_COMMANDS,
  FEED_HEADERS,
  HUB_QUEUE,
  connectBus,
  liveSubject,
  type Bus,
  type FeedEvent,
  type FeedHeads,
  type FeedOpen,
  type FeedPage,
  type HubReply,
  type HubRequest,
} from '../../src/bus/index.ts'
import { wireError } from '../../src/edge/faults.ts'
import { makeIds } from '../../src/domain/ids.ts'
import { EDGE_LIMITS, Edge, listen, type EdgeLimits, type Transport } from '../../src/edge/index.ts'
import type { Accept, ClientSocket, SocketEvents } from '../../src/edge/transport/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { startOpenNats, type OpenNats } from '../support/open-nats.ts'
import { until } from '../support/until.ts'

export const ORIGIN = 'https://wallet.example'
export const USER = 'usr_aaaaaaaaaaaa'
export const KEY = 'key-0123456789abcdef'

/** A real edge on a real NATS, its limits shortened where a test needs it. */
export type TestEdge = {
  edge: Edge
  bus: Bus
  url: string
  transport: Transport
  registry: Registry
  stop(): Promise<void>
}

export async function startEdge(
  natsUrl: string,
  options: {
    limits?: Partial<EdgeLimits>
    name?: string
    loopbackFree?: boolean
    pushed?: (amount: string) => void
    /** Stands between transport and edge. */
    between?: (socket: ClientSocket, accept: Accept) => SocketEvents
  } = {},
): Promise<TestEdge> {
  const limits = { ...EDGE_LIMITS, ...options.limits }
  const name = options.name ?? `edge-${randomBytes(3).toString('hex')}`
  const bus = await connectBus({ url: natsUrl, name })
  const registry = new Registry()
  const clock = { now: () => Date.now(), monotonic: () => performance.now() }
  const edge = new Edge({
    name,
    bus,
    clock,
    ids: makeIds(clock.now, (n) => randomBytes(n)),
    nonce: () => randomBytes(32).toString('base64url'),
    limits,
    log: makeLog({ name, level: 'error' }),
    registry,
    pushed: options.pushed ?? null,
  })
  const transport = await listen('ws', {
    host: '127.0.0.1',
    port: 0,
    origins: new Set([ORIGIN]),
    loopbackFree: options.loopbackFree ?? true,
    isProxy: () => false,
    limits,
    accept: (socket) => {
      const accept: Accept = (theirs) => edge.accept(theirs)
      return options.between?.(socket, accept) ?? accept(socket)
    },
  })
  return {
    edge,
    bus,
    registry,
    transport,
    url: `ws://127.0.0.1:${transport.port}/v1/socket`,
    stop: async () => {
      transport.stopAccepting()
      await edge.drain()
      await transport.close()
      await bus.close()
    },
  }
}

export type Answer = HubReply | 'silence'
type Handler = (request: HubRequest) => Answer | Promise<Answer>

/**
 * A hub by script: answers what the edge asks as a real one would, from a book of
 * events the test writes, and publishes live messages when told, not when written.
 */
export class ScriptedHub {
  readonly requests: { name: string; request: HubRequest }[] = []
  epoch = 'epoch-1'
  readonly #bus: Bus
  readonly #handlers = new Map<string, Handler>()
  readonly #book = new Map<string, FeedEvent[]>()

  /** How `feed.page` is answered from the book. */
  readonly page: Handler = ({ body }) => {
    // codec: the edge's own request
    const { feed, after, upto } = body as FeedPage
    const events = (this.#book.get(feed) ?? []).filter((event) => event.seq > after && event.seq <= upto).slice(0, 40)
    return {
      ok: true,
      body: { epoch: this.epoch, events: events.map((event) => ({ ...event, pos: String(event.seq * 10) })) },
    }
  }

  constructor(bus: Bus) {
    this.#bus = bus
    bus.subscribe(ALL_COMMANDS, {
      queue: HUB_QUEUE,
      callback: (_error, message) => {
        const name = message.subject.slice('cmd.'.length)
        const request = message.json<HubRequest>()
        this.requests.push({ name, request })
        const handler = this.#handlers.get(name) ?? (() => refusal('not_found'))
        void Promise.resolve(handler(request)).then((answer) => {
          if (answer !== 'silence') message.respond(JSON.stringify(answer))
        })
      },
    })
    this.reset()
  }

  static async start(natsUrl: string): Promise<ScriptedHub> {
    const bus = await connectBus({ url: natsUrl, name: 'hub' })
    const hub = new ScriptedHub(bus)
    await bus.flush()
    return hub
  }

  on(name: string, handler: Handler): void {
    this.#handlers.set(name, handler)
  }

  asked(name: string): HubRequest[] {
    return this.requests.filter((item) => item.name === name).map((item) => item.request)
  }

  /** Commits an event; `publish` is the relay's work. */
  write(feed = USER, body: unknown = { amount: '100' }): FeedEvent {
    const events = this.#book.get(feed) ?? []
    const seq = events.length + 1
    const event: FeedEvent = {
      feed,
      seq,
      id: `evt_${feed}${seq}`,
      name: 'payment.updated',
      at: '2026-11-23T08:00:00.000Z',
      body,
    }
    this.#book.set(feed, [...events, event])
    return event
  }

  publish(event: FeedEvent, epoch = this.epoch): void {
    const head = headers()
    head.set(FEED_HEADERS.seq, String(event.seq))
    head.set(FEED_HEADERS.epoch, epoch)
    head.set('Nats-Sequence', String(event.seq * 10))
    this.#bus.publish(liveSubject(event.feed), JSON.stringify(event), { headers: head })
  }

  say(feed = USER, body: unknown = { amount: '100' }): FeedEvent {
    const event = this.write(feed, body)
    this.publish(event)
    return event
  }

  reset(): void {
    this.requests.length = 0
    this.epoch = 'epoch-1'
    this.#book.clear()
    this.#handlers.clear()
    this.on('session.open', ({ credential }) => {
      const [user, device, expiresIn_ms] = credential.type === 'device' ? credential.token.split('/') : []
      if (user === undefined || device === undefined) return refusal('unauthenticated')
      const expiresAt = new Date(Date.now() + Number(expiresIn_ms ?? 900_000)).toISOString()
      return { ok: true, body: { user, device, expiresAt, env: 'test' } }
    })
    this.on('feed.open', ({ body }) => {
      const { feed, cursor } = body as FeedOpen
      const seq = this.#head(feed)
      const mode =
        cursor === undefined || cursor.epoch !== this.epoch || cursor.seq > seq || seq - cursor.seq > 1000
          ? 'snapshot'
          : cursor.seq === seq
            ? 'live'
            : 'replay'
      const snapshot = mode === 'snapshot' && { snapshot: { payments: [], balances: [] } }
      return { ok: true, body: { mode, epoch: this.epoch, seq, pos: String(seq * 10), ...snapshot } }
    })
    this.on('feed.page', this.page)
    this.on('feed.heads', ({ body }) => ({
      ok: true,
      body: { heads: Object.fromEntries((body as FeedHeads).feeds.map((feed) => [feed, this.#head(feed)])) },
    }))
    this.on('wallet.balances', () => ({ ok: true, body: { data: [] } }))
  }

  async close(): Promise<void> {
    await this.#bus.close()
  }

  #head(feed: string): number {
    return this.#book.get(feed)?.length ?? 0
  }
}

export function refusal(code: Parameters<typeof wireError>[0]): HubReply {
  return { ok: false, error: wireError(code, `refused: ${code}`, 'req_00000000') }
}

export type Frame = Record<string, unknown> & { t: string }

/** A socket client that keeps what it hears. */
export class Phone {
  readonly frames: Frame[] = []
  readonly ws: WebSocket
  readonly closed: Promise<{ code: number; reason: string }>
  closeCode: number | null = null

  constructor(url: string, options: { protocols?: string[]; origin?: string } = {}) {
    this.ws = new WebSocket(url, options.protocols ?? ['mooring.v1'], {
      ...(options.origin !== undefined && { origin: options.origin }),
      perMessageDeflate: false,
    })
    this.ws.on('message', (data) => {
      if (Buffer.isBuffer(data)) this.frames.push(JSON.parse(data.toString()) as Frame)
    })
    this.ws.on('error', () => {})
    this.closed = new Promise((resolve) => {
      this.ws.once('close', (code, reason) => {
        this.closeCode = code
        resolve({ code, reason: reason.toString() })
      })
    })
  }

  /** Connected and challenged, hello not yet sent. */
  static async connect(url: string, options: { origin?: string } = {}): Promise<Phone> {
    const phone = new Phone(url, options)
    await phone.heard('challenge')
    return phone
  }

  /** Connected and `ready`. */
  static async open(url: string, options: { device?: string; user?: string; cursor?: object } = {}): Promise<Phone> {
    const phone = await Phone.connect(url)
    phone.hello(options)
    await phone.heard('ready')
    return phone
  }

  hello(options: { device?: string; user?: string; cursor?: object; expiresIn_ms?: number } = {}): void {
    const user = options.user ?? USER
    const device = options.device ?? `dev_${randomBytes(6).toString('hex')}`
    const expiry = options.expiresIn_ms === undefined ? '' : `/${options.expiresIn_ms}`
    this.send({
      t: 'hello',
      token: `${user}/${device}${expiry}`,
      proof: 'a.b.c',
      agent: 'test/1',
      ...(options.cursor !== undefined && { feeds: { [user]: options.cursor } }),
    })
  }

  send(frame: object): void {
    this.ws.send(JSON.stringify(frame))
  }

  sendText(text: string): void {
    this.ws.send(text)
  }

  of(t: string): Frame[] {
    return this.frames.filter((frame) => frame.t === t)
  }

  /** The `n`-th frame of a kind, once it has come. */
  async heard(t: string, n = 1, timeout_ms = 8_000): Promise<Frame> {
    await until(() => this.of(t).length >= n || this.closeCode !== null, {
      timeout_ms,
      what: `${n} frames ${t}, heard ${JSON.stringify(this.frames.map((frame) => frame.t))}`,
    })
    const frame = this.of(t)[n - 1]
    if (frame === undefined) throw new Error(`closed ${this.closeCode} before ${n} frames ${t}`)
    return frame
  }

  async command(name: unknown, body?: unknown, more: object = { key: KEY }): Promise<Frame> {
    const id = randomBytes(6).toString('hex')
    this.send({ t: 'cmd', id, name, body, ...more })
    return this.reply(id)
  }

  async reply(id: string): Promise<Frame> {
    await until(() => this.replyTo(id) !== undefined || this.closeCode !== null, { what: `reply to ${id}` })
    const reply = this.replyTo(id)
    if (reply === undefined) throw new Error(`closed ${this.closeCode} before the reply to ${id}`)
    return reply
  }

  replyTo(id: string): Frame | undefined {
    return this.of('reply').find((frame) => frame['id'] === id)
  }

  seqs(): unknown[] {
    return this.of('event').map((frame) => frame['seq'])
  }
}

export function errorCode(frame: Frame): unknown {
  return (frame['error'] as { code?: unknown } | undefined)?.code
}

/** NATS and a scripted hub for a file of tests, and an edge of its own for each. */
export function edgeStage() {
  let nats: OpenNats
  let hub: ScriptedHub
  let edge: TestEdge

  beforeAll(async () => {
    nats = await startOpenNats()
    hub = await ScriptedHub.start(nats.url)
  })
  afterAll(async () => {
    await hub.close()
    await nats.stop()
  })
  beforeEach(async () => {
    hub.reset()
    edge = await startEdge(nats.url)
  })
  afterEach(() => edge.stop())

  return {
    get nats() {
      return nats
    },
    get hub() {
      return hub
    },
    get edge() {
      return edge
    },
    /** The edge anew, otherwise than it is for the others. */
    async restart(options: Parameters<typeof startEdge>[1]): Promise<void> {
      await edge.stop()
      edge = await startEdge(nats.url, options)
    },
  }
}
