import { decodeJwt } from 'jose'
import type { SessionOpened } from '../bus/index.ts'
import { CLOSE, type TokenFrame } from '../contract/index.ts'
import type { Result } from '../domain/result.ts'
import { ending, type Ending } from './faults.ts'
import { holderOf, isSame } from './identity.ts'
import { identify } from './opening.ts'
import type { SessionPort } from './session-port.ts'
import type { Live } from './session-state.ts'

/** How a session ends whose newer token was looked at and is none. */
const REFUSED: ReadonlySet<number> = new Set([CLOSE.unauthenticated, CLOSE.forbidden, CLOSE.badFrame])

/** Asks about a newer token of the same device, proved over a nonce that is good once; a merchant's has no proof. */
export function renew(port: SessionPort, live: Live, frame: TokenFrame): void {
  const { context, origin } = port
  const nonce = spend(live, frame)
  if (nonce === null) {
    port.end(ending(CLOSE.unauthenticated, 'the nonce was used before; the next ping brings one', 'unauthenticated'))
    return
  }
  const answer = identify(context.hub, frame, { nonce, origin }, context.limits.command_timeout_ms)
  void port.ask(answer, (known) => ({ type: 'tokenKnown', token: frame.token, known }))
}

/** The nonce that the proof is over, as far as it says; the hub then judges it over exactly that. Null where it was used. */
function spend(live: Live, { proof }: TokenFrame): string | null {
  const { nonce, nonceBefore } = live
  if (nonceBefore !== null && proof !== undefined && claimedNonce(proof) === nonceBefore) {
    live.nonceBefore = null
    return nonceBefore
  }
  live.nonce = null
  return nonce
}

function claimedNonce(proof: string): unknown {
  try {
    return decodeJwt(proof)['nonce']
  } catch {
    return undefined
  }
}

export function renewed(port: SessionPort, live: Live, token: string, known: Result<SessionOpened, Ending>): void {
  if (!known.ok) {
    // Nobody could say: the token of now is good until its end, and the next ping brings another nonce.
    if (REFUSED.has(known.error.code)) port.end(known.error)
    return
  }
  const { expiresAt } = known.value
  if (!isSame(holderOf(known.value), live.identity.holder)) {
    port.end(ending(CLOSE.unauthenticated, "the token is another's", 'unauthenticated'))
    return
  }
  live.identity = { ...live.identity, token, expiresAt_ms: Date.parse(expiresAt) }
  awaitExpiry(port, live)
  port.send({ t: 'token', expires_at: expiresAt })
}

/** A token that lives longer than so many beats needs no timer yet. */
const BEATS_AHEAD = 2

/**
 * Has the session told when its token of now ends; whether it has a newer one by that time is seen then. While that
 * is far off there is no timer, of which tens of thousands would wait: the next beat asks again.
 */
export function awaitExpiry(port: SessionPort, live: Live): void {
  const { expiresAt_ms } = live.identity
  const { clock, limits } = port.context
  if (live.expiry !== null) clearTimeout(live.expiry)
  const left_ms = Math.max(0, expiresAt_ms - clock.now())
  const isFar = left_ms > BEATS_AHEAD * limits.heartbeat_ms
  live.expiry = isFar ? null : port.after(left_ms, { type: 'expired', expiresAt_ms })
}
