import { createHash } from 'node:crypto'
import type { Sql } from './sql.ts'
import type { Clock } from '../domain/clock.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { readToken, type AccessToken, type OurToken } from './access-token.ts'
import { isRestricted, readDevice, type Device } from './devices.ts'
import type { IdentityKeys, VerifyKey } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { LruMap } from './lru.ts'
import { makeKeyStanding } from './merchants.ts'
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

/** A merchant that listens; `store`: to this one alone. */
export type Listener = { merchant: string; store: string | null; expiresAtMs: number }

/** Whoever may have a socket, and the one feed that it hears. */
export type SocketHolder = ({ holder: 'phone' } & Principal) | ({ holder: 'merchant' } & Listener)

export type AuthenticateSocket = (token: string) => Promise<Result<SocketHolder, Refusal>>

export function feedOf(holder: SocketHolder): string {
  return holder.holder === 'phone' ? holder.user : (holder.store ?? holder.merchant)
}

type Cached<T> = { value: T; readAt: number }

/**
 * Turns an access token into who holds it. A token's signature is checked once
 * and remembered by its hash; the device or secret key behind it is read again once
 * it is a second old, so that a revocation is honoured within two, and a device each
 * time while it is restricted. Refuses
 * `unauthenticated`, and `forbidden` where device or key is revoked or the account
 * closed; throws where Postgres cannot be asked: nobody is let in on a guess.
 */
export function makeAuthenticate(deps: {
  sql: Sql
  clock: Clock
  keys: IdentityKeys
  env: 'test' | 'live'
  tiers: Tiers
}): {
  /** Phones only: a merchant's token is `forbidden` whatever a phone may do. */
  authenticate: Authenticate
  authenticateSocket: AuthenticateSocket
} {
  const standing = makeKeyStanding(deps)
  const tokens = new LruMap<string, OurToken>(IDENTITY_LIMITS.token_cache_entries)
  const devices = new LruMap<string, Cached<Device>>(IDENTITY_LIMITS.device_cache_entries)
  const reading = new Map<string, Promise<Device | null>>()

  async function verified(token: string): Promise<OurToken | null> {
    const hash = createHash('sha256').update(token).digest('base64url')
    const known = tokens.get(hash)
    if (known !== undefined) return known
    const read = await readToken(deps.keys, deps.env, token)
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

  async function deviceNow(id: string): Promise<Device | null> {
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

  /** Signed by us and not past its time. */
  async function current(token: string): Promise<Result<OurToken, Refusal>> {
    const access = await verified(token)
    if (access === null) return err(notOurs())
    if (access.expiresAtMs > deps.clock.now()) return ok(access)
    const from = access.holder === 'phone' ? 'POST /v1/tokens' : 'POST /v1/socket_tokens'
    return err(refuse('unauthenticated', `The access token has expired; get a new one from ${from}.`))
  }

  async function phone(access: AccessToken): Promise<Result<Principal, Refusal>> {
    const device = await deviceNow(access.device)
    if (device === null || device.user !== access.user || device.jkt !== access.jkt) return err(notOurs())
    if (device.status === 'revoked') return err(refuse('forbidden', 'This device has been revoked.'))
    if (device.userStatus === 'closed') return err(refuse('forbidden', 'This account is closed.'))
    return ok({
      user: device.user,
      device: device.id,
      deviceStatus: isRestricted(device, deps.clock.now()) ? 'restricted' : 'active',
      publicKey: device.publicKey,
      jkt: device.jkt,
      expiresAtMs: access.expiresAtMs,
    })
  }

  return {
    async authenticate(token) {
      const access = await current(token)
      if (!access.ok) return access
      return access.value.holder === 'phone' ? phone(access.value) : err(refuse('forbidden', LISTENS_ONLY))
    },
    async authenticateSocket(token) {
      const access = await current(token)
      if (!access.ok) return access
      if (access.value.holder === 'phone') {
        const principal = await phone(access.value)
        return principal.ok ? ok({ holder: 'phone', ...principal.value }) : principal
      }
      const { key, merchant, store, expiresAtMs } = access.value
      const found = await standing(key)
      if (found === null || found.merchant !== merchant) return err(notOurs())
      if (found.revoked) return err(refuse('forbidden', 'The secret key behind this token has been revoked.'))
      if (found.closed) return err(refuse('forbidden', 'This merchant is closed.'))
      return ok({ holder: 'merchant', merchant, store, expiresAtMs })
    },
  }
}

const notOurs = (): Refusal => refuse('unauthenticated', 'The access token is not one of ours.')

const LISTENS_ONLY = "A merchant's socket listens only; send this from your server to the REST API."
