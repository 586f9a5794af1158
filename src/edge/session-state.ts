import type { Entrance } from './entrance.ts'
import type { IncomingFrame } from './frame.ts'
import type { Heartbeat } from './heartbeat.ts'
import type { Identity } from './identity.ts'
import type { Place } from './place.ts'
import type { Verification } from './verification.ts'

export type { Identity } from './identity.ts'

/** What a session has while it is ready or draining. */
export type Live = {
  /** Its token changes when the client brings a newer one. */
  identity: Identity
  place: Place
  heartbeat: Heartbeat
  verification: Verification
  /** Tells that its token has ended; null while that is far off. */
  expiry: NodeJS.Timeout | null
  /** What the next proof must be over; null once it was used. */
  nonce: string | null
  /** The one before, where it was not used: a proof over it may cross the newer one on its way. */
  nonceBefore: string | null
}

/** The lifecycle of a session is one value. */
export type SessionState =
  | { at: 'challenged'; nonce: string }
  | { at: 'opening'; entrance: Entrance }
  | { at: 'ready'; live: Live }
  /** `due`: the client was told to be gone by now. */
  | { at: 'draining'; live: Live; due: boolean }
  | { at: 'closed'; code: number }

type Stage = SessionState['at']

const NEXT: Readonly<Record<Stage, readonly Stage[]>> = {
  challenged: ['opening', 'closed'],
  opening: ['ready', 'closed'],
  ready: ['draining', 'closed'],
  draining: ['closed'],
  closed: [],
}

/** Whether a session may go from one stage to another; it never goes back. */
export function mayEnter(from: Stage, to: Stage): boolean {
  return NEXT[from].includes(to)
}

/** What to do with a frame: act on it, answer a command `temporarily_unavailable`, pass over it, or close 4500 (refuse). */
export type Disposition = 'open' | 'command' | 'decline' | 'token' | 'pong' | 'pass' | 'refuse'

/** A session is opened once and by `hello` alone; whatever else comes before `ready`, or a second hello, is a fault. */
export function disposition(at: Stage, t: IncomingFrame['t']): Disposition {
  switch (at) {
    case 'challenged':
      return t === 'hello' ? 'open' : 'refuse'
    case 'opening':
      return 'refuse'
    case 'closed':
      return 'pass'
    case 'ready':
    case 'draining':
      switch (t) {
        case 'hello':
          return 'refuse'
        case 'cmd':
          return at === 'ready' ? 'command' : 'decline'
        case 'token':
          return 'token'
        case 'pong':
          return 'pong'
        case 'ack':
          // Delivery never needs it (protocol.md §1); a cursor comes with the next hello.
          return 'pass'
      }
  }
}
