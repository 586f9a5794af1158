import type { Registry } from 'prom-client'
import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import { INQUIRY_GAPS_MS } from '../../domain/attempt.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Log } from '../../observe/log.ts'
import { makeBearerTokens } from '../common/client-credentials.ts'
import { makePooledHttp, type Exchange } from '../common/http-client.ts'
import { callbacksTotal, callSeconds } from '../metrics.ts'
import type { Rail, RailHealthAnswer, RailOutcome, RailProfile } from '../port.ts'
import { readHeartbeat, readJsonReply } from './answer.ts'
import { makeApi } from './api.ts'
import { readCallback } from './callback.ts'
import { classifySent, strangeStatus, unknown } from './classify.ts'
import type { GsmaCredentials } from './credentials.ts'
import { inquire } from './inquiry.ts'
import { wireOrder, type Ours, type WireOrder } from './order.ts'

export type GsmaConfig = {
  /** The rail's id in journals, logs and metrics: `demo-money`. */
  id: string
  /** The API's root with version: `https://operator.example/v1.2/mm`. Plain http to this machine only. */
  baseUrl: string
  /** Path of the token endpoint on the same origin. */
  tokenPath?: string
  /** PEM of the only CA that is trusted; the machine's own where left out. */
  ca?: string
  /** Where the operator calls us, without query. */
  callbackUrl: string
  /** Our account at the operator. */
  accountId: string
  /**
   * [P] The operator's `/responses` knows a request from the moment it is taken, pending ones included. Where it does
   * not, "nothing there" is never believed.
   */
  linksPendingRequests?: boolean
  currencies?: CurrencyTable
  credentials: GsmaCredentials
  clock: Clock
  log: Log
  registry?: Registry
  /** Connections for orders, one each at a time. */
  connectionsMax?: number
  inquiriesPerSecond?: number
}

const DEADLINE_MS = 8_000
const CONNECTIONS_MAX = 64
/** Calls in flight for each connection: one that waits starts within the send window (3 s) while answers take 375 ms. */
const CALLS_PER_CONNECTION = 8
const QUESTION_CONNECTIONS_MAX = 16
const TOKEN_CONNECTIONS_MAX = 2
const INQUIRIES_PER_SECOND = 20
const REPLY_BYTES_MAX = 262_144
/** A request is taken or lost for good this long after our deadline. */
const SETTLES_AFTER_MS = 60_000

/** A mobile money operator by the GSMA Mobile Money API 1.2.0, asynchronous (connectors.md §3). */
export function makeGsmaRail(config: GsmaConfig): Rail {
  const { id, clock, credentials, connectionsMax = CONNECTIONS_MAX } = config
  const { origin, root } = rootOf(config.baseUrl)
  const ours: Ours = { accountId: config.accountId, currencies: config.currencies ?? CURRENCIES }
  const log = config.log.child({ rail: id })
  const seconds = config.registry === undefined ? null : callSeconds(config.registry)
  const callbacks = config.registry === undefined ? null : callbacksTotal(config.registry)
  const pool = (connections: number) =>
    makePooledHttp({
      origin,
      connectionsMax: connections,
      replyBytesMax: REPLY_BYTES_MAX,
      ...(config.ca === undefined ? {} : { tls: { ca: config.ca } }),
    })
  // Each sort has connections of its own: orders that hang leave room to ask, and questions that hang to sign in.
  const [orders, questions, signIns] = [
    pool(connectionsMax),
    pool(QUESTION_CONNECTIONS_MAX),
    pool(TOKEN_CONNECTIONS_MAX),
  ]
  const { clientId, clientSecret } = credentials
  const tokens = makeBearerTokens(signIns, { clientId, clientSecret, path: config.tokenPath ?? '/oauth2/token' }, clock)
  const { callbackUrl } = config
  const api = makeApi({ root, callbackUrl, credentials, clock, tokens, orders, questions })

  const profile: RailProfile = {
    firstStep: { collect: 'submit', payOut: 'submit', refund: 'submit' },
    manualCapture: false,
    deadlineMs: DEADLINE_MS,
    // It may have been lost on the way and executed never, but nothing keeps it from coming late.
    notFound: { submit: 'resend' },
    inquiryGapsMs: INQUIRY_GAPS_MS,
    inquiriesPerSecond: config.inquiriesPerSecond ?? INQUIRIES_PER_SECOND,
    callsMax: connectionsMax * CALLS_PER_CONNECTION,
  }
  const inquiry = {
    ours,
    origin,
    root,
    linksPendingRequests: config.linksPendingRequests ?? false,
    settleMs: profile.deadlineMs + SETTLES_AFTER_MS,
    nowMs: () => clock.now(),
  }

  /** Measures and notes a call; references are ours, what the operator said stays in the evidence. */
  async function noted<T extends { kind: string }>(call: string, reference: string, run: () => Promise<T>): Promise<T> {
    const startedAt = clock.monotonic()
    const result = await run()
    seconds?.observe({ rail: id, call, outcome: result.kind }, (clock.monotonic() - startedAt) / 1000)
    const needsLook = 'alarm' in result && result.alarm === true
    log[needsLook ? 'error' : 'debug']({ call, reference, outcome: result }, 'operator answered')
    return result
  }

  return {
    id,
    profile,

    send: (order, options) =>
      noted('send', order.reference, async () => {
        let wire: WireOrder
        try {
          wire = wireOrder(order, ours)
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          log.error({ reference: order.reference, why: error.message }, 'order cannot be written as a request')
          return { kind: 'not_sent', why: error.message }
        }
        const came = await api.post(wire, order, options)
        if (came.kind === 'not_sent') return came
        if (came.kind === 'unknown') return unknown(came.why, false)
        const reply = readJsonReply(came.reply)
        return reply === null ? unreadable(came) : classifySent(reply, order, ours)
      }),

    inquire: (order, signal) =>
      noted('inquire', order.reference, () => {
        const ask = async (path: string) => {
          const came = await api.get(path, signal)
          return came.kind === 'reply' ? readJsonReply(came.reply) : null
        }
        return inquire(order, ask, inquiry)
      }),

    readCallback: async (message, lookup) => {
      const verdict = await readCallback(message, lookup, { apiKeys: credentials.callbackApiKeys, nowMs: clock.now() })
      const status = verdict.ok ? 204 : verdict.status
      callbacks?.inc({ rail: id, verdict: verdict.ok ? 'read' : 'refused', status })
      if (!verdict.ok) log.warn({ status, why: verdict.why }, 'callback refused')
      return verdict
    },

    heartbeat: (signal) => noted('heartbeat', '', async () => healthOf(await api.get('/heartbeat', signal))),

    close: async () => {
      await Promise.all([orders.close(), questions.close(), signIns.close()])
    },
  }
}

/** Something came back, and nobody can say what. */
function unreadable({ reply: { status } }: Extract<Exchange, { kind: 'reply' }>): RailOutcome {
  return status >= 200 && status < 300
    ? unknown(`status ${status} with an unreadable body`, true)
    : strangeStatus(status, 'an order')
}

function healthOf(came: Exchange): RailHealthAnswer {
  if (came.kind !== 'reply') return { kind: 'unavailable', why: came.why }
  const heartbeat = came.reply.status === 200 ? readHeartbeat(readJsonReply(came.reply)?.json) : null
  if (heartbeat === null) return { kind: 'unavailable', why: `status ${came.reply.status}` }
  const { serviceStatus, delay } = heartbeat
  if (serviceStatus === 'available') return { kind: 'available', why: null }
  return { kind: serviceStatus, why: delay === undefined ? serviceStatus : `${serviceStatus}, ${delay} ms` }
}

function rootOf(baseUrl: string): { origin: string; root: string } {
  const url = URL.parse(baseUrl)
  const isLocal = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)
  if (url === null || !isSafe || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error('the operator’s address must be https://host[:port]/…/mm; tokens are not sent in the clear')
  }
  return { origin: url.origin, root: url.pathname.replace(/\/$/, '') }
}
