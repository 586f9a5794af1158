import { requestHub, toWireError, type Bus, type HubReply, type HubRequest } from '../bus/index.ts'
import type { Clock } from '../domain/clock.ts'
import { refuse } from '../domain/refusal.ts'
import type { Log } from '../observe/log.ts'
import { BRIDGE_LIMITS } from './limits.ts'

export type Ask = Omit<HubRequest, 'deadline'> & { timeoutMs?: number }

/** The bridge's way to the hub: one question, one answer, and an answer at once where there can be none. */
export type Hub = {
  ask(name: string, request: Ask): Promise<HubReply>
  /** Runs one exchange with the bus; null where NATS is away, goes away meanwhile, or nobody answers. */
  exchange<T>(talk: () => Promise<T>): Promise<T | null>
  readonly up: boolean
}

export function makeHub(deps: { bus: Bus; clock: Clock; log: Log }): Hub {
  let up = true
  const waiting = new Set<() => void>()

  /** A reply to what was asked before NATS went away never comes: whoever waits is told at once. */
  async function watch(): Promise<void> {
    for await (const status of deps.bus.status()) {
      if (status.type === 'disconnect') {
        up = false
        deps.log.warn('NATS is away')
        for (const giveUp of [...waiting]) giveUp()
      } else if (status.type === 'reconnect') {
        up = true
        deps.log.info('NATS is back')
      }
    }
  }
  watch().catch((cause: unknown) => deps.log.error({ err: cause }, 'the watch over NATS ended'))

  async function exchange<T>(talk: () => Promise<T>): Promise<T | null> {
    if (!up || deps.bus.isClosed()) return null
    return new Promise((resolve) => {
      const settle = (value: T | null) => {
        waiting.delete(giveUp)
        resolve(value)
      }
      const giveUp = () => settle(null)
      waiting.add(giveUp)
      talk().then(settle, (cause: unknown) => {
        deps.log.warn({ err: cause }, 'the hub did not answer')
        settle(null)
      })
    })
  }

  return {
    exchange,
    get up() {
      return up && !deps.bus.isClosed()
    },
    async ask(name, { timeoutMs = BRIDGE_LIMITS.hub_timeout_ms, ...request }) {
      const deadline = deps.clock.now() + timeoutMs
      const reply = await exchange(() => requestHub(deps.bus, name, { ...request, deadline }, timeoutMs))
      if (reply !== null) return reply
      const message = 'The service cannot be reached now; try again with the same Idempotency-Key.'
      return { ok: false, error: toWireError(refuse('temporarily_unavailable', message), request.requestId) }
    },
  }
}
