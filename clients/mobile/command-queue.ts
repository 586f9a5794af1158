import type { WireError } from '../../src/contract/index.ts'
import { fullJitter } from './backoff.ts'
import { isStoredRefusal, leavesOpen } from '../../src/contract/names.ts'
import { MooringError, fromWire, type Outcome } from './errors.ts'
import type { ReplyFrame } from './frames.ts'
import { LIMITS } from './limits.ts'
import type { Ports } from './ports.ts'

/** A command as it goes out; `body` is asked for at each sending, so that a signature about to end is made anew. */
export type Command = { name: string; key: string | null; body: () => Promise<unknown>; deadline_ms: number }

export type OutgoingCommand = { t: 'cmd'; id: string; key?: string; name: string; body: unknown }

/** Puts a frame on the socket; false where there is none. */
export type Send = (frame: OutgoingCommand) => boolean

type EntryState =
  | { at: 'queued' }
  | { at: 'preparing' }
  | { at: 'sent'; cancel: () => void }
  | { at: 'pausing'; cancel: () => void }
  | { at: 'done' }

type Entry = {
  command: Command
  state: EntryState
  /** Frame ids of its sendings on this socket. */
  ids: Set<string>
  tries: number
  /** Sendings of which no answer says what they came to: any of them may have taken effect, or may still. */
  open: number
  lastRefusal: WireError | null
  cancelDeadline: () => void
  resolve: (body: unknown) => void
  reject: (error: MooringError) => void
}

/**
 * Commands on their way. Invariants:
 *  C1  a command is answered once: with the server's answer or with an error.
 *  C2  every sending of one command carries the same key, so it has one effect.
 *  C3  it is sent again only when the socket was lost, no answer came in time, or
 *      the answer was retryable; and never after its deadline.
 *  C4  an error says `unknown` whenever a sending may have taken effect.
 */
export class CommandQueue {
  readonly #ports: Ports
  readonly #send: Send
  readonly #entries = new Set<Entry>()
  readonly #byId = new Map<string, Entry>()
  #nextId = 1
  #attached = false
  #closed: MooringError | null = null

  constructor(ports: Ports, send: Send) {
    this.#ports = ports
    this.#send = send
  }

  submit(command: Command): Promise<unknown> {
    if (this.#closed !== null) {
      const { code, message, closeCode } = this.#closed
      const details = { outcome: 'not_sent', key: command.key, closeCode, cause: this.#closed } as const
      return Promise.reject(new MooringError(code, message, details))
    }
    if (this.#entries.size >= LIMITS.commands) {
      const message = `more than ${LIMITS.commands} commands at once`
      return Promise.reject(
        new MooringError('queue_full', message, { retryable: true, outcome: 'not_sent', key: command.key }),
      )
    }
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        command,
        state: { at: 'queued' },
        ids: new Set(),
        tries: 0,
        open: 0,
        lastRefusal: null,
        cancelDeadline: this.#ports.clock.after(command.deadline_ms, () => this.#expire(entry)),
        resolve,
        reject,
      }
      this.#entries.add(entry)
      this.#dispatch(entry)
    })
  }

  /** A session is ready: all that waits for one goes out. */
  attach(): void {
    this.#attached = true
    for (const entry of this.#entries) if (entry.state.at === 'queued') this.#dispatch(entry)
  }

  /** The session is gone, and with it the answers to what was sent on it. */
  detach(): void {
    this.#attached = false
    this.#byId.clear()
    for (const entry of this.#entries) {
      entry.ids.clear()
      if (entry.state.at !== 'sent') continue
      entry.state.cancel()
      entry.state = { at: 'queued' }
    }
  }

  /** No session takes new sendings for now, but answers still come (goaway). */
  hold(): void {
    this.#attached = false
  }

  reply(frame: ReplyFrame): void {
    const entry = this.#byId.get(frame.id)
    if (entry === undefined) return
    this.#byId.delete(frame.id)
    entry.ids.delete(frame.id)
    if (frame.ok || !leavesOpen(frame.error.code)) entry.open -= 1
    if (frame.ok) {
      this.#settle(entry, () => entry.resolve(frame.body))
      return
    }
    entry.lastRefusal = frame.error
    if (frame.error.retryable) {
      this.#pause(entry, frame.error.retry_after_ms ?? 0)
      return
    }
    this.#settle(entry, () => entry.reject(this.#refusal(entry, frame.error)))
  }

  close(error: MooringError): void {
    this.#closed = error
    for (const entry of this.#entries) this.#fail(entry, error.code, error.message)
  }

  #dispatch(entry: Entry): void {
    if (!this.#attached) {
      entry.state = { at: 'queued' }
      return
    }
    entry.state = { at: 'preparing' }
    entry.command.body().then(
      (body) => this.#write(entry, body),
      (cause: unknown) => {
        if (entry.state.at !== 'preparing') return
        const given = cause instanceof MooringError ? cause : null
        this.#fail(entry, given?.code ?? 'protocol_fault', given?.message ?? 'the command could not be made', cause)
      },
    )
  }

  #write(entry: Entry, body: unknown): void {
    if (entry.state.at !== 'preparing') return
    const { name, key } = entry.command
    const id = `c${this.#nextId++}`
    const frame: OutgoingCommand = key === null ? { t: 'cmd', id, name, body } : { t: 'cmd', id, key, name, body }
    if (JSON.stringify(frame).length * 3 > LIMITS.frame_bytes && byteLength(frame) > LIMITS.frame_bytes) {
      this.#fail(entry, 'frame_too_large', `a command is at most ${LIMITS.frame_bytes} bytes`)
      return
    }
    if (!this.#attached || !this.#send(frame)) {
      entry.state = { at: 'queued' }
      return
    }
    entry.tries += 1
    entry.open += 1
    entry.ids.add(id)
    this.#byId.set(id, entry)
    const cancel = this.#ports.clock.after(LIMITS.reply_ms, () => this.#dispatch(entry))
    entry.state = { at: 'sent', cancel }
  }

  #pause(entry: Entry, atLeast_ms: number): void {
    if (entry.state.at === 'sent') entry.state.cancel()
    if (entry.state.at === 'pausing') return
    const jitter_ms = fullJitter(entry.tries, LIMITS.retry_base_ms, LIMITS.retry_cap_ms, this.#ports.random)
    const cancel = this.#ports.clock.after(Math.max(atLeast_ms, jitter_ms), () => this.#dispatch(entry))
    entry.state = { at: 'pausing', cancel }
  }

  #expire(entry: Entry): void {
    if (entry.lastRefusal !== null && entry.open === 0) {
      const refusal = entry.lastRefusal
      this.#settle(entry, () => entry.reject(this.#refusal(entry, refusal)))
      return
    }
    const message = `no answer to ${entry.command.name} within ${entry.command.deadline_ms} ms`
    this.#fail(entry, 'deadline_exceeded', message)
  }

  #fail(entry: Entry, code: MooringError['code'], message: string, cause?: unknown): void {
    const outcome: Outcome = entry.open > 0 ? 'unknown' : entry.tries === 0 ? 'not_sent' : 'refused'
    const { key } = entry.command
    this.#settle(entry, () => {
      entry.reject(new MooringError(code, message, { retryable: code === 'deadline_exceeded', outcome, key, cause }))
    })
  }

  #refusal(entry: Entry, error: WireError): MooringError {
    // C4: a refusal that is not kept under the key says nothing of another sending of it.
    const outcome = entry.open > 0 && !isStoredRefusal(error.code) ? 'unknown' : 'refused'
    return fromWire(error, { outcome, key: entry.command.key })
  }

  #settle(entry: Entry, tell: () => void): void {
    if (entry.state.at === 'done') return
    if ('cancel' in entry.state) entry.state.cancel()
    entry.cancelDeadline()
    for (const id of entry.ids) this.#byId.delete(id)
    this.#entries.delete(entry)
    entry.state = { at: 'done' }
    tell()
  }
}

function byteLength(frame: object): number {
  return new TextEncoder().encode(JSON.stringify(frame)).length
}
