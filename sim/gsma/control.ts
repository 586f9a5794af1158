import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { BadCall, type ControlCall, type ControlReply, type ControlRoute } from '../common/control.ts'
import { Distortion, OPERATIONS, RandomSettings, RuleRequest } from '../common/faults/kinds.ts'
import { ClockRequest, OutageRequest, readCall } from '../common/requests.ts'
import type { Book } from './book.ts'
import { CUSTOMER_OPENING_MINOR } from './decision.ts'
import type { Entry, Tamper } from './entry.ts'
import type { Finals } from './finals.ts'
import { dayOf, linesOf } from './statement.ts'
import { keyOf, type Effect } from './state.ts'
import { currencyIsKept } from './wire/amount.ts'
import { errorOf } from './wire/error.ts'

/** The operator's control API (running.md): what it holds, and how it is told to misbehave. */

const Minor = z.string().regex(/^(0|[1-9][0-9]{0,17})$/)
const Currency = z.string().refine(currencyIsKept, 'a currency this operator keeps no wallets in')
const Day = z.iso.date()
const Decide = z.strictObject({ reference: z.string(), outcome: z.enum(['settled', 'declined']) })
const AccountRequest = z.strictObject({
  account: z.string().min(1).max(64),
  balance: Minor,
  currency: Currency,
  holder: z.string().min(1).max(140).default('Customer'),
})
const CloseRequest = z.strictObject({ date: Day })
/** By reference; `add` tells a credit that nobody made. */
const TamperRequest = z.strictObject({
  drop: z.string().optional(),
  twice: z.string().optional(),
  alter: z.strictObject({ reference: z.string(), field: Distortion.shape.field }).optional(),
  add: z.literal(true).optional(),
})

export function controlRoutes(
  book: Book,
  finals: Finals,
  ownAccount: string,
  outageChanged: () => Promise<void>,
): ControlRoute[] {
  const { state, clock } = book
  const enter = async (entry: Entry, reply: ControlReply): Promise<ControlReply> => {
    book.record(entry)
    await book.durable()
    return reply
  }
  const get = (path: RegExp, handle: ControlRoute['handle']): ControlRoute => ({ method: 'GET', path, handle })
  const post = (path: RegExp, handle: ControlRoute['handle']): ControlRoute => ({ method: 'POST', path, handle })
  const remove = (path: RegExp, handle: ControlRoute['handle']): ControlRoute => ({ method: 'DELETE', path, handle })

  const decide = async ({ body }: ControlCall): Promise<ControlReply> => {
    const { reference, outcome } = readCall(Decide, body)
    const keys = OPERATIONS.map((operation) => keyOf(operation, reference)).filter((key) => state.payments.has(key))
    if (keys.length === 0) return { status: 404, body: { error: 'no such reference' } }
    for (const key of keys) {
      if (await finals.decide(key, outcome)) return { status: 200, body: { reference, outcome } }
    }
    return { status: 409, body: { error: 'nothing is pending under this reference' } }
  }

  const rule = ({ body }: ControlCall): Promise<ControlReply> => {
    const { match, fault, times = null } = readCall(RuleRequest, body)
    if (fault.kind === 'decline' && fault.reason !== undefined && errorOf(fault.reason) === null)
      throw new BadCall(`fault.reason: ${fault.reason} is no error code of the Mobile Money API`)
    const id = randomUUID()
    return enter({ rule: { id, match, fault, times } }, { status: 201, body: { id } })
  }

  const removeRules = async (ids: readonly string[]): Promise<ControlReply> => {
    for (const ruleRemoved of ids) book.record({ ruleRemoved })
    await book.durable()
    return { status: 204 }
  }

  const accountOf = async ({ params: [account = ''], query }: ControlCall): Promise<ControlReply> => {
    await book.durable()
    const asked = query.get('currency')
    const wallet = [...state.wallets.values()].find(
      ({ opening }) => opening.account === account && (asked === null || asked === opening.currency),
    )
    const balance = (wallet?.balanceMinor ?? CUSTOMER_OPENING_MINOR).toString()
    const { currency, holder } = wallet?.opening ?? { currency: asked ?? 'KES', holder: 'Customer' }
    return { status: 200, body: { account, balance, currency, holder } }
  }

  return [
    get(/^\/control\/book$/, async ({ query }) => {
      await book.durable()
      return { status: 200, body: { data: bookLines(book, query) } }
    }),
    post(/^\/control\/rules$/, rule),
    get(/^\/control\/rules$/, () => ({ status: 200, body: { data: [...state.rules.values()] } })),
    remove(/^\/control\/rules$/, () => removeRules([...state.rules.keys()])),
    remove(/^\/control\/rules\/([^/]+)$/, ({ params: [id = ''] }) =>
      state.rules.has(id) ? removeRules([id]) : { status: 404, body: { error: 'no such rule' } },
    ),
    post(/^\/control\/decide$/, decide),
    post(/^\/control\/random$/, ({ body }) => {
      const random = readCall(RandomSettings, body)
      return enter({ random }, { status: 200, body: random })
    }),
    post(/^\/control\/outage$/, async ({ body }) => {
      const { seconds, mode } = readCall(OutageRequest, body)
      const outage = { untilMs: clock.nowMs() + seconds * 1000, mode }
      const until = new Date(outage.untilMs).toISOString()
      const reply = await enter({ outage }, { status: 200, body: { until, mode } })
      await outageChanged()
      return reply
    }),
    post(/^\/control\/accounts$/, ({ body }) => {
      const { balance, ...account } = readCall(AccountRequest, body)
      return enter(
        { account: { ...account, openingMinor: BigInt(balance) } },
        { status: 200, body: { balance, ...account } },
      )
    }),
    get(/^\/control\/accounts\/([^/]+)$/, accountOf),
    post(/^\/control\/day\/close$/, ({ body }) => {
      const { date } = readCall(CloseRequest, body)
      const lines = linesOf(state, ownAccount, clock.nowMs()).filter(({ atMs, entry }) => entry && dayOf(atMs) === date)
      return enter({ dayClosed: date }, { status: 200, body: { date, lines: lines.length } })
    }),
    post(/^\/control\/statement\/([^/]+)\/tamper$/, async ({ params: [day], body }) => {
      const date = readCall(Day, day)
      const { drop, twice, alter, add } = readCall(TamperRequest, body)
      const tamper = (mode: Tamper['mode'], reference: string, field: Tamper['field'] = 'amount'): void =>
        book.record({ tamper: { date, mode, reference, field } })
      if (drop !== undefined) tamper('drop', drop)
      if (twice !== undefined) tamper('twice', twice)
      if (alter !== undefined) tamper('alter', alter.reference, alter.field)
      if (add === true) tamper('add', '')
      await book.durable()
      return { status: 200, body: { date } }
    }),
    post(/^\/control\/clock$/, async ({ body }) => {
      const { offset_s } = readCall(ClockRequest, body)
      const offsetMs = offset_s * 1000
      const reply = { status: 200, body: { offset_s, time: new Date(Date.now() + offsetMs).toISOString() } }
      await enter({ clockOffsetMs: offsetMs }, reply)
      clock.shift(offsetMs)
      return reply
    }),
  ]
}

function bookLines({ state }: Book, query: URLSearchParams): object[] {
  const since = query.get('since')
  const sinceMs = since === null ? 0 : Date.parse(since)
  if (Number.isNaN(sinceMs)) throw new BadCall('since is not a time')
  const reference = query.get('reference')
  // A plus that was not escaped arrives as a blank.
  const account = query.get('account')?.replace(/^ /, '+') ?? null
  const told = ({ key, effect, atMs }: Effect) => {
    const payment = state.at(key)
    if (payment === null) throw new Error(`an effect without its order: ${key}`)
    const original = state.at(payment.original)?.reference
    return {
      reference: payment.reference,
      operation: payment.operation,
      amount: payment.amountMinor.toString(),
      currency: payment.currency,
      account: payment.account,
      effect,
      at: new Date(atMs).toISOString(),
      times_requested: state.arrivalsOf(key),
      ...(original === undefined ? {} : { original }),
    }
  }
  return state.effects
    .filter(({ atMs }) => atMs >= sinceMs)
    .map(told)
    .filter((line) => reference === null || line.reference === reference)
    .filter((line) => account === null || line.account === account)
}
