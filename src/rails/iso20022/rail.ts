import { randomBytes } from 'node:crypto'
import type { Registry } from 'prom-client'
import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import { INQUIRY_GAPS_MS } from '../../domain/attempt.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Log } from '../../observe/log.ts'
import { makePooledHttp, type HttpReply, type PooledHttp } from '../common/http-client.ts'
import { callbacksTotal, callSeconds } from '../metrics.ts'
import type {
  BankRail,
  MandateAnswer,
  RailHealthAnswer,
  RailOrder,
  RailOutcome,
  RailProfile,
  SendOptions,
} from '../port.ts'
import { readCallback } from './callback.ts'
import { classify, unknown } from './classify.ts'
import { HEARTBEAT_PATH, readHeartbeat } from './heartbeat.ts'
import type { Iso20022Keys } from './keys.ts'
import { MANDATE_PATH, mandateBody, readMandateAnswer } from './mandate.ts'
import { inquiryMessage, paymentMessage, type PlatformAccount } from './messages.ts'
import { makeNonces } from './nonces.ts'
import { signRequest, verifyResponse } from './signature.ts'
import { readStatusReport } from './status-report.ts'
import { XML_BYTES_MAX } from './xml.ts'

export type Iso20022Config = {
  /** The rail's id in journals, logs and metrics: `demo-bank`. */
  id: string
  /** `https://bank.example`; a path is not part of the profile. */
  baseUrl: string
  /** Where the bank calls us, without query; callbacks signed for elsewhere are refused. */
  callbackUrl?: string
  platform: PlatformAccount
  /** The deployment's; those the code knows by default. */
  currencies?: CurrencyTable
  keys: Iso20022Keys
  clock: Clock
  log: Log
  registry?: Registry
  /** Connections for calls that move money, one request each at a time. */
  connectionsMax?: number
  inquiriesPerSecond?: number
  /** Source of nonces and inquiry ids; Node's by default. */
  random?: (bytes: number) => Uint8Array
}

const MESSAGE_PATH = '/iso20022/messages'
/** Of the profile (connectors.md §1.1). */
const TLS_VERSION = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const
const CONNECTIONS_MAX = 64
/** Of their own, so that questions get through while every other connection waits for an answer. */
const INQUIRY_CONNECTIONS_MAX = 16
/** Of their own too: any user may ask for one, and a bank may be slow with them. */
const MANDATE_CONNECTIONS_MAX = 8
/**
 * A call that must wait for a connection starts within the send window (3 s) as
 * long as the bank answers in 375 ms on average: eight calls a connection.
 */
const CALLS_PER_CONNECTION = 8
const DEADLINE_MS = 8_000
const INQUIRIES_PER_SECOND = 20
const XML_TYPE = 'application/xml'
const JSON_TYPE = 'application/json'
const ALWAYS = () => true

type Call = 'send' | 'inquire' | 'mandate' | 'heartbeat'

/** What is asked of the bank; without content it is a GET. */
type Ask = { path: string; content: { type: string; body: Buffer } | null }

/** What came back, once it is known to be the bank's answer to this question. */
type Authentic = { kind: 'authentic'; answer: HttpReply } | Extract<RailOutcome, { kind: 'not_sent' | 'unknown' }>

/** A bank behind the ISO 20022 instant profile of connectors.md §1: mutual TLS, signed both ways. */
export function makeIso20022Rail(config: Iso20022Config): BankRail {
  const { clock, id, keys, platform, currencies = CURRENCIES } = config
  const origin = originOf(config.baseUrl)
  const log = config.log.child({ rail: id })
  const random = config.random ?? randomBytes
  const nonces = makeNonces()
  const seconds = config.registry === undefined ? null : callSeconds(config.registry)
  const callbacks = config.registry === undefined ? null : callbacksTotal(config.registry)
  const connectionsMax = config.connectionsMax ?? CONNECTIONS_MAX
  const tls = { ca: keys.ca, cert: keys.clientCertificate, key: keys.clientKey, ...TLS_VERSION }
  const client = (connections: number): PooledHttp =>
    makePooledHttp({ origin, tls, connectionsMax: connections, replyBytesMax: XML_BYTES_MAX })
  const calls = client(connectionsMax)
  const questions = client(Math.min(INQUIRY_CONNECTIONS_MAX, connectionsMax))
  const mandates = client(Math.min(MANDATE_CONNECTIONS_MAX, connectionsMax))
  const profile: RailProfile = {
    firstStep: { collect: 'submit', payOut: 'submit', refund: 'submit' },
    manualCapture: false,
    deadlineMs: DEADLINE_MS,
    // A bank that says "never received" refuses the reference from then on (connectors.md §1.3).
    notFound: { submit: 'final' },
    inquiryGapsMs: INQUIRY_GAPS_MS,
    inquiriesPerSecond: config.inquiriesPerSecond ?? INQUIRIES_PER_SECOND,
    callsMax: connectionsMax * CALLS_PER_CONNECTION,
  }

  async function ask(http: PooledHttp, { path, content }: Ask, options: SendOptions): Promise<Authentic> {
    const nonce = Buffer.from(random(18)).toString('base64url')
    const method = content === null ? 'GET' : 'POST'
    const request = signRequest({ method, targetUri: origin + path, content }, keys.sign, clock.now(), nonce)
    const body = content?.body ?? null
    const exchanged = await http.exchange({ method, path, headers: request.headers, body }, options)
    if (exchanged.kind === 'not_sent') return exchanged
    if (exchanged.kind === 'unknown') return { ...exchanged, alarm: false }
    const { reply: answer } = exchanged
    if (answer.headers['content-encoding'] !== undefined)
      return { kind: 'unknown', why: 'compressed answer', alarm: true }
    const verified = verifyResponse(answer, request, keys.verify, clock.now())
    if (!verified.ok) {
      // Proxies and dying servers answer 5xx and 429 unsigned; anywhere else it is a forgery or a broken bank.
      const expected = answer.status >= 500 || answer.status === 429
      return { kind: 'unknown', why: `status ${answer.status}: ${verified.error}`, alarm: !expected }
    }
    if (mediaTypeOf(answer) !== (content?.type ?? JSON_TYPE))
      return { kind: 'unknown', why: 'answer of another content type', alarm: true }
    return { kind: 'authentic', answer }
  }

  function outcomeOf(came: Authentic, via: 'answer' | 'inquiry', order: RailOrder): RailOutcome {
    if (came.kind !== 'authentic') return came
    const report = readStatusReport(came.answer.body)
    if (!report.ok) return unknown(`status ${came.answer.status}: ${report.error}`, true)
    return classify({ via, httpStatus: came.answer.status, report: report.value }, order, currencies)
  }

  /** Measures and notes a call; references are ours, what the bank said stays in the evidence. */
  async function noted<T extends { kind: string }>(call: Call, reference: string, run: () => Promise<T>): Promise<T> {
    const startedAt = clock.monotonic()
    const result = await run()
    seconds?.observe({ rail: id, call, outcome: result.kind }, (clock.monotonic() - startedAt) / 1000)
    const alarm = 'alarm' in result && result.alarm === true
    if (alarm) log.error({ call, reference, outcome: result }, 'bank answer needs a look')
    else log.debug({ call, reference, outcome: result }, 'bank answered')
    return result
  }

  return {
    id,
    profile,

    send: (order, options) =>
      noted('send', order.reference, async () => {
        let body: Buffer
        try {
          body = paymentMessage(order, platform, currencies)
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          log.error({ reference: order.reference, why: error.message }, 'order cannot be written as a message')
          return { kind: 'not_sent', why: error.message }
        }
        return outcomeOf(
          await ask(calls, { path: MESSAGE_PATH, content: { type: XML_TYPE, body } }, options),
          'answer',
          order,
        )
      }),

    inquire: (order, signal) =>
      noted('inquire', order.reference, async () => {
        const body = inquiryMessage(order, `Q${Buffer.from(random(16)).toString('hex')}`, clock.now())
        const question = { path: MESSAGE_PATH, content: { type: XML_TYPE, body } }
        const came = await ask(questions, question, { signal, mayWrite: ALWAYS })
        // That the question did not leave says nothing about the payment.
        if (came.kind === 'not_sent') return unknown(`inquiry not sent: ${came.why}`, false)
        return outcomeOf(came, 'inquiry', order)
      }),

    readCallback: async (message, orders) => {
      const callbackUrl = config.callbackUrl ?? null
      const verdict = await readCallback(message, orders, {
        keys: keys.verify,
        nonces,
        callbackUrl,
        nowMs: clock.now(),
        currencies,
      })
      callbacks?.inc({ rail: id, verdict: verdict.ok ? 'read' : 'refused', status: verdict.ok ? 204 : verdict.status })
      if (!verdict.ok) log.warn({ status: verdict.status, why: verdict.why }, 'callback refused')
      return verdict
    },

    linkMandate: (request, signal) =>
      noted('mandate', request.reference, async (): Promise<MandateAnswer> => {
        const content = { type: JSON_TYPE, body: mandateBody(request) }
        const came = await ask(mandates, { path: MANDATE_PATH, content }, { signal, mayWrite: ALWAYS })
        if (came.kind !== 'authentic') return { kind: 'unavailable', why: came.why }
        return readMandateAnswer(came.answer)
      }),

    heartbeat: (signal) =>
      noted('heartbeat', '', async (): Promise<RailHealthAnswer> => {
        const came = await ask(questions, { path: HEARTBEAT_PATH, content: null }, { signal, mayWrite: ALWAYS })
        return came.kind === 'authentic' ? readHeartbeat(came.answer) : { kind: 'unavailable', why: came.why }
      }),

    close: async () => {
      await Promise.all([calls.close(), questions.close(), mandates.close()])
    },
  }
}

function originOf(baseUrl: string): string {
  const url = URL.parse(baseUrl)
  if (url === null || url.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new Error('the bank’s address must be https://host[:port]; the connector speaks mutual TLS only')
  }
  return url.origin
}

/** `application/xml` of `application/xml; charset=utf-8`. */
function mediaTypeOf(answer: HttpReply): string {
  const value = answer.headers['content-type']
  if (typeof value !== 'string') return ''
  const [type = '', ...parameters] = value.toLowerCase().split(';')
  const plain = parameters.every((parameter) => /^\s*charset="?utf-8"?\s*$/.test(parameter))
  return plain ? type.trim() : ''
}
