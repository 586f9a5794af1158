import type { BearerTokens } from '../common/client-credentials.ts'
import { makePooledHttp, type HttpReply, type PooledHttp } from '../common/http-client.ts'

/**
 * JSON over HTTP to a CAMARA operator for calls that move no money: bearer token,
 * `x-correlator`, and no retry but the one a 401 asks for.
 */

export type OperatorAnswer = {
  status: number
  /** CAMARA error code of a refusal. */
  code: string | null
  json: unknown
}

export type OperatorClient = {
  /** Null where no answer came, or none that could be read. */
  post(path: string, body: object, signal: AbortSignal): Promise<OperatorAnswer | null>
  close(): Promise<void>
}

/** Where an operator hands out tokens, below its origin. */
export const TOKEN_PATH = '/oauth2/token'

const REPLY_BYTES_MAX = 64 * 1024
const CONNECTIONS_MAX = 16

export function makeOperatorHttp(origin: string): PooledHttp {
  return makePooledHttp({ origin, connectionsMax: CONNECTIONS_MAX, replyBytesMax: REPLY_BYTES_MAX })
}

export function makeOperatorClient(http: PooledHttp, tokens: BearerTokens, correlator: () => string): OperatorClient {
  const once = async (
    path: string,
    body: Buffer,
    token: string,
    signal: AbortSignal,
  ): Promise<OperatorAnswer | null> => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'x-correlator': correlator(),
    }
    const came = await http.exchange({ method: 'POST', path, headers, body }, { signal, mayWrite: () => true })
    return came.kind === 'reply' ? readAnswer(came.reply) : null
  }
  return {
    post: async (path, content, signal) => {
      const body = Buffer.from(JSON.stringify(content))
      const token = await tokens.get(signal)
      if (token === null) return null
      const answer = await once(path, body, token, signal)
      if (answer?.status !== 401) return answer
      // Refused unread: the same body goes again, once, with a fresh token.
      tokens.drop(token)
      const fresh = await tokens.get(signal)
      return fresh === null ? answer : once(path, body, fresh, signal)
    },
    close: () => http.close(),
  }
}

function readAnswer({ status, body }: HttpReply): OperatorAnswer {
  const json = readJson(body)
  const code: unknown = typeof json === 'object' && json !== null ? Reflect.get(json, 'code') : null
  return { status, code: typeof code === 'string' ? code : null, json }
}

/** Null for a body that is no JSON: a 204 has none, and a gateway its own words. */
function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return null
  }
}
