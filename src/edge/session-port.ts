import type { EdgeContext } from './context.ts'
import type { Ending } from './faults.ts'
import type { SessionMessage } from './session-message.ts'
import type { OutFrame } from './transport/index.ts'

/** What a part of a session sees of it. Parts run in the session's turns, and what they wait for comes as a message. */
export type SessionPort = {
  readonly context: EdgeContext
  /** The socket's. */
  readonly origin: string | undefined
  /** The newest; null where there is none yet, or no session any more. */
  readonly token: string | null
  readonly post: (message: SessionMessage) => void
  /** Makes a message of an answer; over when that is handled, and never rejects. */
  ask<T>(answer: Promise<T>, message: (answer: T) => SessionMessage): Promise<void>
  /** A message after a while; whoever asks for it clears the timer. */
  after(delay_ms: number, message: SessionMessage): NodeJS.Timeout
  send(frame: object): void
  write(frame: OutFrame): void
  /** Whether a snapshot or replay may go on; `drained` comes where it may again. */
  hasRoom(): boolean
  end(ending: Ending): void
}
