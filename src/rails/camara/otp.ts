import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { readKeyFile } from '../../config/env.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Log } from '../../observe/log.ts'
import { makeBearerTokens, type ClientCredentials } from '../common/client-credentials.ts'
import type { OtpSender } from '../port.ts'
import { makeOperatorClient, makeOperatorHttp, TOKEN_PATH, type OperatorAnswer } from './client.ts'

/** One-time passwords by CAMARA OTPValidation r3.2 (one-time-password-sms 1.1.1). */
export type CamaraOtpConfig = {
  /** The operator's API root: `http://127.0.0.1:7502`. */
  baseUrl: string
  credentials: ClientCredentials
  clock: Clock
  log: Log
  /** ≤ 160 characters with the label `{{code}}`. */
  message?: string
  /** Source of x-correlator values. */
  correlator?: () => string
}

export type CamaraOtpSender = OtpSender & { close(): Promise<void> }

const BASE = '/one-time-password-sms/v1'
const SCOPE = 'one-time-password-sms:send-validate'
const MESSAGE = '{{code}} is your Mooring code. Nobody from Mooring will ever ask you for it.'

const Credentials = z.object({ client_id: z.string().min(1), client_secret: z.string().min(1) })
const Sent = z.object({ authenticationId: z.string().min(1).max(36) })

const VERDICTS = new Map<string, 'wrong' | 'expired' | 'exhausted'>([
  ['ONE_TIME_PASSWORD_SMS.INVALID_OTP', 'wrong'],
  ['ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED', 'expired'],
  ['ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED', 'exhausted'],
])

/** Reads `camara.json` of a process's key directory. */
export function readCamaraCredentials(dir: string): ClientCredentials {
  const text = readKeyFile(dir, 'camara.json')
  try {
    const { client_id, client_secret } = Credentials.parse(JSON.parse(text))
    return { clientId: client_id, clientSecret: client_secret }
  } catch {
    throw new Error(
      'key file camara.json is not {"client_id", "client_secret"}; the operator connector does not start without it',
    )
  }
}

export function makeCamaraOtpSender(config: CamaraOtpConfig): CamaraOtpSender {
  const message = config.message ?? MESSAGE
  if (message.length > 160 || !message.includes('{{code}}')) {
    throw new Error('the text of an SMS has at most 160 characters and the label {{code}}')
  }
  const root = new URL(config.baseUrl)
  const base = `${root.pathname.replace(/\/$/, '')}${BASE}`
  const http = makeOperatorHttp(root.origin)
  const tokens = makeBearerTokens(http, { ...config.credentials, path: TOKEN_PATH, scope: SCOPE }, config.clock)
  const operator = makeOperatorClient(http, tokens, config.correlator ?? randomUUID)

  const unavailable = (call: string, answer: OperatorAnswer | null) => {
    const why =
      answer === null ? 'no answer' : `status ${answer.status}${answer.code === null ? '' : ` ${answer.code}`}`
    config.log.warn({ call, why }, 'operator does not serve one-time passwords')
    return { kind: 'unavailable', why } as const
  }

  return {
    send: async (phone, signal) => {
      const answer = await operator.post(`${base}/send-code`, { phoneNumber: phone, message }, signal)
      const sent = answer?.status === 200 ? Sent.safeParse(answer.json) : null
      return sent?.success === true ? { kind: 'sent', ...sent.data } : unavailable('send-code', answer)
    },

    check: async (authenticationId, otp, signal) => {
      const validate = () => operator.post(`${base}/validate-code`, { authenticationId, code: otp }, signal)
      const first = await validate()
      if (first !== null || signal.aborted) return verdictOf(first) ?? unavailable('validate-code', first)
      // The lost answer may have been "right", which uses the code up: any refusal now means "send a new code".
      const second = await validate()
      if (second?.status === 400 || second?.status === 404) return { kind: 'expired' }
      return verdictOf(second) ?? unavailable('validate-code', second)
    },

    close: () => operator.close(),
  }
}

function verdictOf(answer: OperatorAnswer | null): { kind: 'right' | 'wrong' | 'expired' | 'exhausted' } | null {
  if (answer?.status === 204) return { kind: 'right' }
  const verdict = answer?.status === 400 && answer.code !== null ? VERDICTS.get(answer.code) : undefined
  return verdict === undefined ? null : { kind: verdict }
}
