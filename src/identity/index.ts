import type { Sql } from './sql.ts'
import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { Log } from '../observe/log.ts'
import type { OtpSender, SimSwap } from '../rails/port.ts'
import { issueMerchantToken } from './access-token.ts'
import { makeAuthenticate, type Authenticate, type AuthenticateSocket } from './authenticate.ts'
import { identityEnrol, identityVerify } from './enrolment.ts'
import type { Handler } from './handler.ts'
import type { IdentityKeys } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { makeAuthenticateMerchant, makeMerchantIsOpen, type AuthenticateMerchant, type Merchant } from './merchants.ts'
import { makePins, type Pins } from './pins.ts'
import { sweepPast } from './past.ts'
import { sessionOpen } from './session.ts'
import { makeTiers, raiseLimits, type Tier } from './tiers.ts'
import { identityNonce, identityToken } from './token.ts'

export {
  feedOf,
  type Authenticate,
  type AuthenticateSocket,
  type Principal,
  type SocketHolder,
} from './authenticate.ts'
export { actionBodyHash, expiryRefusal, mismatchRefusal, openConfirmation } from './confirmation.ts'
export { makeFeePlans, publishFeePlan, type FeePlans } from './fee-plans.ts'
export type { Handler } from './handler.ts'
export { contentHash } from './idempotency-hash.ts'
export { readIdentityKeys, readPepper, type IdentityKeys } from './keys.ts'
export { deviceEvent, deviceView, listDevices, readListed, type ListedDevice } from './device-list.ts'
export type { PinVerdict, Pins } from './pins.ts'
export type { Tier } from './tiers.ts'
export { createMerchant, findMerchant, type AuthenticateMerchant, type Merchant } from './merchants.ts'
export type { ProofClaims } from './proof.ts'

export type IdentityDeps = {
  sql: Sql
  clock: Clock
  ids: Ids
  keys: IdentityKeys
  otp: OtpSender
  simSwap: SimSwap
  wakeRelay: () => void
  env: 'test' | 'live'
  /** `off` lifts the caps per address, for loopback only. */
  caps: 'on' | 'off'
  log: Log
}

/** A token for a merchant's socket; `store`: null for all of its feed. */
export type IssueMerchantToken = (
  merchant: Merchant,
  store: string | null,
) => Promise<{ token: string; expires_in: number }>

export type Identity = {
  authenticate: Authenticate
  authenticateMerchant: AuthenticateMerchant
  authenticateSocket: AuthenticateSocket
  issueMerchantToken: IssueMerchantToken
  /** Whether a merchant may be paid, as it was a second ago. */
  merchantIsOpen: (merchant: string) => Promise<boolean>
  handlers: Readonly<
    Record<'session.open' | 'identity.nonce' | 'identity.enrol' | 'identity.verify' | 'identity.token', Handler>
  >
  pins: Pins
  /** Which limits a user has now. */
  tierOf(user: string): Promise<Tier>
  /**
   * Deletes all nonces and enrolments that are past and raises limits whose time has come; run about once a minute.
   * `stopping` ends it early.
   */
  sweep(stopping?: AbortSignal): Promise<void>
}

/** Everything the hub knows about who speaks to it. */
export function makeIdentity(deps: IdentityDeps): Identity {
  const tiers = makeTiers(deps)
  const { authenticate, authenticateSocket } = makeAuthenticate({ ...deps, tiers })
  const enrolment = { ...deps, pepper: deps.keys.pepper }
  return {
    authenticate,
    authenticateMerchant: makeAuthenticateMerchant({ ...deps, pepper: deps.keys.pepper }),
    authenticateSocket,
    issueMerchantToken: async ({ merchant, key }, store) => ({
      token: await issueMerchantToken(deps.keys, deps.env, { merchant, key, store }, deps.clock.now()),
      expires_in: IDENTITY_LIMITS.socket_token_ttl_s,
    }),
    merchantIsOpen: makeMerchantIsOpen(deps),
    handlers: {
      'session.open': sessionOpen({ ...deps, authenticateSocket }),
      'identity.nonce': identityNonce(deps),
      'identity.enrol': identityEnrol(enrolment),
      'identity.verify': identityVerify(enrolment),
      'identity.token': identityToken(deps),
    },
    pins: makePins({ sql: deps.sql, pepper: deps.keys.pepper }),
    tierOf: (user) => tiers.of(user),
    sweep: async (stopping) => {
      await Promise.all([sweepPast(deps.sql, stopping), raiseLimits(deps)])
    },
  }
}
