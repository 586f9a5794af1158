import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { calculateJwkThumbprint } from 'jose'
import type { Sql } from './sql.ts'
import { z } from 'zod'
import { type HubReply, invalidRequest, okReply, refusalReply } from '../bus/index.ts'
import {
  type EnrolmentAnswer,
  type DevicePublicKey,
  EnrolmentBody,
  EnrolmentId,
  EnrolProofClaims,
  PROOF_TYP,
  type VerifyEnrolmentAnswer,
  VerifyEnrolmentBody,
} from '../contract/index.ts'
import { capAddress, networkOf } from '../domain/address.ts'
import { timestamp } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import { Lanes } from '../domain/lanes.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { assertNever } from '../domain/result.ts'
import type { Log } from '../observe/log.ts'
import type { OtpSender, SimSwap } from '../rails/port.ts'
import {
  beginEnrolment,
  beginTry,
  endTry,
  readEnrolment,
  recordNotSent,
  recordSent,
  type Enrolment,
} from './enrolment-store.ts'
import type { Handler } from './handler.ts'
import { importDeviceKey } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'
import { verifyProof } from './proof.ts'
import { readUsed, signUp, type SignedUp } from './sign-up.ts'
import { simChangedAt } from './tiers.ts'

export type EnrolmentDeps = {
  sql: Sql
  ids: Ids
  otp: OtpSender
  simSwap: SimSwap
  /** Tells the relay that a commit left events in the outbox. */
  wakeRelay: () => void
  pepper: Uint8Array
  caps: 'on' | 'off'
  log: Log
}

/**
 * `POST /enrolments`: has the operator send a one-time password. Users are not
 * looked up here, so known and unknown numbers are answered alike. The caps
 * count before the operator is asked.
 */
export function identityEnrol(deps: EnrolmentDeps): Handler {
  const lanes = new Lanes({
    lanes: IDENTITY_LIMITS.enrolment_lanes,
    owners: IDENTITY_LIMITS.enrolments_waiting,
    behindOne: IDENTITY_LIMITS.enrolments_waiting_of_prefix,
    behindAll: IDENTITY_LIMITS.enrolments_waiting_behind,
  })
  return async (request) => {
    const refused = (refusal: Refusal) => refusalReply(refusal, request.requestId)
    const body = EnrolmentBody.safeParse(request.body)
    if (!body.success) return refused(invalidRequest(body.error))
    const { phone, device } = body.data
    const { kty, crv, x, y } = device.public_key
    const publicKey = { kty, crv, x, y }
    if (!(await isOnCurve(publicKey))) {
      return refused(refuse('invalid_request', 'This is no point on P-256.', { param: 'device.public_key' }))
    }
    const id = deps.ids.make('enr')
    const from = request.address ?? 'unknown'
    const counted = capAddress(from, deps.caps)
    const begun = await beginEnrolment(deps.sql, lanes, {
      id,
      phone,
      address: counted === null ? null : { address: counted, prefix: networkOf(from) },
      deviceName: device.name,
      publicKey,
      jkt: await calculateJwkThumbprint(publicKey, 'sha256'),
    })
    if (!begun.ok) {
      deps.log.warn({ cap: begun.cap, requestId: request.requestId }, 'enrolment over a cap')
      const message = 'Too many passwords were asked for; wait before asking for another.'
      return refused(refuse('rate_limited', message, { retryAfterMs: begun.retryAfterMs }))
    }
    const sent = await deps.otp.send(phone, AbortSignal.timeout(IDENTITY_LIMITS.operator_deadline_ms))
    if (sent.kind === 'unavailable') {
      await recordNotSent(deps.sql, id)
      deps.log.warn({ why: sent.why, requestId: request.requestId }, 'operator sent no password')
      return refused(refuse('temporarily_unavailable', 'The operator does not send passwords now; try again.'))
    }
    await recordSent(deps.sql, id, sent.authenticationId)
    const answer: EnrolmentAnswer = { id, expires_at: timestamp(begun.expiresAtMs) }
    return okReply(answer)
  }
}

const VerifyBody = VerifyEnrolmentBody.extend({ enrolment: z.string() })

/**
 * `POST /enrolments/{id}/verify`: the password proves the number, the proof
 * proves the key the enrolment began with. Idempotent by enrolment: the same
 * password again, by the same key, gets the device the first made. The proof
 * is checked first, so that only the key's holder can spend tries.
 */
export function identityVerify(deps: EnrolmentDeps): Handler {
  return async (request): Promise<HubReply> => {
    const refused = (refusal: Refusal) => refusalReply(refusal, request.requestId)
    const body = VerifyBody.safeParse(request.body)
    if (!body.success) return refused(invalidRequest(body.error))
    const { enrolment: id, otp } = body.data
    const enrolment = EnrolmentId.safeParse(id).success ? await readEnrolment(deps.sql, id) : null
    if (enrolment === null) return refused(refuse('not_found', 'There is no such enrolment; begin a new one.'))
    if (!(await isProven(enrolment, body.data.proof))) {
      return refused(refuse('unauthenticated', 'The proof is not by the key of this enrolment.', { param: 'proof' }))
    }
    const otpHash = createHmac('sha256', deps.pepper).update(`mooring:otp\0${id}\0${otp}`).digest()
    const begun = await beginTry(deps.sql, id, otpHash)
    switch (begun.kind) {
      case 'begun':
        break
      case 'used':
        return begun.sameOtp ? answer(await readUsed(deps.sql, id)) : refused(otpRefusal('expired'))
      case 'in_flight':
        return refused(refuse('in_flight', 'This enrolment is being verified; ask again in a moment.'))
      case 'expired':
      case 'exhausted':
        return refused(otpRefusal(begun.kind))
      default:
        return assertNever(begun)
    }
    const signal = AbortSignal.timeout(IDENTITY_LIMITS.operator_deadline_ms)
    const judged = await deps.otp.check(begun.authenticationId, otp, signal)
    switch (judged.kind) {
      case 'right':
        return answer(await signUpSurely(deps, enrolment, otpHash))
      case 'wrong':
      case 'expired':
        await endTry(deps.sql, id, 'judged')
        return refused(otpRefusal(judged.kind))
      case 'exhausted':
        await endTry(deps.sql, id, 'exhausted')
        // The operator may count as we do and say so with the last try, which was then a wrong one like those before.
        return refused(otpRefusal(begun.last ? 'wrong' : 'exhausted'))
      case 'unavailable':
        await endTry(deps.sql, id, 'not_judged')
        deps.log.warn({ why: judged.why, requestId: request.requestId }, 'operator judged no password')
        return refused(refuse('temporarily_unavailable', 'The operator does not answer now; try again.'))
      default:
        return assertNever(judged)
    }

    function answer(made: SignedUp): HubReply {
      if (made.kind === 'revoked') {
        return refused(refuse('forbidden', 'This key belongs to a revoked device; make a new one.'))
      }
      const { user, device, restrictedUntilMs } = made
      const view: VerifyEnrolmentAnswer = {
        user,
        device,
        ...(restrictedUntilMs === null ? {} : { restricted_until: timestamp(restrictedUntilMs) }),
      }
      return okReply(view)
    }
  }
}

/**
 * The operator takes a password once, so a right answer must not be lost to a
 * connection that broke: the commit is tried again, and finds what is there.
 */
async function signUpSurely(deps: EnrolmentDeps, enrolment: Enrolment, otpHash: Buffer): Promise<SignedUp> {
  // Limits that nobody lowers need no date.
  const simChangedAtMs = enrolment.address === null ? null : await simChangedAt(deps.simSwap, enrolment.phone)
  for (let tries = 1; ; tries++) {
    try {
      const made = await signUp(deps, enrolment, { otpHash, simChangedAtMs })
      deps.wakeRelay()
      return made
    } catch (cause) {
      if (tries >= IDENTITY_LIMITS.enrol_commit_tries) throw cause
      deps.log.warn({ err: cause, tries }, 'sign-up did not commit; trying again')
      await delay(IDENTITY_LIMITS.enrol_commit_gap_ms * tries)
    }
  }
}

async function isProven(enrolment: Enrolment, proof: string): Promise<boolean> {
  const publicKey = await importDeviceKey(enrolment.publicKey)
  const verified = await verifyProof(proof, { typ: PROOF_TYP.proof, publicKey })
  if (!verified.ok) return false
  const claims = EnrolProofClaims.safeParse(verified.value)
  return claims.success && claims.data.enrolment === enrolment.id
}

async function isOnCurve(jwk: DevicePublicKey): Promise<boolean> {
  return importDeviceKey(jwk).then(
    () => true,
    () => false,
  )
}

function otpRefusal(kind: 'wrong' | 'expired' | 'exhausted'): Refusal {
  switch (kind) {
    case 'wrong':
      return refuse('otp_wrong', 'The password is wrong; enter the one from the last message.', { param: 'otp' })
    case 'expired':
      return refuse('otp_expired', 'The password is past its time or used; ask for a new one.', { param: 'otp' })
    case 'exhausted':
      return refuse('otp_exhausted', 'Too many wrong passwords; ask for a new one.', { param: 'otp' })
    default:
      return assertNever(kind)
  }
}
