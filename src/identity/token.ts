import type { Sql } from './sql.ts'
import { z } from 'zod'
import { invalidRequest, okReply, refusalReply } from '../bus/index.ts'
import { type NonceAnswer, PROOF_TYP, type TokenAnswer, TokenBody, TokenProofClaims } from '../contract/index.ts'
import { timestamp, type Clock } from '../domain/clock.ts'
import { refuse } from '../domain/refusal.ts'
import { issueAccessToken } from './access-token.ts'
import { readDevice } from './devices.ts'
import type { Handler } from './handler.ts'
import type { IdentityKeys } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { issueNonce, useNonce } from './nonces.ts'
import { verifyProof } from './proof.ts'

const NoBody = z.strictObject({}).optional()

/** `POST /nonces`. */
export function identityNonce(deps: { sql: Sql }): Handler {
  return async (request) => {
    const body = NoBody.safeParse(request.body ?? undefined)
    if (!body.success) return refusalReply(invalidRequest(body.error), request.requestId)
    const { nonce, expiresAtMs } = await issueNonce(deps.sql)
    const answer: NonceAnswer = { nonce, expires_at: timestamp(expiresAtMs) }
    return okReply(answer)
  }
}

/**
 * `POST /tokens`: an access token for a device that signs a fresh nonce of ours.
 * Every fault of the proof, and an unknown or revoked device, is the same
 * `unauthenticated`. The nonce is spent only by a signature that holds.
 */
export function identityToken(deps: { sql: Sql; clock: Clock; keys: IdentityKeys; env: 'test' | 'live' }): Handler {
  return async (request) => {
    const refused = (why: string) => refusalReply(refuse('unauthenticated', why, { param: 'proof' }), request.requestId)
    const body = TokenBody.safeParse(request.body)
    if (!body.success) return refusalReply(invalidRequest(body.error), request.requestId)
    const device = await readDevice(deps.sql, body.data.device)
    if (device === null || device.status === 'revoked' || device.userStatus === 'closed') {
      return refused('The proof is not by a device of ours.')
    }
    const { id, user, jkt, publicKey } = device
    const proof = await verifyProof(body.data.proof, { typ: PROOF_TYP.proof, publicKey, kid: id })
    if (!proof.ok) return refused('The proof is not by a device of ours.')
    const claims = TokenProofClaims.safeParse(proof.value)
    if (!claims.success || claims.data.sub !== id) return refused('The proof is for something else.')
    if (!(await useNonce(deps.sql, claims.data.nonce))) {
      return refused('The nonce is used or past its time; get a new one from POST /v1/nonces.')
    }
    const answer: TokenAnswer = {
      access_token: await issueAccessToken(deps.keys, deps.env, { user, device: id, jkt }, deps.clock.now()),
      expires_in: IDENTITY_LIMITS.access_token_ttl_s,
    }
    return okReply(answer)
  }
}
