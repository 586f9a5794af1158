import { CLOSE, COMMANDS, IdempotencyKey, isCommandName, type CommandName, type ErrorCode } from '../contract/index.ts'
import type { HubReply } from '../bus/index.ts'
import { ending, wireError } from './faults.ts'
import type { IncomingCmd } from './frame.ts'
import { deviceOf, feedOf, type Identity } from './identity.ts'
import type { Replied } from './session-message.ts'
import type { SessionPort } from './session-port.ts'
import { TokenBucket } from './token-bucket.ts'
import { UsedIds } from './used-ids.ts'

/**
 * The commands of one session. What a command may do is the hub's affair; here
 * it is only counted, named and passed on with the token, body untouched.
 */
export class Commands {
  readonly #port: SessionPort
  readonly #ids: UsedIds
  #refusals: TokenBucket | null = null

  constructor(port: SessionPort) {
    this.#port = port
    this.#ids = new UsedIds(port.context.limits.remembered_ids)
  }

  get inFlight(): number {
    return this.#ids.inFlight
  }

  /** A command that comes while the edge drains: not carried out, said so. */
  decline(frame: IncomingCmd): void {
    if (!this.#ids.use(frame.id)) this.#port.end(REPEATED_ID)
    else this.#refuse(frame, 'temporarily_unavailable', 'This connection is closing; reconnect and send it again.', 100)
  }

  handle(frame: IncomingCmd, identity: Identity): void {
    const { clock, commands, limits, userRates } = this.#port.context
    if (!this.#ids.use(frame.id)) {
      this.#port.end(REPEATED_ID)
      return
    }
    const wait_ms = userRates.take(feedOf(identity.holder), clock.monotonic())
    if (wait_ms > 0) {
      this.#refusals ??= new TokenBucket(limits.refusal_rate, clock.monotonic())
      if (this.#refusals.take(clock.monotonic()) > 0) this.#port.end(ABUSE)
      else
        this.#refuse(
          frame,
          'rate_limited',
          `At most ${limits.user_rate.per_s} commands a second; wait a little.`,
          wait_ms,
        )
      return
    }
    const { name } = frame
    if (typeof name !== 'string' || !isCommandName(name)) {
      this.#refuse(frame, 'unknown_command', 'There is no such command.')
      return
    }
    if (deviceOf(identity) === null) {
      this.#refuse(frame, 'forbidden', LISTENS_ONLY)
      return
    }
    if (COMMANDS[name].starred && !IdempotencyKey.safeParse(frame.key).success) {
      this.#refuse(frame, 'idempotency_key_missing', 'This command needs a key: 16 to 64 of A-Z a-z 0-9 _ -.')
      return
    }
    if (this.#ids.inFlight >= limits.commands_per_session || commands.full) {
      this.#refuse(frame, 'overloaded', 'Too many commands are in flight; wait for answers and try again.', 250)
      return
    }
    this.#forward(frame, name, identity)
  }

  /** A hub's answer. The session may be closed by now, which answers nobody but is counted. */
  replied({ id, name, askedAt_ms, reply }: Replied): void {
    const { clock, metrics } = this.#port.context
    this.#ids.end(id)
    metrics.commandSeconds.observe((clock.monotonic() - askedAt_ms) / 1000)
    metrics.commands.inc({ name, outcome: reply.ok ? 'ok' : reply.error.code })
    this.#port.send(replyFrame(id, reply))
  }

  #forward({ id, key, body }: IncomingCmd, name: CommandName, { token }: Identity): void {
    const { clock, commands, hub, limits } = this.#port.context
    const askedAt_ms = clock.monotonic()
    this.#ids.begin(id)
    const answer = hub.ask({
      name,
      token,
      body: body === undefined ? {} : body,
      ...(COMMANDS[name].starred && { key }),
      timeout_ms: limits.command_timeout_ms,
    })
    commands.during(this.#port.ask(answer, (reply) => ({ type: 'replied', id, name, askedAt_ms, reply })))
  }

  #refuse(frame: IncomingCmd, code: ErrorCode, message: string, retryAfter_ms?: number): void {
    const { hub, metrics } = this.#port.context
    const name = typeof frame.name === 'string' && isCommandName(frame.name) ? frame.name : 'unknown'
    metrics.commands.inc({ name, outcome: code })
    this.#port.send({
      t: 'reply',
      id: frame.id,
      ok: false,
      error: wireError(code, message, hub.requestId(), retryAfter_ms),
    })
  }
}

const REPEATED_ID = ending(CLOSE.badFrame, 'id: was used before on this socket', 'invalid_request')
const ABUSE = ending(CLOSE.rateAbuse, 'far too many commands', 'rate_limited')

function replyFrame(id: string, reply: HubReply): object {
  const replayed = reply.replayed === true && { replayed: true }
  if (reply.ok) return { t: 'reply', id, ok: true, body: reply.body, ...replayed }
  return { t: 'reply', id, ok: false, error: reply.error, ...replayed }
}

/** Its token is bound to no key, so that it may be given to a till: who has it hears, and moves nothing. */
const LISTENS_ONLY = "A merchant's socket listens only; send this from your server to the REST API."
