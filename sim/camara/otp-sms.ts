import { z } from 'zod'
import type { Passwords } from './passwords.ts'

/** CAMARA one-time-password-sms 1.1.1: the two calls, with the error codes of its OpenAPI document. */

export const BASE = '/one-time-password-sms/v1'
export const SCOPE = 'one-time-password-sms:send-validate'

export type ApiReply = { status: number; body: object | null }

const SendCode = z.strictObject({
  phoneNumber: z.string().regex(/^\+[1-9][0-9]{4,14}$/),
  message: z
    .string()
    .max(160)
    .regex(/\{\{code\}\}/),
})
const ValidateCode = z.strictObject({ authenticationId: z.string().max(36), code: z.string().max(10) })

export function apiError(status: number, code: string, message: string): ApiReply {
  return { status, body: { status, code, message } }
}

const invalid = () =>
  apiError(400, 'INVALID_ARGUMENT', 'Client specified an invalid argument, request body or query param.')

export async function sendCode(passwords: Passwords, body: unknown): Promise<ApiReply> {
  const asked = SendCode.safeParse(body)
  if (!asked.success) return invalid()
  const authenticationId = await passwords.send(asked.data.phoneNumber, asked.data.message)
  if (authenticationId !== null) return { status: 200, body: { authenticationId } }
  const message = 'Too many OTPs have been requested for this MSISDN. Try later.'
  return apiError(403, 'ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED', message)
}

export async function validateCode(passwords: Passwords, body: unknown): Promise<ApiReply> {
  const asked = ValidateCode.safeParse(body)
  if (!asked.success) return invalid()
  const verdict = await passwords.validate(asked.data.authenticationId, asked.data.code)
  switch (verdict) {
    case 'right':
      return { status: 204, body: null }
    case 'wrong':
      return refusal('INVALID_OTP', 'The provided OTP is not valid for this authenticationId')
    case 'expired':
      return refusal('VERIFICATION_EXPIRED', 'The authenticationId is no longer valid')
    case 'exhausted':
      return refusal(
        'VERIFICATION_FAILED',
        'The maximum number of attempts for this authenticationId was exceeded without providing a valid OTP',
      )
    default:
      return apiError(404, 'NOT_FOUND', 'The specified resource is not found.')
  }
}

const refusal = (code: string, message: string) => apiError(400, `ONE_TIME_PASSWORD_SMS.${code}`, message)
