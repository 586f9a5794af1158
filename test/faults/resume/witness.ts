import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { FeedCursor } from '../../../src/contract/index.ts'
import type { Json } from '../../e2e/support/raw-key.ts'
import type { RawSocket } from '../../e2e/support/raw-socket.ts'
import type { Told } from '../../e2e/support/told.ts'
import type { Ear } from './ear.ts'

const Mode = z.object({ mode: z.enum(['live', 'replay', 'snapshot']), epoch: z.string(), seq: z.number().int() })
const Ready = z.object({ feeds: z.record(z.string(), Mode) })
const Snapshot = z.object({
  epoch: z.string(),
  seq: z.number().int(),
  pos: z.string(),
  part: z.number().int(),
  last: z.boolean(),
})
const Event = z.object({ seq: z.number().int(), pos: z.string(), id: z.string() })
const Ping = z.object({ heads: z.record(z.string(), z.number().int()) })

/** Further behind than this, a snapshot is the right answer. */
const REPLAY_EVENTS = 1_000
/** How long a connection is kept before it is broken off. */
const LIFE = { least_ms: 50, spread_ms: 1_200 }
const TRY_AGAIN_MS = 50

/**
 * A second phone of somebody's, or a merchant's till, which listens by hand and
 * mends nothing: it takes every frame as it comes, and notes as a fault what no
 * server may send. It loses its network again and again, and comes back to any
 * edge with what it has.
 */
export class Witness {
  readonly name: string
  readonly told: Told[] = []
  readonly faults: string[] = []
  cuts = 0
  readonly #ear: Ear
  readonly #random: () => number
  readonly #edges: () => readonly string[]
  #cursor: FeedCursor | null = null
  /** The snapshot on its way. */
  #parts = 0
  #read = { socket: null as RawSocket | null, frames: 0 }
  #at: 'roaming' | 'staying' | 'gone' = 'roaming'

  constructor(options: { name: string; ear: Ear; random: () => number; edges: () => readonly string[] }) {
    this.name = options.name
    this.#ear = options.ear
    this.#random = options.random
    this.#edges = options.edges
  }

  get feed(): string {
    return this.#ear.feed
  }

  /** The last event it has. */
  get last(): number {
    this.#readOn()
    return this.#cursor?.seq ?? 0
  }

  /** Comes and goes until `leave`. */
  async roam(): Promise<void> {
    while (this.#at !== 'gone') {
      const socket = await this.#connect()
      if (socket === null) {
        await delay(TRY_AGAIN_MS)
        continue
      }
      this.#readOn()
      const life_ms = LIFE.least_ms + this.#random() * LIFE.spread_ms
      const over = await Promise.race([socket.closed, delay(life_ms, 'over' as const)])
      // Told to stay, it waits for what comes of itself.
      if (over === 'over' && this.#at === 'staying') await socket.closed
      else if (over === 'over') this.cuts += 1
      await socket.cut()
      this.#readOn()
    }
  }

  /** Keeps the connection it has, or gets next. */
  stay(): void {
    if (this.#at === 'roaming') this.#at = 'staying'
  }

  async leave(): Promise<void> {
    this.#at = 'gone'
    await this.#read.socket?.cut()
  }

  async #connect(): Promise<RawSocket | null> {
    const edges = this.#edges()
    const edge = edges[Math.floor(this.#random() * edges.length)]
    try {
      const socket = await this.#ear.connect(this.#cursor === null ? undefined : { [this.feed]: this.#cursor }, edge)
      this.#read = { socket, frames: 0 }
      this.#parts = 0
      return socket
    } catch (error) {
      if (String(error).includes('4501') || String(error).includes('4007')) await this.#ear.renew().catch(() => {})
      return null
    }
  }

  /** Takes the frames that have come since. */
  #readOn(): void {
    const { socket } = this.#read
    if (socket === null) return
    for (; this.#read.frames < socket.frames.length; this.#read.frames += 1) {
      const frame = socket.frames[this.#read.frames]
      if (frame !== undefined) this.#take(frame)
    }
  }

  #take(frame: Json): void {
    switch (frame['t']) {
      case 'ready':
        this.#ready(Ready.parse(frame))
        return
      case 'snapshot':
        this.#snapshot(Snapshot.parse(frame))
        return
      case 'event':
        this.#event(Event.parse(frame))
        return
      case 'ping':
        this.#ping(Ping.parse(frame))
    }
  }

  #ready({ feeds }: z.infer<typeof Ready>): void {
    const opened = feeds[this.feed]
    const had = this.#cursor
    if (opened === undefined) this.#fault('ready does not name its feed')
    else if (opened.mode === 'snapshot') {
      const behind = had === null || had.epoch !== opened.epoch ? Number.POSITIVE_INFINITY : opened.seq - had.seq
      if (behind >= 0 && behind <= REPLAY_EVENTS) this.#fault(`a snapshot though it was ${behind} events behind`)
      this.#cursor = null
    } else if (had === null) this.#fault(`${opened.mode} without a cursor`)
    else if (had.epoch !== opened.epoch) this.#fault(`${opened.mode} though the stream has begun anew`)
    else if (opened.mode === 'live' && opened.seq !== had.seq) this.#fault(`live at ${opened.seq}, it had ${had.seq}`)
    else if (opened.mode === 'replay' && opened.seq <= had.seq) this.#fault(`a replay of what it has, ${had.seq}`)
  }

  #snapshot({ part, last, epoch, seq, pos }: z.infer<typeof Snapshot>): void {
    this.#parts += 1
    if (this.#cursor !== null || part !== this.#parts) this.#fault(`part ${part} of a snapshot out of its turn`)
    if (!last) return
    this.#cursor = { epoch, seq, pos }
    this.told.push({ snapshot: seq })
  }

  #event({ seq, pos, id }: z.infer<typeof Event>): void {
    this.told.push({ seq, id })
    if (this.#cursor === null) this.#fault(`event ${seq} before its snapshot`)
    else this.#cursor = { ...this.#cursor, seq, pos }
  }

  #ping({ heads }: z.infer<typeof Ping>): void {
    const head = heads[this.feed]
    if (head === undefined || head < (this.#cursor?.seq ?? 0)) this.#fault(`a ping says the head is ${String(head)}`)
  }

  #fault(what: string): void {
    this.faults.push(`${this.name}: ${what}`)
  }
}
