import { createHash } from 'node:crypto'
import type { Sql } from './sql.ts'
import type { Clock } from '../domain/clock.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { readAccessToken, type AccessToken } from './access-token.ts'
import { isRestricted, readDevice, type Device } from './devices.ts'
import type { IdentityKeys, VerifyKey } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { LruMap } from './lru.ts'
import type { Tiers } from './tiers.ts'

/** Who speaks, as the hub itself found out. */
export type Principal = {
  user: string
  device: string
  deviceStatus: 'active' | 'restricted'
  /** Verifies what this device signs. */
  publicKey: VerifyKey
  jkt: string
  expiresAtMs: number
}

export type Authenticate = (token: string) => Promise<Result<Principal, Refusal>>

type Cached<T> = { value: T; readAt: number }

/**
 * Turns an access token into who holds it. A token's signature is checked once
 * and remembered by its hash; the device behind it is read again once it is a
 * second old, so that a revocation is honoured within two, and each time while it
 * is restricted. Refuses
 * `unauthenticated`, and `forbidden` where the device is revoked or the account
 * closed; throws where Postgres cannot be asked: nobody is let in on a guess.
 */
export function makeAuthenticate(deps: {
  sql: Sql
  clock: Clock
  keys: IdentityKeys
  env: 'test' | 'live'
  tiers: Tiers
}): Authenticate {
  const tokens = new LruMap<string, AccessToken>(IDENTITY_LIMITS.token_cache_entries)
  const devices = new LruMap<string, Cached<Device>>(IDENTITY_LIMITS.device_cache_entries)
  const reading = new Map<string, Promise<Device | null>>()

  async function verified(token: string): Promise<AccessToken | null> {
    const hash = createHash('sha256').update(token).digest('base64url')
    const known = tokens.get(hash)
    if (known !== undefined) return known
    const read = await readAccessToken(deps.keys, deps.env, token)
    if (read !== null) tokens.set(hash, read)
    return read
  }

  /** One read at a time for each device, however many commands wait for it. */
  async function refresh(id: string): Promise<Device | null> {
    const readAt = deps.clock.monotonic()
    const device = await readDevice(deps.sql, id)
    if (device === null) devices.delete(id)
    else {
      devices.set(id, { value: device, readAt })
      deps.tiers.note(device.user, device.lowLimits ? 'low' : 'full')
    }
    return device
  }

  async function current(id: string): Promise<Device | null> {
    const cached = devices.get(id)
    // One that waits for its approval is read each time: it may go ahead at once.
    const isFresh = cached !== undefined && deps.clock.monotonic() - cached.readAt < IDENTITY_LIMITS.device_stale_ms
    if (isFresh && cached.value.status !== 'restricted') return cached.value
    const pending = reading.get(id)
    if (pending !== undefined) return pending
    const fresh = refresh(id).finally(() => reading.delete(id))
    reading.set(id, fresh)
    return fresh
  }

  return async (token) => {
    const access = await verified(token)
    if (access === null) return err(refuse('unauthenticated', 'The access token is not one of ours.'))
    const now = deps.clock.now()
    if (access.expiresAtMs <= now) {
      return err(refuse('unauthenticated', 'The access token has expired; get a new one from POST /v1/tokens.'))
    }
    const device = await current(access.device)
    if (device === null || device.user !== access.user || device.jkt !== access.jkt) {
      return err(refuse('unauthenticated', 'The access token is not one of ours.'))
    }
    if (device.status === 'revoked') return err(refuse('forbidden', 'This device has been revoked.'))
    if (device.userStatus === 'closed') return err(refuse('forbidden', 'This account is closed.'))
    return ok({
      user: device.user,
      device: device.id,
      deviceStatus: isRestricted(device, now) ? 'restricted' : 'active',
      publicKey: device.publicKey,
      jkt: device.jkt,
      expiresAtMs: access.expiresAtMs,
    })
  }
}
