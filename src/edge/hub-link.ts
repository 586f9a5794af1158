import { requestHub, type Bus, type HubReply } from '../bus/index.ts'
import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import { wireError } from './faults.ts'

export type Question = { name: string; token: string; body: unknown; key?: unknown; timeout_ms: number }

const MAY_HAVE_HAPPENED =
  'No answer came from the service. The command may have been carried out: send it again with the same key, or ask for the state.'
const NOT_SENT = 'The service cannot be reached at the moment. Nothing was done; try again.'

/**
 * The edge's way to the hub. Never throws: no answer is an answer,
 * `temporarily_unavailable`. While NATS is away it says so at once rather than
 * queueing what its client has long given up on.
 */
export class HubLink {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #waiting = new Set<() => void>()
  #up = true

  constructor(options: { bus: Bus; clock: Clock; ids: Ids; onReconnect: () => void }) {
    this.#bus = options.bus
    this.#clock = options.clock
    this.#ids = options.ids
    void this.#watch(options.onReconnect)
  }

  get up(): boolean {
    return this.#up
  }

  /** An id for an answer the edge gives by itself. */
  requestId(): string {
    return this.#ids.make('req')
  }

  async ask(question: Question): Promise<HubReply> {
    const requestId = this.requestId()
    const unavailable = (message: string): HubReply => ({
      ok: false,
      error: wireError('temporarily_unavailable', message, requestId, 1_000),
    })
    if (!this.#up) return unavailable(NOT_SENT)
    const request = {
      requestId,
      credential: { type: 'device' as const, token: question.token },
      ...(question.key !== undefined && { key: question.key }),
      body: question.body,
      deadline: this.#clock.now() + question.timeout_ms,
    }
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#waiting.delete(giveUp)
        resolve(unavailable(MAY_HAVE_HAPPENED))
      }
      this.#waiting.add(giveUp)
      requestHub(this.#bus, question.name, request, question.timeout_ms).then((reply) => {
        this.#waiting.delete(giveUp)
        resolve(reply)
      }, giveUp)
    })
  }

  async #watch(onReconnect: () => void): Promise<void> {
    for await (const status of this.#bus.status()) {
      if (status.type === 'disconnect') {
        this.#up = false
        for (const giveUp of [...this.#waiting]) giveUp()
      } else if (status.type === 'reconnect') {
        this.#up = true
        onReconnect()
      }
    }
  }
}
