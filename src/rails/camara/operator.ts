import type { BearerTokens } from '../common/client-credentials.ts'
import type { Exchange, HttpReply, PooledHttp } from '../common/http-client.ts'
import type { RailOutcome, SendOptions } from '../port.ts'
import { parseJson } from './json.ts'
import { ErrorInfo } from './wire.ts'

/** One call of a CAMARA API: token, headers, and an answer that is JSON or nothing at all. */

export type Call = { method: 'GET' | 'POST'; path: string; body?: string }

export type Answer = {
  status: number
  /** Undefined for an empty body; numbers are `JsonNumber`. */
  json: unknown
  /** CAMARA's code of a refusal, where the body says the same status as the answer. */
  code: string | null
  /** `X-Total-Count` of a list. */
  totalCount: number | null
}

export type Came = { kind: 'answer'; answer: Answer } | Extract<RailOutcome, { kind: 'not_sent' | 'unknown' }>

export type Operator = {
  ask(call: Call, options: SendOptions): Promise<Came>
  close(): Promise<void>
}

export function makeOperator(http: PooledHttp, tokens: BearerTokens, correlator: () => string): Operator {
  const once = ({ method, path, body }: Call, token: string, options: SendOptions): Promise<Exchange> => {
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      'x-correlator': correlator(),
    }
    if (body !== undefined) headers['content-type'] = 'application/json'
    return http.exchange({ method, path, headers, body: body === undefined ? null : Buffer.from(body) }, options)
  }

  return {
    ask: async (call, options) => {
      const told = onceOnly(options)
      const token = await tokens.get(options.signal)
      if (token === null) return { kind: 'not_sent', why: 'no access token' }
      const first = await once(call, token, told)
      if (first.kind === 'not_sent') return first
      if (first.kind === 'unknown') return { ...first, alarm: false }
      if (first.reply.status !== 401) return readAnswer(first.reply)
      // Refused unread: the same body goes again, once, with a fresh token (connectors.md §2.3).
      tokens.drop(token)
      const fresh = await tokens.get(options.signal)
      const second = fresh === null ? null : await once(call, fresh, told)
      if (second?.kind !== 'reply')
        return { kind: 'unknown', why: `status 401, then ${second?.why ?? 'no access token'}`, alarm: false }
      if (second.reply.status === 401) return { kind: 'unknown', why: 'status 401 with a fresh token', alarm: true }
      return readAnswer(second.reply)
    },
    close: () => http.close(),
  }
}

/** The request's bytes may go twice after a 401; whoever waits for them hears it once. */
function onceOnly({ onSent, ...options }: SendOptions): SendOptions {
  if (onSent === undefined) return options
  let told = false
  return {
    ...options,
    onSent: () => {
      if (!told) onSent()
      told = true
    },
  }
}

function readAnswer({ status, headers, body }: HttpReply): Came {
  if (headers['content-encoding'] !== undefined) return unreadable(status, 'compressed')
  const answer: Answer = { status, json: undefined, code: null, totalCount: countOf(headers['x-total-count']) }
  if (body.length === 0) return { kind: 'answer', answer }
  if (!isJson(headers['content-type'])) return unreadable(status, 'not JSON')
  const json = parseJson(body.toString('utf8'))
  if (json === undefined) return unreadable(status, 'broken JSON')
  const refusal = ErrorInfo.safeParse(json)
  const matches = refusal.success && refusal.data.status.literal === String(status)
  return { kind: 'answer', answer: { ...answer, json, code: matches ? refusal.data.code : null } }
}

/** Gateways and dying servers say 5xx and 429 in their own words; anywhere else it is the operator that is broken. */
function unreadable(status: number, how: string): Came {
  return { kind: 'unknown', why: `status ${status}, ${how}`, alarm: !isBusy(status) }
}

/** Statuses that ask to come again later. */
export function isBusy(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429
}

function isJson(value: string | string[] | undefined): boolean {
  if (typeof value !== 'string') return false
  const [type = '', ...parameters] = value.toLowerCase().split(';')
  return type.trim() === 'application/json' && parameters.every((one) => /^\s*charset="?utf-8"?\s*$/.test(one))
}

function countOf(value: string | string[] | undefined): number | null {
  return typeof value === 'string' && /^(0|[1-9][0-9]{0,8})$/.test(value) ? Number(value) : null
}
