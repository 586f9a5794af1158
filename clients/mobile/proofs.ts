import canonicalize from 'canonicalize'
import { PROOF_TYP } from '../../src/contract/names.ts'
import type { ActionClaims, ConfirmClaims } from '../../src/contract/index.ts'
import { base64url, sha256 } from './base64url.ts'
import type { DeviceKey } from './device-key.ts'
import { sign } from './jws.ts'
import { LIMITS } from './limits.ts'
import type { Random, Subtle } from './ports.ts'

/** Who signs: the user and device of this session and the device's key. */
export type Signer = {
  key: DeviceKey
  user: string
  device: string
  env: 'test' | 'live'
  random: Random
  subtle: Subtle
  /** Time by the server, milliseconds: a phone's own clock may be wrong. */
  serverNow: () => number
}

/** A signed claim set and until when it may be sent, by the server's time. */
export type Proof = { jws: string; expires_ms: number }

/** 128 random bits as 22 characters of [A-Za-z0-9_-]: fits a `jti` and an idempotency key. */
export function token(random: Random): string {
  return base64url(random(16))
}

export function enrolProof(key: DeviceKey, enrolment: string): Promise<string> {
  return sign(key, PROOF_TYP.proof, null, { aud: 'mooring:enrol', enrolment })
}

export function tokenProof(key: DeviceKey, device: string, nonce: string): Promise<string> {
  return sign(key, PROOF_TYP.proof, device, { aud: 'mooring:token', sub: device, nonce })
}

/** Binds the socket to the key, the token (`ath`) and the page it runs in. */
export async function socketProof(
  key: DeviceKey,
  device: string,
  over: { nonce: string; accessToken: string },
  { origin, subtle }: { origin: string | undefined; subtle: Subtle },
): Promise<string> {
  const ath = await sha256(over.accessToken, subtle)
  const claims = { aud: 'mooring:socket', nonce: over.nonce, ath }
  return sign(key, PROOF_TYP.proof, device, origin === undefined ? claims : { ...claims, origin })
}

/** The content of a confirmation: everything the payer agrees to, nothing else. */
export type ConfirmContent = Omit<ConfirmClaims, 'aud' | 'env' | 'sub' | 'device' | 'jti' | 'exp' | 'iat'>

export async function confirmation(signer: Signer, content: ConfirmContent): Promise<Proof> {
  const { claims, expires_ms } = dated(signer)
  const all: ConfirmClaims = { aud: 'mooring:confirm', env: signer.env, ...content, ...claims }
  return { jws: await sign(signer.key, PROOF_TYP.confirm, signer.device, all), expires_ms }
}

/** A signature over a command that changes the account; `body` without its action, pin and old_pin. */
export async function action(signer: Signer, name: string, body: object): Promise<Proof> {
  const { claims, expires_ms } = dated(signer)
  const all: ActionClaims = { aud: 'mooring:action', name, body: await bodyHash(body, signer.subtle), ...claims }
  return { jws: await sign(signer.key, PROOF_TYP.action, signer.device, all), expires_ms }
}

const UNSIGNED = ['action', 'pin', 'old_pin']

/** base64url SHA-256 of the RFC 8785 canonical JSON of what an action covers. */
export function bodyHash(body: object, subtle: Subtle): Promise<string> {
  const covered = Object.fromEntries(Object.entries(body).filter(([name]) => !UNSIGNED.includes(name)))
  const text = canonicalize(covered)
  if (text === undefined) throw new TypeError('a command body is a JSON object')
  return sha256(text, subtle)
}

function dated(signer: Signer) {
  const exp = Math.floor(signer.serverNow() / 1000) + LIMITS.proof_life_s
  return {
    claims: { sub: signer.user, device: signer.device, jti: token(signer.random), exp },
    expires_ms: exp * 1000,
  }
}

/**
 * A proof for a command that may be sent more than once: the same signature
 * while it lasts, a new one (fresh `jti`) when it is about to end. The server
 * compares a retry without `jti` and `exp`, so the key's answer stays the same.
 */
export function renewable(signer: Signer, make: () => Promise<Proof>): () => Promise<string> {
  let current: Proof | null = null
  return async () => {
    const margin_ms = LIMITS.proof_margin_s * 1000
    if (current === null || current.expires_ms - signer.serverNow() < margin_ms) current = await make()
    return current.jws
  }
}
