import type { WireError } from '../../src/contract/index.ts'
import { CLOSE } from '../../src/contract/names.ts'
import { MooringError } from './errors.ts'

/** How a socket ended: by a close frame, or because the network or the other process went away. */
export type LinkEnd = { code: number; reason: string; error: WireError | null }

/** No close frame came (RFC 6455 §7.1.5), or the socket was given up by us. */
export const ABNORMAL = 1006

export type AfterEnd =
  /** `soon`: without waiting, the server asked for it; otherwise after backoff. */
  { do: 'reconnect'; newToken: boolean; soon: boolean } | { do: 'stop'; error: MooringError }

/**
 * What to do when a socket ended (protocol.md, Close codes). 4501 may only mean
 * that the token was no longer good, so it is tried once with a new one.
 */
export function afterEnd(end: LinkEnd, triedNewToken: boolean): AfterEnd {
  if (end.code === CLOSE.tokenExpired) return { do: 'reconnect', newToken: true, soon: true }
  if (end.code === CLOSE.unauthenticated && !triedNewToken) return { do: 'reconnect', newToken: true, soon: true }
  if (end.code >= 4500 && end.code <= 4999) return { do: 'stop', error: refused(end) }
  return { do: 'reconnect', newToken: false, soon: false }
}

function refused(end: LinkEnd): MooringError {
  const message = end.error?.message ?? (end.reason || `the server ended the session with ${end.code}`)
  return new MooringError(end.error?.code ?? 'session_refused', message, {
    requestId: end.error?.request_id ?? null,
    closeCode: end.code,
  })
}
