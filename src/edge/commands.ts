import { COMMANDS, IdempotencyKey, isCommandName, type CommandName, type ErrorCode } from '../contract/index.ts'
import type { HubReply } from '../bus/index.ts'
import type { EdgeContext } from './context.ts'
import { wireError } from './faults.ts'
import type { IncomingCmd } from './frame.ts'
import type { Identity } from './session-state.ts'
import { TokenBucket } from './token-bucket.ts'
import { UsedIds } from './used-ids.ts'

export type CommandPort = {
  reply(frame: object): void
  /** The id was used before on this socket. */
  repeatedId(): void
  /** The client keeps sending although it is told to slow down. */
  abuse(): void
  /** The last command in flight has been answered. */
  idle(): void
}

/**
 * The commands of one session. What a command may do is the hub's affair; here
 * it is only counted, named and passed on with the token, body untouched.
 */
export class Commands {
  readonly #context: EdgeContext
  readonly #port: CommandPort
  readonly #ids: UsedIds
  readonly #refusals: TokenBucket

  constructor(context: EdgeContext, port: CommandPort) {
    this.#context = context
    this.#port = port
    this.#ids = new UsedIds(context.limits.remembered_ids)
    this.#refusals = new TokenBucket(context.limits.refusal_rate, context.clock.monotonic())
  }

  get inFlight(): number {
    return this.#ids.inFlight
  }

  /** A command that comes while the edge drains: not carried out, said so. */
  decline(frame: IncomingCmd): void {
    if (!this.#ids.use(frame.id)) this.#port.repeatedId()
    else this.#refuse(frame, 'temporarily_unavailable', 'This connection is closing; reconnect and send it again.', 100)
  }

  handle(frame: IncomingCmd, identity: Identity): void {
    const { clock, limits, load, userRates } = this.#context
    if (!this.#ids.use(frame.id)) {
      this.#port.repeatedId()
      return
    }
    const wait_ms = userRates.take(identity.user, clock.monotonic())
    if (wait_ms > 0) {
      if (this.#refusals.take(clock.monotonic()) > 0) this.#port.abuse()
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
    if (COMMANDS[name].starred && !IdempotencyKey.safeParse(frame.key).success) {
      this.#refuse(frame, 'idempotency_key_missing', 'This command needs a key: 16 to 64 of A-Z a-z 0-9 _ -.')
      return
    }
    if (this.#ids.inFlight >= limits.commands_per_session || load.commands >= limits.commands_in_flight) {
      this.#refuse(frame, 'overloaded', 'Too many commands are in flight; wait for answers and try again.', 250)
      return
    }
    void this.#forward(frame, name, identity)
  }

  async #forward(frame: IncomingCmd, name: CommandName, identity: Identity): Promise<void> {
    const { clock, hub, limits, load, metrics } = this.#context
    const startedAt_ms = clock.monotonic()
    this.#ids.begin(frame.id)
    load.commands++
    const reply = await hub.ask({
      name,
      token: identity.token,
      body: frame.body ?? {},
      ...(COMMANDS[name].starred && { key: frame.key }),
      timeout_ms: limits.command_timeout_ms,
    })
    load.commands--
    this.#ids.end(frame.id)
    metrics.commandSeconds.observe((clock.monotonic() - startedAt_ms) / 1000)
    metrics.commands.inc({ name, outcome: reply.ok ? 'ok' : reply.error.code })
    this.#port.reply(replyFrame(frame.id, reply))
    if (this.#ids.inFlight === 0) this.#port.idle()
  }

  #refuse(frame: IncomingCmd, code: ErrorCode, message: string, retryAfter_ms?: number): void {
    const { hub, metrics } = this.#context
    const name = typeof frame.name === 'string' && isCommandName(frame.name) ? frame.name : 'unknown'
    metrics.commands.inc({ name, outcome: code })
    this.#port.reply({
      t: 'reply',
      id: frame.id,
      ok: false,
      error: wireError(code, message, hub.requestId(), retryAfter_ms),
    })
  }
}

function replyFrame(id: string, reply: HubReply): object {
  const replayed = reply.replayed === true && { replayed: true }
  if (reply.ok) return { t: 'reply', id, ok: true, body: reply.body, ...replayed }
  return { t: 'reply', id, ok: false, error: reply.error, ...replayed }
}
