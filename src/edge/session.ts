import { Mailbox } from '../actor/index.ts'
import type { EdgeContext } from './context.ts'
import type { Ending } from './faults.ts'
import { SessionActor } from './session-actor.ts'
import { SessionCore } from './session-core.ts'
import type { SessionMessage, Verified } from './session-message.ts'
import type { Identity } from './session-state.ts'
import type { ClientSocket, SocketEvents } from './transport/index.ts'

/** What a session tells its edge. */
export type SessionOwner = {
  /** The hub has said who this is; older sessions of the device give way. */
  identified(session: Session, identity: Identity): void
  gone(session: Session, identity: Identity | null): void
}

/**
 * One socket, from challenge to close, as others see it: an actor that owns its
 * lifecycle, its commands, its place in the feed and its outbound queue. All that
 * reaches it goes through its mailbox, and is handled to its end before the next.
 */
export class Session implements SocketEvents {
  readonly #core: SessionCore
  readonly #mailbox: Mailbox<SessionMessage>

  constructor(context: EdgeContext, socket: ClientSocket, owner: SessionOwner) {
    const told = {
      identified: (identity: Identity) => owner.identified(this, identity),
      gone: (identity: Identity | null) => owner.gone(this, identity),
    }
    this.#core = new SessionCore(context, socket, told, (message) => void this.#mailbox.post(message))
    this.#mailbox = new Mailbox(new SessionActor(this.#core), context.limits.session_mailbox)
    this.#core.post({ type: 'accepted' })
  }

  get queuedBytes(): number {
    return this.#core.queuedBytes
  }

  /** Null before `ready`, and once it has ended. */
  get identity(): Identity | null {
    return this.#core.identity
  }

  message(text: string): void {
    this.#core.post({ type: 'text', text })
  }

  drained(): void {
    this.#core.post({ type: 'drained' })
  }

  closed(code: number): void {
    this.#core.post({ type: 'closed', code })
  }

  end(ending: Ending): void {
    this.#core.post({ type: 'end', ending })
  }

  /** The client is asked to come back elsewhere after a while, and closed by then. */
  drain(reconnect_after_ms: number): void {
    this.#core.post({ type: 'drain', reconnect_after_ms })
  }

  /** Compares with the feed's true head, and with what the hub still says of this token. */
  verify(): Promise<Verified> {
    return new Promise((done) => {
      if (!this.#mailbox.post({ type: 'verify', done })) done({ at: 'ended' })
    })
  }
}
