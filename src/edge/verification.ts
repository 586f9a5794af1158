import { CLOSE } from '../contract/index.ts'
import { TOKEN_EXPIRED, type Ending } from './faults.ts'
import type { Identity } from './identity.ts'
import { readHead } from './opening.ts'
import type { Place } from './place.ts'
import type { HeadRead, Verified } from './session-message.ts'
import type { SessionPort } from './session-port.ts'

type Done = (verified: Verified) => void
type Subject = { readonly identity: Identity; readonly place: Place }

/** Compares a session with the feed's true head, and with what the hub still says of its token. */
export class Verification {
  readonly #port: SessionPort
  #open: Set<Done> | null = null

  constructor(port: SessionPort) {
    this.#port = port
  }

  /** `done` is told once, whatever becomes of the session. */
  begin({ identity: { token }, place: { feed } }: Subject, done: Done): void {
    const { hub, limits } = this.#port.context
    this.#open ??= new Set()
    this.#open.add(done)
    void this.#port.ask(readHead(hub, token, feed, limits.command_timeout_ms), (head) => ({
      type: 'headRead',
      token,
      head,
      done,
    }))
  }

  /** @param subject null where the session is no longer one that is verified */
  headRead({ token, head, done }: HeadRead, subject: Subject | null): void {
    if (subject === null) {
      this.#finish(done, { at: 'ended' })
      return
    }
    const { identity, place } = subject
    if (head.ok) {
      place.verify(head.value, () => {
        // What waits here for the socket is not missing, and its client is not to resume for it.
        const reached = place.waitsForRoom ? place.last : Math.max(head.value, place.last)
        this.#finish(done, { at: 'verified', head: reached })
      })
      return
    }
    // The token it was asked with may have been followed by a newer one.
    const end = token === identity.token ? this.#endOf(head.error, identity) : null
    if (end === null) this.#finish(done, { at: 'unanswered' })
    else this.#port.end(end)
  }

  #finish(done: Done, verified: Verified): void {
    if (this.#open?.delete(done) !== true) return
    if (this.#open.size === 0) this.#open = null
    done(verified)
  }

  end(): void {
    for (const done of this.#open ?? []) this.#finish(done, { at: 'ended' })
  }

  /** Null where the hub did not say that the token is none. */
  #endOf(said: Ending, { expiresAt_ms }: Identity): Ending | null {
    if (said.code === CLOSE.forbidden) return said
    if (said.code !== CLOSE.unauthenticated) return null
    return this.#port.context.clock.now() >= expiresAt_ms - EXPIRY_SLACK_MS ? TOKEN_EXPIRED : said
  }
}

/** A hub that calls a token invalid this close to its end means that it expired. */
const EXPIRY_SLACK_MS = 5_000
