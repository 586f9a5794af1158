import { setTimeout as delay } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import type { Bus, DeviceReplaced } from '../bus/index.ts'
import { CLOSE } from '../contract/index.ts'
import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { Log } from '../observe/log.ts'
import type { EdgeContext } from './context.ts'
import { hearControl, tellReplaced } from './control.ts'
import { GOING_AWAY, ending } from './faults.ts'
import { Feeds } from './feed.ts'
import { HubLink } from './hub-link.ts'
import type { EdgeLimits } from './limits.ts'
import { edgeMetrics } from './metrics.ts'
import { deviceOf } from './identity.ts'
import { RecentlyRevoked } from './recently-revoked.ts'
import { Session, type SessionOwner } from './session.ts'
import type { Identity } from './session-state.ts'
import { Slots } from './slots.ts'
import { TokenBuckets } from './token-bucket.ts'
import type { ClientSocket, SocketEvents } from './transport/index.ts'

export type EdgeOptions = {
  /** Its name, which is also its token in `ctl.edge.<name>`. */
  name: string
  bus: Bus
  clock: Clock
  ids: Ids
  nonce: () => string
  limits: EdgeLimits
  log: Log
  registry: Registry
  pushed: ((amount: string) => void) | null
}

/** All sessions of one process: who is here, who gives way to whom, and how they leave together. */
export class Edge {
  readonly #options: EdgeOptions
  readonly #context: EdgeContext
  readonly #sessions = new Set<Session>()
  readonly #byDevice = new Map<string, Session>()
  readonly #revoked: RecentlyRevoked
  /** One for all: there are thousands of sessions. */
  readonly #owner: SessionOwner = {
    identified: (session, identity) => this.#identified(session, identity),
    gone: (session, identity) => this.#gone(session, identity),
  }
  readonly #stopControl: () => void
  readonly #sweep: NodeJS.Timeout
  #onEmpty: (() => void) | null = null
  #verifyRound = 0

  constructor(options: EdgeOptions) {
    const { bus, clock, ids, limits, log, nonce, pushed, registry } = options
    this.#options = options
    const feeds = new Feeds({ bus, limits, log })
    const commands = new Slots(limits.commands_in_flight)
    this.#context = {
      limits,
      clock,
      ids,
      nonce,
      log,
      feeds,
      hellos: new Slots(limits.hellos_in_progress),
      commands,
      pushed,
      hub: new HubLink({ bus, clock, ids, onReconnect: () => void this.#verifyAll() }),
      userRates: new TokenBuckets(limits.user_rate),
      metrics: edgeMetrics(registry, {
        sessions: () => this.#sessions.size,
        feeds: () => feeds.size,
        queuedBytes: () => this.#sessions.values().reduce((sum, session) => sum + session.queuedBytes, 0),
        commandsInFlight: () => commands.taken,
      }),
    }
    this.#revoked = new RecentlyRevoked(limits, clock)
    this.#stopControl = hearControl(bus, options.name, {
      control: ({ device }) => this.#revoke(device),
      replaced: (replaced) => this.#replace(replaced),
    })
    this.#sweep = setInterval(() => this.#context.userRates.sweep(clock.monotonic()), limits.rate_sweep_ms)
    this.#sweep.unref()
  }

  get reachesHub(): boolean {
    return this.#context.hub.up
  }

  get sessions(): number {
    return this.#sessions.size
  }

  accept(socket: ClientSocket): SocketEvents {
    const session = new Session(this.#context, socket, this.#owner)
    this.#sessions.add(session)
    return session
  }

  /**
   * Sends clients elsewhere, one after the other and in no order of theirs, and lets commands in flight be answered;
   * closes every socket 4001, and gives up waiting after a while.
   */
  async drain(): Promise<void> {
    const { drain_timeout_ms, goaway_per_ms, goaway_spread_ms } = this.#context.limits
    const spread_ms = Math.min(goaway_spread_ms, this.#sessions.size / goaway_per_ms)
    if (this.#sessions.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, drain_timeout_ms)
        this.#onEmpty = () => {
          clearTimeout(timer)
          resolve()
        }
        for (const session of this.#sessions) session.drain(Math.round(Math.random() * spread_ms))
      })
    }
    for (const session of this.#sessions) session.end(GOING_AWAY)
    clearInterval(this.#sweep)
    this.#stopControl()
    this.#context.feeds.end()
  }

  /** A device has one socket: the newest, on whatever edge. */
  #identified(session: Session, identity: Identity): void {
    const device = deviceOf(identity)
    if (device === null) return
    if (this.#revoked.has(device)) {
      session.end(REVOKED)
      return
    }
    this.#byDevice.get(device)?.end(REPLACED)
    this.#byDevice.set(device, session)
    tellReplaced(this.#options.bus, { device, session: identity.session })
  }

  #gone(session: Session, identity: Identity | null): void {
    this.#sessions.delete(session)
    const device = deviceOf(identity)
    if (device !== null && this.#byDevice.get(device) === session) this.#byDevice.delete(device)
    if (this.#sessions.size === 0) this.#onEmpty?.()
  }

  #revoke(device: string): void {
    this.#revoked.add(device)
    this.#byDevice.get(device)?.end(REVOKED)
  }

  /** Session ids are time-ordered: of two edges that tell each other, only the older session gives way. */
  #replace({ device, session }: DeviceReplaced): void {
    const ours = this.#byDevice.get(device)
    if ((ours?.identity?.session ?? session) < session) ours?.end(REPLACED)
  }

  /**
   * NATS was away: events may have passed by unheard, and devices may have been
   * revoked. Hubs come back about when we do, so a session is asked about again
   * until somebody answers. A later reconnection starts over.
   */
  async #verifyAll(): Promise<void> {
    const round = ++this.#verifyRound
    const { hub, limits } = this.#context
    const rest = [...this.#sessions].values()
    const lane = async () => {
      for (const session of rest) {
        while (round === this.#verifyRound && hub.up && (await session.verify()).at === 'unanswered') {
          await delay(limits.verify_retry_ms)
        }
      }
    }
    await Promise.all(Array.from({ length: limits.verify_parallel }, lane))
  }
}

const REVOKED = ending(CLOSE.forbidden, 'this device was revoked', 'forbidden')
const REPLACED = ending(CLOSE.replaced, 'the same device connected again', null)
