import type { Msg, Subscription } from '@nats-io/transport-node'
import { refuse } from '../domain/refusal.ts'
import type { Log } from '../observe/log.ts'
import type { Bus } from './connection.ts'
import type { HubReply, HubRequest, RailCallback, RailCallbackReply } from './messages.ts'
import { refusalReply } from './reply.ts'
import { ALL_COMMANDS, ALL_RAIL_CALLBACKS, HUB_QUEUE, commandSubject, railCallbackSubject } from './subjects.ts'

/** One command: its reply, and what to do once that is on its way. */
export type Responder = (request: HubRequest) => Promise<{ reply: HubReply; after?: () => void }>

export type Server = {
  /** Stops taking commands and waits for those in hand. */
  drain(): Promise<void>
  inFlight(): number
}

/**
 * The hub's mailbox: commands from the queue group, bounded. Above the bound the
 * answer is `overloaded` at once; a request whose asker has given up is dropped.
 */
export function serveCommands(
  bus: Bus,
  responders: Readonly<Record<string, Responder>>,
  /** `flushReplies`: `after` runs once the reply has really left (tests that kill this process there need it). */
  options: { maxInFlight: number; log: Log; now: () => number; flushReplies?: boolean },
): Server {
  const bySubject = new Map(Object.entries(responders).map(([name, respond]) => [commandSubject(name), respond]))
  const running = new Set<Promise<void>>()

  const subscription: Subscription = bus.subscribe(ALL_COMMANDS, {
    queue: HUB_QUEUE,
    callback: (error, message) => {
      if (error !== null) {
        options.log.error({ err: error }, 'the command subscription failed')
        return
      }
      const work = take(message).finally(() => running.delete(work))
      running.add(work)
    },
  })

  async function take(message: Msg): Promise<void> {
    const request = parse(message)
    if (request === null) {
      options.log.error({ subject: message.subject }, 'a request that is no request came in')
      return
    }
    const send = (reply: HubReply) => void message.respond(JSON.stringify(reply))
    const respond = bySubject.get(message.subject)
    if (respond === undefined) {
      send(refusalReply(refuse('unknown_command', 'There is no such command.'), request.requestId))
      return
    }
    if (running.size >= options.maxInFlight) {
      send(
        refusalReply(
          refuse('overloaded', 'Too much at once; try again shortly.', { retryAfterMs: 250 }),
          request.requestId,
        ),
      )
      return
    }
    if (isLate(request.deadline, options.now())) return
    try {
      const { reply, after } = await respond(request)
      send(reply)
      if (options.flushReplies === true) await bus.flush()
      after?.()
    } catch (error) {
      options.log.error({ err: error, request: request.requestId }, 'a command broke')
      send(
        refusalReply(
          refuse('temporarily_unavailable', 'Something is away on our side; try again with the same key.'),
          request.requestId,
        ),
      )
    }
  }

  return {
    async drain() {
      await subscription.drain()
      await Promise.allSettled(running)
    },
    inFlight: () => running.size,
  }
}

/** Later than this is not lateness: the asker's clock is wrong, and its request is as good as any. */
const SKEW_MS = 60_000

/** Whether the asker has given up by now, as far as two machines' clocks can tell. */
function isLate(deadline: number, nowMs: number): boolean {
  const lateMs = nowMs - deadline
  return lateMs >= 0 && lateMs < SKEW_MS
}

/** Takes one rail's callback: 204 once it is stored, 4xx where it is none; throws where it could not be stored. */
export type CallbackTaker = (callback: RailCallback) => Promise<RailCallbackReply>

/**
 * The hub's other mailbox: what rails post to us, by rail. Nothing may throw out
 * of the subscription's callback: the NATS client would stop reading, and the hub
 * be deaf until its connection is given up. Bounded as commands are: anybody may
 * post, and what is not taken now the rail sends again.
 */
export function serveCallbacks(
  bus: Bus,
  takers: Readonly<Record<string, CallbackTaker>>,
  options: { maxInFlight: number; log: Log },
): { drain(): Promise<void> } {
  const running = new Set<Promise<void>>()
  const bySubject = new Map(Object.entries(takers).map(([rail, taker]) => [railCallbackSubject(rail), taker]))
  const subscription = bus.subscribe(ALL_RAIL_CALLBACKS, {
    queue: HUB_QUEUE,
    callback: (error, message) => {
      if (error !== null) {
        options.log.error({ err: error }, 'the callback subscription failed')
        return
      }
      const work = take(message).finally(() => running.delete(work))
      running.add(work)
    },
  })

  async function take(message: Msg): Promise<void> {
    const respond = (reply: RailCallbackReply) => void message.respond(JSON.stringify(reply))
    if (running.size >= options.maxInFlight) {
      respond({ status: 503 })
      return
    }
    try {
      const taker = bySubject.get(message.subject)
      const callback = parseCallback(message)
      if (taker === undefined) respond({ status: 404 })
      else if (callback === null) respond({ status: 400 })
      else respond(await taker(callback))
    } catch (cause) {
      options.log.error({ err: cause }, 'a callback could not be taken; the rail sends it again')
      respond({ status: 503 })
    }
  }

  return {
    async drain() {
      await subscription.drain()
      await Promise.allSettled(running)
    },
  }
}

/** The codec of the bridge's message: what the rail said in it is verified by the taker. */
function parseCallback(message: Msg): RailCallback | null {
  try {
    const value = message.json<RailCallback>()
    return typeof value.body === 'string' && typeof value.headers === 'object' ? value : null
  } catch {
    return null
  }
}

/** The codec of our own processes' requests: the shape is theirs, the content is checked by each command. */
function parse(message: Msg): HubRequest | null {
  try {
    const value = message.json<HubRequest>()
    return typeof value.requestId === 'string' && typeof value.deadline === 'number' ? value : null
  } catch {
    return null
  }
}
