import { timestamp } from '../domain/clock.ts'
import type { Arrival } from './entrance.ts'
import { Heartbeat } from './heartbeat.ts'
import { feedOf } from './identity.ts'
import type { SessionPort } from './session-port.ts'
import type { Live } from './session-state.ts'
import { Verification } from './verification.ts'

/** What a session has from now on. */
export function becomeLive(port: SessionPort, { identity, place }: Arrival): Live {
  const { limits, nonce } = port.context
  return {
    identity,
    place,
    heartbeat: new Heartbeat(port, limits),
    verification: new Verification(port),
    nonce: nonce(),
    nonceBefore: null,
    expiry: null,
  }
}

/** The frame that tells the client so. */
export function readyFrame({ context }: SessionPort, { nonce }: Live, { identity, opened, feed }: Arrival): object {
  return {
    t: 'ready',
    session: identity.session,
    ...identity.holder,
    heartbeat_ms: context.limits.heartbeat_ms,
    time: timestamp(context.clock.now()),
    expires_at: opened.expiresAt,
    env: opened.env,
    nonce,
    feeds: { [feedOf(identity.holder)]: { mode: feed.mode, epoch: feed.epoch, seq: feed.seq } },
  }
}
