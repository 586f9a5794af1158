import type { WireError } from '../../src/contract/index.ts'
import type { ErrorCode } from '../../src/contract/names.ts'

/** What can go wrong on this side of the wire. */
export type ClientCode =
  /** The client was closed by `close()`. */
  | 'closed'
  /** The server or the network is not there; worth trying again. */
  | 'connection_lost'
  /** No answer by the deadline. */
  | 'deadline_exceeded'
  /** The session was ended for good: see `closeCode`. */
  | 'session_refused'
  /** An iterator was left unread until its buffer was full. */
  | 'consumer_too_slow'
  /** More commands at once than the SDK holds. */
  | 'queue_full'
  /** A command longer than the server takes. */
  | 'frame_too_large'
  /** The other side does not speak the protocol. */
  | 'protocol_fault'

/**
 * What is known about a failed command: `refused`: the server said no, nothing
 * was done; `not_sent`: it never left; `unknown`: it may have been done. After
 * `unknown`, the same command with the same `key` finds out without doubling.
 */
export type Outcome = 'refused' | 'not_sent' | 'unknown'

type Details = {
  param?: string | null
  retryable?: boolean
  retryAfterMs?: number | null
  requestId?: string | null
  outcome?: Outcome
  key?: string | null
  closeCode?: number | null
  cause?: unknown
}

/** Every error the SDK throws. */
export class MooringError extends Error {
  override readonly name = 'MooringError'
  readonly code: ErrorCode | ClientCode
  /** The field or claim at fault. */
  readonly param: string | null
  readonly retryable: boolean
  readonly retryAfterMs: number | null
  readonly requestId: string | null
  readonly outcome: Outcome
  /** Idempotency key of the command that failed. */
  readonly key: string | null
  /** WebSocket close code, where the session ended. */
  readonly closeCode: number | null

  constructor(code: ErrorCode | ClientCode, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.param = details.param ?? null
    this.retryable = details.retryable ?? false
    this.retryAfterMs = details.retryAfterMs ?? null
    this.requestId = details.requestId ?? null
    this.outcome = details.outcome ?? 'refused'
    this.key = details.key ?? null
    this.closeCode = details.closeCode ?? null
  }
}

export function fromWire(error: WireError, details: Details = {}): MooringError {
  return new MooringError(error.code, error.message, {
    param: error.param ?? null,
    retryable: error.retryable,
    retryAfterMs: error.retry_after_ms,
    requestId: error.request_id,
    ...details,
  })
}
