import type {
  EnrolmentAnswer,
  EnrolmentBody,
  VerifyEnrolmentAnswer,
  VerifyEnrolmentBody,
} from '../../src/contract/index.ts'
import type { DeviceKey } from './device-key.ts'
import { MooringError } from './errors.ts'
import { postUntil } from './http.ts'
import { LIMITS } from './limits.ts'
import { platform, type Ports } from './ports.ts'
import { enrolProof } from './proofs.ts'
import { hasShape } from './shape.ts'

/** Who this device is to the server. Store it beside the key. */
export type Identity = { user: string; device: string }

type Enrolment = ReturnType<(typeof EnrolmentAnswer)['parse']>

export type EnrolOptions = {
  /** Base of the REST interface, e.g. `https://pay.example/v1`. */
  bridge: string
  /** E.164, e.g. `+254700000001`. */
  phone: string
  deviceName: string
  key: DeviceKey
  /** Asks the person for the six digits of the SMS; called again, with `attempt` one up, after a wrong one. */
  readOtp: (asked: { phone: string; attempt: number }) => Promise<string>
  ports?: Partial<Ports>
}

/**
 * Binds this device's key to a phone number by a one-time password. Throws
 * MooringError: `otp_wrong` after the last try, `otp_expired`, `otp_exhausted`,
 * `rate_limited`, `temporarily_unavailable`, `connection_lost`. Where its
 * outcome is `unknown`, a password may be on its way that nothing can use any
 * more: each further call sends another, of the few that a number gets in an
 * hour, so ask the person first.
 */
export async function enrol(options: EnrolOptions): Promise<Identity & { restrictedUntil: string | null }> {
  const ports = platform(options.ports)
  const start: EnrolmentBody = {
    phone: options.phone,
    device: { name: options.deviceName, public_key: await options.key.publicJwk() },
  }
  const enrolment = await begin(ports, `${options.bridge}/enrolments`, start)
  const proof = await enrolProof(options.key, enrolment.id)
  for (let attempt = 1; ; attempt++) {
    const body: VerifyEnrolmentBody = { otp: await options.readOtp({ phone: options.phone, attempt }), proof }
    try {
      const url = `${options.bridge}/enrolments/${enrolment.id}/verify`
      const answer = await postUntil(ports, url, body, isVerified, 'idempotent')
      return { user: answer.user, device: answer.device, restrictedUntil: answer.restricted_until ?? null }
    } catch (error) {
      const again = error instanceof MooringError && error.code === 'otp_wrong' && attempt < LIMITS.otp_tries
      if (!again) throw error
    }
  }
}

/** Asks for a password. Each ask that the server takes sends one, so none is asked for again where that is not known. */
async function begin(ports: Ports, url: string, start: EnrolmentBody): Promise<Enrolment> {
  try {
    return await postUntil(ports, url, start, isEnrolment, 'refused')
  } catch (cause) {
    if (!(cause instanceof MooringError) || cause.outcome !== 'unknown') throw cause
    const { code, retryable, retryAfterMs, requestId, outcome } = cause
    const message = `${cause.message}; a password may have been sent, and asking again sends another`
    throw new MooringError(code, message, { retryable, retryAfterMs, requestId, outcome, cause })
  }
}

function isEnrolment(value: unknown): value is Enrolment {
  return hasShape(value, { id: 'string' })
}

function isVerified(value: unknown): value is ReturnType<(typeof VerifyEnrolmentAnswer)['parse']> {
  return hasShape(value, { user: 'string', device: 'string' })
}
