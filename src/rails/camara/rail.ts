import { createSecretKey, randomUUID } from 'node:crypto'
import type { Registry } from 'prom-client'
import type { CurrencyTable } from '../../contract/names.ts'
import { INQUIRY_GAPS_MS, SEND_WINDOW_MS, type RailStep } from '../../domain/attempt.ts'
import type { Clock } from '../../domain/clock.ts'
import { timestamp } from '../../domain/clock.ts'
import { assertNever } from '../../domain/result.ts'
import type { Log } from '../../observe/log.ts'
import { makeBearerTokens, type ClientCredentials } from '../common/client-credentials.ts'
import { makePooledHttp } from '../common/http-client.ts'
import { callbacksTotal, callSeconds } from '../metrics.ts'
import type { Evidence, Rail, RailOrder, RailOutcome, RailProfile } from '../port.ts'
import { paymentOutcome, unknown } from './classify.ts'
import { makeOperatorHttp, TOKEN_PATH } from './client.ts'
import { paymentBody, phoneBody, refundBody, validationBody } from './messages.ts'
import { readNotification, sinkOf } from './notification.ts'
import { makeOperator, type Answer, type Call, type Operator } from './operator.ts'
import { refusalOf, type MoneyCall } from './refusals.ts'
import { makeViews, PAYMENTS_PATH, refundsPath, soughtOf, type Get } from './views.ts'
import { Payment, Refund } from './wire.ts'

export type CamaraRailConfig = {
  /** The rail's id in journals, logs and metrics: `demo-mobile`. */
  id: string
  /** The operator's API root: `https://api.operator.example`. */
  baseUrl: string
  /** `two_step` reserves first and confirms later; an unknown reservation moves no money. */
  mode: 'one_step' | 'two_step'
  credentials: ClientCredentials
  /** Where the operator posts notifications, and the key of the tokens that let them in; without it none are asked for. */
  callback?: { url: string; key: Uint8Array }
  /** The operator's contract says that a repeated clientCorrelator never charges twice (connectors.md §0). */
  resendSafe?: boolean
  /** The deployment's; those the code knows by default. */
  currencies?: CurrencyTable
  clock: Clock
  log: Log
  registry?: Registry
  /** Connections for orders, one request each at a time. */
  connectionsMax?: number
  inquiriesPerSecond?: number
  callsMax?: number
  /** Source of x-correlator values. */
  correlator?: () => string
}

const SCOPES = [
  'carrier-billing:payments:create',
  'carrier-billing:payments:write',
  'carrier-billing:payments:read',
  'carrier-billing-refund:refunds:create',
  'carrier-billing-refund:refunds:read',
].join(' ')

const CONNECTIONS_MAX = 64
const QUESTION_CONNECTIONS_MAX = 16
/** A page of payments is the longest answer. */
const REPLY_BYTES_MAX = 1024 * 1024
const INQUIRIES_PER_SECOND = 50
const CALLS_MAX = 500
/** The time an answer is awaited. */
const DEADLINE_MS = 8_000
/** A list may lag behind the operator's book; sooner than this after our deadline its silence says nothing. */
const LIST_LAG_MS = 60_000
const SLOW_MS = 2_000
/** The list that a heartbeat asks for: short, and not empty of meaning where the clocks differ. */
const HEARTBEAT_WINDOW_MS = 60_000
const ALWAYS = () => true

/** What each call is answered where it was done. */
const DONE: Readonly<Record<MoneyCall, number>> = {
  create: 201,
  prepare: 201,
  refund: 201,
  validate: 204,
  confirm: 202,
  cancel: 202,
}

/** A mobile operator behind CAMARA Carrier Billing 0.5.0 and Refund 0.3.0 (connectors.md §2). */
export function makeCamaraRail(config: CamaraRailConfig): Rail {
  const { clock, id, currencies } = config
  const { origin, pathname } = new URL(config.baseUrl)
  const root = pathname.replace(/\/$/, '')
  const log = config.log.child({ rail: id })
  const seconds = config.registry === undefined ? null : callSeconds(config.registry)
  const callbacks = config.registry === undefined ? null : callbacksTotal(config.registry)
  const signIns = makeOperatorHttp(origin)
  const tokens = makeBearerTokens(signIns, { ...config.credentials, path: TOKEN_PATH, scope: SCOPES }, clock)
  const connectionsMax = config.connectionsMax ?? CONNECTIONS_MAX
  const client = (connections: number): Operator => {
    const http = makePooledHttp({ origin, connectionsMax: connections, replyBytesMax: REPLY_BYTES_MAX })
    return makeOperator(http, tokens, config.correlator ?? randomUUID)
  }
  // Questions have connections of their own: orders that hang leave room to ask what became of them.
  const orders = client(connectionsMax)
  const questions = client(Math.min(QUESTION_CONNECTIONS_MAX, connectionsMax))
  const views = makeViews(root, () => clock.now(), currencies)
  const sinks =
    config.callback === undefined
      ? null
      : { rail: id, callbackUrl: config.callback.url, key: createSecretKey(config.callback.key) }
  const getting =
    (by: Operator, signal: AbortSignal): Get =>
    (path) =>
      by.ask({ method: 'GET', path }, { signal, mayWrite: ALWAYS })

  /** No call of this step can still be on its way. */
  const isQuiet = (order: RailOrder): boolean => clock.now() >= order.dispatchedAtMs + SEND_WINDOW_MS + DEADLINE_MS

  /** The wire call of the order's step. @throws RangeError for an order that cannot be said. */
  function callOf(order: RailOrder, paymentId: string | null): { name: MoneyCall; http: Call } {
    const options = {
      sink: sinks === null ? null : sinkOf(order.reference, order.dispatchedAtMs, sinks),
      ...(currencies === undefined ? {} : { currencies }),
    }
    const post = (name: MoneyCall, path: string, body: string) => ({
      name,
      http: { method: 'POST' as const, path, body },
    })
    const payments = root + PAYMENTS_PATH
    if (order.operation === 'payOut') throw new RangeError('an operator pays nobody out')
    if (order.operation === 'refund') {
      if (paymentId === null) throw new RangeError('the payment to refund is not known to the operator')
      return post('refund', refundsPath(root, paymentId), refundBody(order, options))
    }
    if (order.step === 'submit') return post('create', payments, paymentBody(order, options))
    if (order.step === 'prepare') return post('prepare', `${payments}/prepare`, paymentBody(order, options))
    if (paymentId === null) throw new RangeError(`there is no payment to ${order.step}`)
    const path = `${payments}/${paymentId}/${order.step}`
    return post(order.step, path, order.step === 'validate' ? validationBody(order) : phoneBody(order))
  }

  /** The operator's id of the payment that an order is about; null for one that is yet to be made, or is not known. */
  async function paymentIdFor(order: RailOrder, get: Get): Promise<string | null> {
    if (order.operation !== 'refund') return order.memo['paymentId'] ?? null
    const { original } = order
    if (original === null) return null
    const merchantId = soughtOf(order).merchantId
    return original.memo['paymentId'] ?? views.paymentIdOf({ ...original, sends: 1, merchantId }, get)
  }

  async function look(
    order: RailOrder,
    via: Evidence['via'],
    quiet: boolean,
    get: Get,
  ): Promise<RailOutcome | 'absent'> {
    if (order.operation !== 'refund') return views.payment(order, { via, quiet }, get)
    const paymentId = await paymentIdFor(order, get)
    if (paymentId === null) return unknown('the payment to refund is not known', false)
    return views.refund(order, paymentId, { via, quiet }, get)
  }

  async function answered(name: MoneyCall, order: RailOrder, answer: Answer, get: Get): Promise<RailOutcome> {
    if (answer.status !== DONE[name]) return refused(name, order, answer, get)
    const seen = { via: 'answer', quiet: false, ...(currencies === undefined ? {} : { currencies }) } as const
    switch (name) {
      case 'create':
      case 'prepare': {
        const payment = Payment.safeParse(answer.json)
        return payment.success ? paymentOutcome(payment.data, order, seen) : unreadable(answer)
      }
      case 'refund': {
        const refund = Refund.safeParse(answer.json)
        const paymentId = await paymentIdFor(order, get)
        if (!refund.success || paymentId === null) return unreadable(answer)
        return views.refundWhole(refund.data, order, paymentId, seen, get)
      }
      case 'validate':
      case 'confirm':
      case 'cancel': {
        // Accepted without a result: the payment shows it.
        const shown = await look(order, 'answer', false, get)
        if (shown !== 'absent' && (shown.kind !== 'unknown' || shown.alarm)) return shown
        return { kind: 'pending', evidence: evidenceOf(answer, order), memo: order.memo }
      }
      default:
        return assertNever(name, 'call')
    }
  }

  async function refused(name: MoneyCall, order: RailOrder, answer: Answer, get: Get): Promise<RailOutcome> {
    const refusal = refusalOf(name, answer.status, answer.code)
    const evidence = evidenceOf(answer, order)
    const reason = answer.code ?? String(answer.status)
    switch (refusal.kind) {
      case 'unknown':
        return unknown(evidence.status, refusal.alarm)
      case 'wrong_code':
        return { kind: 'wrong_code', evidence }
      case 'declined':
        // Of a resend this refusal alone says nothing: the first one may have been taken.
        if (order.sends > 1)
          return absentOr(order, { kind: 'declined', code: refusal.code, reason, evidence, alarm: refusal.alarm }, get)
        return { kind: 'declined', code: refusal.code, reason, evidence, alarm: refusal.alarm }
      case 'ambiguous':
        if (order.sends > 1) return unknown(evidence.status, false)
        return absentOr(order, { kind: 'declined', code: 'declined_by_rail', reason, evidence, alarm: true }, get)
      case 'look':
        return absentOr(order, unknown(`${evidence.status}, and not to be found`, false), get)
      default:
        return assertNever(refusal, 'refusal')
    }
  }

  async function absentOr(order: RailOrder, ifAbsent: RailOutcome, get: Get): Promise<RailOutcome> {
    const shown = await look(order, 'answer', false, get)
    return shown === 'absent' ? ifAbsent : shown
  }

  /** Not in the operator's lists, complete and read twice. */
  function absent(order: RailOrder, quietForMs: number): RailOutcome {
    if (quietForMs < LIST_LAG_MS) return unknown('not in the list, which may lag', false)
    // A reservation that never came to be is harmless; a charge or a refund may be in no list yet (connectors.md §2.6).
    if (order.step !== 'prepare' && config.resendSafe !== true) return unknown('not in the list, which may lag', false)
    const evidence: Evidence = { via: 'inquiry', id: null, status: 'not listed', railReference: null }
    return { kind: 'not_found', evidence }
  }

  /** Measures and notes a call; references are ours, what the operator said stays in the evidence. */
  async function noted(
    call: 'send' | 'inquire',
    order: RailOrder,
    run: () => Promise<RailOutcome>,
  ): Promise<RailOutcome> {
    const startedAt = clock.monotonic()
    const outcome = await run()
    const { reference, step } = order
    seconds?.observe({ rail: id, call, outcome: outcome.kind }, (clock.monotonic() - startedAt) / 1000)
    if ('alarm' in outcome && outcome.alarm)
      log.error({ call, step, reference, outcome }, 'operator’s answer needs a look')
    else log.debug({ call, step, reference, outcome }, 'operator answered')
    return outcome
  }

  return {
    id,
    profile: profileOf(config),

    send: (order, options) =>
      noted('send', order, async () => {
        // What an order must look up is part of it, and takes no question's connection.
        const get = getting(orders, options.signal)
        let call: ReturnType<typeof callOf>
        try {
          call = callOf(order, await paymentIdFor(order, get))
        } catch (error) {
          if (!(error instanceof RangeError)) throw error
          log.error({ reference: order.reference, step: order.step, why: error.message }, 'order cannot be sent')
          return { kind: 'not_sent', why: error.message }
        }
        const came = await orders.ask(call.http, options)
        return came.kind === 'answer' ? answered(call.name, order, came.answer, get) : came
      }),

    inquire: (order, signal) =>
      noted('inquire', order, async () => {
        const quiet = isQuiet(order)
        const quietForMs = clock.now() - (order.dispatchedAtMs + SEND_WINDOW_MS + DEADLINE_MS)
        const shown = await look(order, 'inquiry', quiet, getting(questions, signal))
        return shown === 'absent' ? absent(order, quietForMs) : shown
      }),

    readCallback: async (message, lookup) => {
      if (sinks === null) return { ok: false, status: 404, why: 'no notifications are asked for' }
      const verdict = await readNotification(message, lookup, { ...sinks, nowMs: clock.now() })
      const status = verdict.ok ? 204 : verdict.status
      callbacks?.inc({ rail: id, verdict: verdict.ok ? 'read' : 'refused', status })
      if (!verdict.ok) log.warn({ status, why: verdict.why }, 'notification refused')
      return verdict
    },

    heartbeat: async (signal) => {
      const startedAt = clock.monotonic()
      const window = new URLSearchParams({
        perPage: '1',
        'paymentCreationDate.gte': timestamp(clock.now() - HEARTBEAT_WINDOW_MS),
        'paymentCreationDate.lte': timestamp(clock.now() + HEARTBEAT_WINDOW_MS),
      })
      const came = await getting(questions, signal)(`${root}${PAYMENTS_PATH}?${window.toString()}`)
      if (came.kind !== 'answer') return { kind: 'unavailable', why: came.why }
      const { status } = came.answer
      if (status === 429) return { kind: 'degraded', why: 'too many requests' }
      if (status !== 200) return { kind: 'unavailable', why: `status ${status}` }
      return clock.monotonic() - startedAt > SLOW_MS
        ? { kind: 'degraded', why: 'slow' }
        : { kind: 'available', why: null }
    },

    close: async () => {
      await Promise.all([orders.close(), questions.close(), signIns.close()])
    },
  }
}

function profileOf(config: CamaraRailConfig): RailProfile {
  const twoStep = config.mode === 'two_step'
  const resend = config.resendSafe === true ? ({ submit: 'resend' } as const) : {}
  const steps: Partial<Record<RailStep, 'final' | 'resend'>> = { prepare: 'final', confirm: 'resend', cancel: 'resend' }
  return {
    firstStep: { collect: twoStep ? 'prepare' : 'submit', refund: 'submit' },
    manualCapture: twoStep,
    deadlineMs: DEADLINE_MS,
    // Confirming or cancelling twice is safe by the operator's state machine, whatever it does with correlators.
    notFound: { ...(twoStep ? steps : {}), ...resend },
    inquiryGapsMs: INQUIRY_GAPS_MS,
    inquiriesPerSecond: config.inquiriesPerSecond ?? INQUIRIES_PER_SECOND,
    callsMax: config.callsMax ?? CALLS_MAX,
  }
}

function evidenceOf({ status, code }: Answer, order: RailOrder): Evidence {
  const words = code === null ? String(status) : `${status} ${code}`
  return { via: 'answer', id: null, status: words, railReference: order.memo['paymentId'] ?? null }
}

function unreadable({ status }: Answer): RailOutcome {
  return unknown(`status ${status} with a body that cannot be read`, true)
}
