import { Pool } from 'undici'
import type { AccessTokens } from './access-token.ts'
import { readAnswer, type OperatorAnswer } from './answer.ts'

/**
 * JSON over HTTP to a CAMARA operator: bearer token, `x-correlator`, bounded
 * answers, no redirects and no retry but the one a 401 asks for.
 */

export type OperatorClient = {
  /** Null where no answer came, or none that could be read. */
  post(path: string, body: object, signal: AbortSignal): Promise<OperatorAnswer | null>
  close(): Promise<void>
}

const ANSWER_BYTES_MAX = 64 * 1024
const CONNECTIONS_MAX = 16
const ANSWER_TIMEOUT_MS = 10_000

export function makePool(origin: string): Pool {
  return new Pool(origin, {
    connections: CONNECTIONS_MAX,
    pipelining: 1,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
    maxResponseSize: ANSWER_BYTES_MAX,
  })
}

export function makeOperatorClient(pool: Pool, tokens: AccessTokens, correlator: () => string): OperatorClient {
  const once = async (
    path: string,
    body: string,
    token: string,
    signal: AbortSignal,
  ): Promise<OperatorAnswer | null> => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'x-correlator': correlator(),
    }
    return readAnswer(() => pool.request({ method: 'POST', path, headers, body, signal }))
  }
  return {
    post: async (path, content, signal) => {
      const body = JSON.stringify(content)
      const token = await tokens.get(signal)
      if (token === null) return null
      const answer = await once(path, body, token, signal)
      if (answer?.status !== 401) return answer
      // Refused unread: the same body goes again, once, with a fresh token.
      tokens.drop(token)
      const fresh = await tokens.get(signal)
      return fresh === null ? answer : once(path, body, fresh, signal)
    },
    close: () => pool.close(),
  }
}
