import { createHash } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import type { BearerTokens } from '../common/client-credentials.ts'
import type { Exchange, PooledHttp } from '../common/http-client.ts'
import type { RailOrder, SendOptions } from '../port.ts'
import { readError, readJsonReply } from './answer.ts'
import { isRequestDeclined } from './codes.ts'
import type { GsmaCredentials } from './credentials.ts'
import type { WireOrder } from './order.ts'

/** Calls of the API with all their headers. A refused token is refreshed once, and the same call made again. */
export type Api = {
  post(wire: WireOrder, order: RailOrder, options: SendOptions): Promise<Exchange>
  /** `path` below the API's root, with its query. */
  get(path: string, signal: AbortSignal): Promise<Exchange>
}

export type ApiConfig = {
  /** Path of the API's root: `/v1.2/mm`. */
  root: string
  /** Where the operator calls us, without query. */
  callbackUrl: string
  credentials: GsmaCredentials
  clock: Clock
  tokens: BearerTokens
  /** Orders and questions have connections of their own, so that orders that hang leave room to ask. */
  orders: PooledHttp
  questions: PooledHttp
}

export function makeApi({ root, callbackUrl, credentials, clock, tokens, orders, questions }: ApiConfig): Api {
  const common = (token: string): Record<string, string> => ({
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'accept-charset': 'utf-8',
    'x-date': new Date(clock.now()).toISOString(),
    'x-api-key': credentials.apiKey,
    'x-client-id': credentials.clientId,
  })

  /** With a token, and once more with a fresh one where it was refused. */
  const authorised = async (
    call: (token: string, options: SendOptions) => Promise<Exchange>,
    options: SendOptions,
  ): Promise<Exchange> => {
    const token = await tokens.get(options.signal)
    if (token === null) return { kind: 'not_sent', why: 'no access token' }
    const first = await call(token, options)
    if (!isRefusedToken(first)) return first
    tokens.drop(token)
    const fresh = await tokens.get(options.signal)
    if (fresh === null) return first
    const { signal, mayWrite } = options
    const second = await call(fresh, { signal, mayWrite })
    // The first did leave, so `not_sent` would not be true of the order.
    return second.kind === 'not_sent' ? first : second
  }

  return {
    post: ({ path, body }, order, options) => {
      const callback = new URL(callbackUrl)
      callback.searchParams.set('ref', order.reference)
      const headers = {
        'content-type': 'application/json',
        'x-correlationid': order.uetr,
        'x-callback-url': callback.href,
        'x-content-hash': createHash('sha256').update(body).digest('hex'),
      }
      return authorised(
        (token, once) =>
          orders.exchange({ method: 'POST', path: root + path, headers: { ...common(token), ...headers }, body }, once),
        options,
      )
    },
    get: (path, signal) =>
      authorised(
        (token, once) =>
          questions.exchange({ method: 'GET', path: root + path, headers: common(token), body: null }, once),
        { signal, mayWrite: () => true },
      ),
  }
}

/** 401 says that of the token, unless it says that the payer refused. */
function isRefusedToken(exchange: Exchange): boolean {
  if (exchange.kind !== 'reply' || exchange.reply.status !== 401) return false
  const error = readError(readJsonReply(exchange.reply)?.json)
  return error === null || !isRequestDeclined(error)
}
