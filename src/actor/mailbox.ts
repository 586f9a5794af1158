/** What an actor is to its mailbox. Its state changes in these three and nowhere else. */
export type Actor<M extends object> = {
  /** One message, to its end: it does not wait, and what it asks for comes back as another message. */
  handle(message: M): void
  /** More came while a message was handled than the mailbox holds, and was not taken: what then is part of the actor's contract. */
  overflowed(): void
  /** `handle` threw, which is a bug: supervise it. What this throws stops the mailbox and goes to whoever posted. */
  failed(error: unknown): void
}

/**
 * Gives an actor its messages, one at a time:
 * M1 each is handled to its end before the next, in the order in which they were posted;
 * M2 of those that come meanwhile at most `capacity` wait; where one more came, `overflowed` has its turn after them;
 * M3 what `handle` throws goes to `failed` and not to whoever posted, and the next message has its turn;
 * M4 nothing is handled after `stop`.
 * An actor at rest handles a message in the call that posts it, which then costs no memory.
 */
export class Mailbox<M extends object> {
  readonly #actor: Actor<M>
  readonly #capacity: number
  #at: 'rest' | 'work' | 'stopped' = 'rest'
  /** None where nothing waits, as with nearly every actor at nearly every time. */
  #waiting: M[] | null = null
  #overflowed = false

  constructor(actor: Actor<M>, capacity: number) {
    this.#actor = actor
    this.#capacity = capacity
  }

  /** False where the message was not taken: no room, or stopped. */
  post(message: M): boolean {
    if (this.#at === 'stopped') return false
    if (this.#at === 'work') return this.#wait(message)
    this.#at = 'work'
    try {
      this.#turn(message)
      if (this.#waiting !== null) this.#handleWaiting()
    } catch (error) {
      this.stop()
      throw error
    }
    this.#rest()
    return true
  }

  /** The message being handled is the last. */
  stop(): void {
    this.#at = 'stopped'
    this.#waiting = null
    this.#overflowed = false
  }

  #wait(message: M): boolean {
    this.#waiting ??= []
    if (this.#waiting.length >= this.#capacity) {
      this.#overflowed = true
      return false
    }
    this.#waiting.push(message)
    return true
  }

  #turn(message: M): void {
    try {
      this.#actor.handle(message)
    } catch (error) {
      this.#actor.failed(error)
    }
  }

  #handleWaiting(): void {
    while (this.#waiting !== null) {
      const next = this.#waiting.shift()
      if (next !== undefined) this.#turn(next)
      else if (this.#overflowed) this.#overflow()
      else this.#waiting = null
    }
  }

  #overflow(): void {
    this.#overflowed = false
    try {
      this.#actor.overflowed()
    } catch (error) {
      this.#actor.failed(error)
    }
  }

  #rest(): void {
    if (this.#at === 'work') this.#at = 'rest'
  }
}
