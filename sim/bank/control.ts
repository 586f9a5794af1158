import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { BadCall, type ControlRoute } from '../common/control.ts'
import { ClockRequest, OutageRequest, readCall } from '../common/requests.ts'
import type { Bank } from './bank.ts'
import type { Tampering } from './entry.ts'
import { isInquiryFault, RandomSettings, RuleRequest, STATEMENT_FIELDS, type FaultKind } from './faults/kinds.ts'
import type { Finals } from './finals.ts'
import type { Rail } from './rail.ts'
import { CUSTOMER_OPENING_MINOR } from './decision.ts'
import { dateOf, isClosed, isDate } from './statements.ts'
import { keyOf, type Effect } from './state.ts'
import { exponentOf } from './wire/amount.ts'

const OPERATIONS = ['collect', 'payOut', 'refund'] as const
const Decide = z.strictObject({ reference: z.string(), outcome: z.enum(['settled', 'declined']) })
const AccountRequest = z.strictObject({
  account: z.string().min(1).max(34),
  balance: z.string().regex(/^(0|[1-9][0-9]{0,17})$/),
  currency: z.string().refine((currency) => exponentOf(currency) !== null, 'a currency this bank does not keep'),
  holder: z.string().min(1).max(140).default('Customer'),
})

const DayClose = z.strictObject({ date: z.string().refine(isDate, 'not a date') })
/** By reference; `add` tells a credit nobody made, `gap` skips a number of the statements. */
const Tamper = z.strictObject({
  drop: z.string().optional(),
  twice: z.string().optional(),
  alter: z.strictObject({ reference: z.string(), field: z.enum(STATEMENT_FIELDS).default('amount') }).optional(),
  add: z.literal(true).optional(),
  gap: z.literal(true).optional(),
})

/** Faults that make sense where no money moves. */
const ANSWER_FAULTS: readonly FaultKind[] = [
  'delay',
  'drop_before',
  'drop_after',
  'hang_before',
  'hang_after',
  'error_before',
  'error_after',
  'malformed',
  'bad_signature',
]

/** The bank's control API (running.md): what it holds, and how it is told to misbehave. */
export function controlRoutes(bank: Bank, rail: Rail, finals: Finals): ControlRoute[] {
  const { state, clock } = bank
  const line = ({ key, effect, amountMinor, atMs }: Effect) => {
    const payment = state.payments.get(key)
    if (payment === undefined) throw new Error(`an effect without its payment: ${key}`)
    return {
      reference: payment.reference,
      operation: payment.operation,
      amount: amountMinor.toString(),
      currency: payment.currency,
      account: payment.account,
      effect,
      at: new Date(atMs).toISOString(),
      times_requested: state.arrivalsOf(key),
      ...(payment.operation === 'refund' ? { original: payment.original } : {}),
    }
  }
  const route = (method: ControlRoute['method'], path: RegExp, handle: ControlRoute['handle']): ControlRoute => ({
    method,
    path,
    handle,
  })

  return [
    route('GET', /^\/control\/book$/, async ({ query }) => {
      const reference = query.get('reference')
      const account = query.get('account')
      const since = query.get('since')
      const sinceMs = since === null ? 0 : Date.parse(since)
      if (Number.isNaN(sinceMs)) throw new BadCall('since is not a time')
      const effects =
        reference === null
          ? state.effects
          : OPERATIONS.flatMap((operation) => state.effectsOf.get(keyOf(operation, reference)) ?? [])
      const data = effects
        .filter((effect) => effect.atMs >= sinceMs)
        .map(line)
        .filter((one) => account === null || one.account === account)
      await bank.durable()
      return { status: 200, body: { data } }
    }),
    route('POST', /^\/control\/rules$/, async ({ body }) => {
      const { match, fault, times } = readCall(RuleRequest, body)
      const without = match.operation === 'mandate' || match.operation === 'inquire'
      const fits =
        ANSWER_FAULTS.includes(fault.kind) ||
        (match.operation === 'mandate' && (fault.kind === 'decline' || fault.kind === 'pending')) ||
        (match.operation === 'inquire' && (isInquiryFault(fault) || fault.kind === 'wrong_content'))
      if (without && !fits) throw new BadCall(`${fault.kind} is no fault of ${match.operation}`)
      const id = randomUUID()
      bank.record({ rule: { id, match, fault, times: times ?? null } })
      await bank.durable()
      return { status: 201, body: { id } }
    }),
    route('GET', /^\/control\/rules$/, () => ({ status: 200, body: { data: [...state.rules.values()] } })),
    route('DELETE', /^\/control\/rules$/, async () => {
      for (const id of Array.from(state.rules.keys())) bank.record({ ruleRemoved: id })
      await bank.durable()
      return { status: 204 }
    }),
    route('DELETE', /^\/control\/rules\/([^/]+)$/, async ({ params: [id = ''] }) => {
      if (!state.rules.has(id)) return { status: 404, body: { error: 'no such rule' } }
      bank.record({ ruleRemoved: id })
      await bank.durable()
      return { status: 204 }
    }),
    route('POST', /^\/control\/decide$/, async ({ body }) => {
      const { reference, outcome } = readCall(Decide, body)
      const keys = OPERATIONS.map((operation) => keyOf(operation, reference)).filter((key) => state.payments.has(key))
      if (keys.length === 0) return { status: 404, body: { error: 'no such reference' } }
      const pending = keys.find((key) => state.payments.get(key)?.status === 'PDNG')
      if (pending === undefined || !(await finals.decide(pending, outcome)))
        return { status: 409, body: { error: 'nothing is pending under this reference' } }
      return { status: 200, body: { reference, outcome } }
    }),
    route('POST', /^\/control\/random$/, async ({ body }) => {
      const random = readCall(RandomSettings, body)
      bank.record({ random })
      await bank.durable()
      return { status: 200, body: random }
    }),
    route('POST', /^\/control\/outage$/, async ({ body }) => {
      const { seconds, mode } = readCall(OutageRequest, body)
      const untilMs = clock.nowMs() + seconds * 1000
      bank.record({ outage: { untilMs, mode } })
      await bank.durable()
      await rail.outageChanged()
      return { status: 200, body: { until: new Date(untilMs).toISOString(), mode } }
    }),
    route('POST', /^\/control\/accounts$/, async ({ body }) => {
      const { account, balance, currency, holder } = readCall(AccountRequest, body)
      bank.record({ account: { account, currency, holder, openingMinor: BigInt(balance) } })
      await bank.durable()
      return { status: 200, body: { account, balance, currency, holder } }
    }),
    route('GET', /^\/control\/accounts\/([^/]+)$/, async ({ params: [account = ''], query }) => {
      const asked = query.get('currency')
      const pot = [...state.pots.values()].find(
        ({ opening }) => opening.account === account && (asked === null || opening.currency === asked),
      )
      await bank.durable()
      const { opening, balanceMinor } = pot ?? {
        opening: { currency: asked ?? 'KES', holder: 'Customer' },
        balanceMinor: CUSTOMER_OPENING_MINOR,
      }
      const body = { account, balance: balanceMinor.toString(), currency: opening.currency, holder: opening.holder }
      return { status: 200, body }
    }),
    route('POST', /^\/control\/day\/close$/, async ({ body }) => {
      const { date } = readCall(DayClose, body)
      if (date > dateOf(clock.nowMs())) throw new BadCall('a day that has not begun cannot be closed')
      if (!isClosed(state, date, clock.nowMs())) bank.record({ dayClosed: [date, clock.nowMs()] })
      await bank.durable()
      return { status: 200, body: { date } }
    }),
    route('POST', /^\/control\/statement\/([0-9-]{10})\/tamper$/, async ({ params: [date = ''], body }) => {
      if (!isDate(date)) throw new BadCall('the date is none')
      const { drop, twice, alter, add, gap } = readCall(Tamper, body)
      const tampering = (mode: Tampering['mode'], reference: string, field: Tampering['field'] = 'amount') =>
        bank.record({ tampered: { date, mode, reference, field } })
      if (drop !== undefined) tampering('drop', drop)
      if (twice !== undefined) tampering('twice', twice)
      if (alter !== undefined) tampering('alter', alter.reference, alter.field)
      if (add === true) tampering('add', '')
      if (gap === true) tampering('gap', '')
      await bank.durable()
      return { status: 200, body: { date } }
    }),
    route('POST', /^\/control\/clock$/, async ({ body }) => {
      const { offset_s } = readCall(ClockRequest, body)
      bank.record({ clockOffsetMs: offset_s * 1000 })
      await bank.durable()
      clock.shift(offset_s * 1000)
      return { status: 200, body: { offset_s, time: new Date(clock.nowMs()).toISOString() } }
    }),
  ]
}
