import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket, type ClientOptions } from 'ws'
import { z } from 'zod'
import type { Json } from './raw-key.ts'

const PATIENCE_MS = 20_000

const Frame = z.record(z.string(), z.unknown())

const Reply = z.strictObject({
  t: z.literal('reply'),
  id: z.string(),
  ok: z.boolean(),
  body: z.unknown().optional(),
  error: z
    .strictObject({
      code: z.string(),
      message: z.string().min(1),
      param: z.string().optional(),
      retryable: z.boolean(),
      retry_after_ms: z.number().int().nullable(),
      request_id: z.string().regex(/^req_[0-9A-Za-z]{8,40}$/),
    })
    .optional(),
  replayed: z.literal(true).optional(),
})
export type Reply = z.infer<typeof Reply>

/** One socket as it is on the wire: keeps every frame, answers pings, and otherwise does what it is told. */
export class RawSocket {
  readonly frames: Json[] = []
  /** The close code, once closed. */
  readonly closed: Promise<number>
  readonly #ws: WebSocket
  readonly #watchers = new Set<(frame: Json) => void>()
  #commands = 0

  private constructor(ws: WebSocket) {
    this.#ws = ws
    ws.on('message', (data: Buffer) => {
      const frame = Frame.parse(JSON.parse(data.toString()))
      if (frame['t'] === 'ping') this.send({ t: 'pong', n: frame['n'] })
      this.frames.push(frame)
      for (const watch of this.#watchers) watch(frame)
    })
    this.closed = new Promise((resolve) => ws.once('close', resolve))
  }

  /** Opens a socket; rejects with "status NNN" where the handshake is refused. */
  static open(url: string, options: { protocols?: string[]; ws?: ClientOptions } = {}): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(url, options.protocols ?? ['mooring.v1'], options.ws)
      const socket = new RawSocket(ws)
      ws.once('open', () => resolve(socket))
      ws.once('unexpected-response', (request, response) => {
        request.destroy()
        reject(new Error(`status ${response.statusCode ?? 0}`))
      })
      ws.on('error', reject)
    })
  }

  /** Sends text or bytes as they are, anything else as JSON. */
  send(what: unknown): void {
    this.#ws.send(typeof what === 'string' || Buffer.isBuffer(what) ? what : JSON.stringify(what))
  }

  /** The first frame that fits, seen already or still to come. */
  async frame(what: string, fits: (frame: Json) => boolean): Promise<Json> {
    const seen = this.frames.find(fits)
    if (seen !== undefined) return seen
    const ended = new AbortController()
    const late = delay(PATIENCE_MS, 'no such frame came', { signal: ended.signal }).catch(() => '')
    const gone = this.closed.then((code) => `closed with ${code} before`)
    const { promise, resolve } = Promise.withResolvers<Json>()
    const watch = (frame: Json) => {
      if (fits(frame)) resolve(frame)
    }
    this.#watchers.add(watch)
    const first = await Promise.race([promise, late, gone])
    ended.abort()
    this.#watchers.delete(watch)
    if (typeof first === 'string') throw new Error(`${what}: ${first}`)
    return first
  }

  /** A command's own reply; `key` and `body` may be anything. */
  async command(name: unknown, body: unknown, key?: unknown): Promise<Reply> {
    this.#commands += 1
    const id = `c${this.#commands}`
    this.send({ t: 'cmd', id, ...(key === undefined ? {} : { key }), name, ...(body === undefined ? {} : { body }) })
    return Reply.parse(
      await this.frame(`reply to ${String(name)}`, (frame) => frame['t'] === 'reply' && frame['id'] === id),
    )
  }

  /** Reads no more, as a phone that stands in a tunnel. */
  pause(): void {
    this.#ws.pause()
  }

  resume(): void {
    this.#ws.resume()
  }

  /** Breaks the connection off, as a network that is gone does. */
  cut(): Promise<number> {
    this.#ws.terminate()
    return this.closed
  }

  close(): Promise<number> {
    this.#ws.close()
    return this.closed
  }
}
