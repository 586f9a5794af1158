import { createHash } from 'node:crypto'
import type { Sql } from './sql.ts'
import { z } from 'zod'
import { invalidRequest, okReply, refusalReply, type SessionOpened } from '../bus/index.ts'
import { PROOF_TYP, SocketProofClaims } from '../contract/index.ts'
import { timestamp } from '../domain/clock.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import type { AuthenticateSocket } from './authenticate.ts'
import { touchDevice } from './devices.ts'
import type { Handler } from './handler.ts'
import { verifyProof, type ProofClaims } from './proof.ts'

const SessionOpenBody = z.strictObject({
  nonce: z.string().min(16).max(128),
  proof: z.string().optional(),
  origin: z.string().max(512).optional(),
})

/**
 * `session.open`: the edge brings what a client said in its hello. A phone's token
 * must be good and its device must have signed the edge's nonce, this token's
 * hash and the Origin the edge saw, so that neither a stolen token nor a hello
 * overheard for another page opens a socket. A merchant's token has no key to prove:
 * it lives shortly, is bound to the secret key it was asked for with, and only hears.
 */
export function sessionOpen(deps: { sql: Sql; authenticateSocket: AuthenticateSocket; env: 'test' | 'live' }): Handler {
  return async (request) => {
    const refused = (refusal: Refusal) => refusalReply(refusal, request.requestId)
    const body = SessionOpenBody.safeParse(request.body)
    if (!body.success) return refused(invalidRequest(body.error))
    if (request.credential.type !== 'device')
      return refused(refuse('unauthenticated', 'A socket opens with an access token.'))
    const { token } = request.credential
    const holder = await deps.authenticateSocket(token)
    if (!holder.ok) return refused(holder.error)
    if (holder.value.holder === 'merchant') {
      if (body.data.proof !== undefined) {
        return refused(
          refuse('unauthenticated', "A merchant's token has no key to prove: leave proof out.", { param: 'proof' }),
        )
      }
      const { merchant, store, expiresAtMs } = holder.value
      const opened: SessionOpened = { merchant, store, expiresAt: timestamp(expiresAtMs), env: deps.env }
      return okReply(opened)
    }
    const { user, device, publicKey, expiresAtMs } = holder.value
    if (body.data.proof === undefined) {
      return refused(refuse('unauthenticated', 'A phone proves its key: hello needs a proof.', { param: 'proof' }))
    }
    const proof = await verifyProof(body.data.proof, { typ: PROOF_TYP.proof, publicKey, kid: device })
    if (!proof.ok) return refused(refuse('unauthenticated', proof.error.message, { param: 'proof' }))
    const fault = socketProofFault(proof.value, { ...body.data, token })
    if (fault !== null) {
      return refused(refuse('unauthenticated', `The proof is for another socket: ${fault} differs.`, { param: fault }))
    }
    await touchDevice(deps.sql, device)
    const opened: SessionOpened = { user, device, expiresAt: timestamp(expiresAtMs), env: deps.env }
    return okReply(opened)
  }
}

/** The first claim of a socket proof that is not about this nonce, token and origin; null where all are. */
function socketProofFault(
  claims: ProofClaims,
  expected: { nonce: string; token: string; origin?: string | undefined },
): string | null {
  const parsed = SocketProofClaims.safeParse(claims)
  if (!parsed.success) return parsed.error.issues[0]?.path.map(String).join('.') ?? 'proof'
  if (parsed.data.nonce !== expected.nonce) return 'nonce'
  if (parsed.data.ath !== createHash('sha256').update(expected.token).digest('base64url')) return 'ath'
  if (parsed.data.origin !== expected.origin) return 'origin'
  return null
}
