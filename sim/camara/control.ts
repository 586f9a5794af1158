import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { BadCall, type ControlRoute } from '../common/control.ts'
import { ClockRequest, OutageRequest, readCall } from '../common/requests.ts'
import type { Desk } from './billing/calls.ts'
import type { Effect, Entry } from './billing/entry.ts'
import { RandomSettings, RuleRequest, StatementFault } from './billing/faults/kinds.ts'
import { keyOf } from './billing/book.ts'
import { isCurrency } from './billing/money.ts'
import type { Passwords } from './passwords.ts'

/** The operator's control API (running.md): what it holds, and how it is told to misbehave. */

const Decide = z.strictObject({ reference: z.string(), outcome: z.enum(['settled', 'declined']) })
const Phone = z.string().regex(/^\+[1-9][0-9]{4,14}$/)
const AccountRequest = z
  .strictObject({
    account: Phone,
    balance: z
      .string()
      .regex(/^(0|[1-9][0-9]{0,17})$/)
      .optional(),
    currency: z.string().refine(isCurrency, 'a currency this operator does not charge').optional(),
    holder: z.string().min(1).max(140).default('Subscriber'),
    /** `true`: the payer gets a code by SMS; `open`: a page to confirm on. */
    validation: z.union([z.boolean(), z.enum(['none', 'validate', 'open'])]).optional(),
    sim_changed_at: z.iso.datetime({ offset: true }).nullable().optional(),
  })
  .refine(
    ({ balance, currency }) => (balance === undefined) === (currency === undefined),
    'a balance is in a currency, and a currency has a balance',
  )
const Day = z.strictObject({ date: z.iso.date() })
/** By reference; `add` tells a charge nobody made, `gap` skips a number before it. */
const TamperRequest = z.strictObject({
  drop: z.string().optional(),
  twice: z.string().optional(),
  alter: z.strictObject({ reference: z.string(), field: StatementFault.shape.field }).optional(),
  add: z.literal(true).optional(),
  gap: z.string().optional(),
})

export function controlRoutes(passwords: Passwords, desk: Desk): ControlRoute[] {
  const { book } = desk
  const { clock } = passwords
  const route = (method: ControlRoute['method'], path: string, handle: ControlRoute['handle']): ControlRoute => ({
    method,
    path: new RegExp(`^/control/${path.replaceAll(':id', '([^/]+)')}$`),
    handle,
  })
  const keep = async (entry: Entry, body: unknown, status = 200) => {
    book.record(entry)
    await book.durable()
    return { status, body }
  }
  const line = ({ operation, reference, amountMinor, currency, account, effect, atMs, original }: Effect) => ({
    reference,
    operation,
    amount: String(amountMinor),
    currency,
    account,
    effect,
    at: new Date(atMs).toISOString(),
    times_requested: book.timesRequested(operation, reference),
    ...(original === null ? {} : { original }),
  })

  return [
    route('GET', 'book', async ({ query }) => {
      const sinceMs = Date.parse(query.get('since') ?? '1970-01-01')
      if (Number.isNaN(sinceMs)) throw new BadCall('since is not a time')
      const [reference, account] = [query.get('reference'), phoneIn(query.get('account'))]
      const effects =
        reference === null
          ? book.effects
          : ['collect', 'refund'].flatMap((operation) => book.effectsOf.get(keyOf(operation, reference)) ?? [])
      await book.durable()
      const kept = effects.filter((one) => one.atMs >= sinceMs && (account === null || one.account === account))
      return { status: 200, body: { data: kept.map(line) } }
    }),
    route('POST', 'rules', ({ body }) => {
      const { match, fault, times } = readCall(RuleRequest, body)
      const id = randomUUID()
      return keep({ rule: { id, match, fault, times: times ?? null } }, { id }, 201)
    }),
    route('GET', 'rules', () => ({ status: 200, body: { data: [...book.rules.values()] } })),
    route('DELETE', 'rules', async () => {
      for (const ruleRemoved of Array.from(book.rules.keys())) book.record({ ruleRemoved })
      await book.durable()
      return { status: 204 }
    }),
    route('DELETE', 'rules/:id', async ({ params: [ruleRemoved = ''] }) => {
      if (!book.rules.has(ruleRemoved)) return { status: 404, body: { error: 'no such rule' } }
      return { status: (await keep({ ruleRemoved }, null)).status === 200 ? 204 : 500 }
    }),
    route('POST', 'decide', async ({ body }) => {
      const { reference, outcome } = readCall(Decide, body)
      const ids = ['collect', 'refund'].flatMap((operation) => book.byReference.get(keyOf(operation, reference)) ?? [])
      if (ids.length === 0) return { status: 404, body: { error: 'no such reference' } }
      for (const id of ids)
        if (await desk.futures.decide(id, outcome)) return { status: 200, body: { reference, outcome } }
      return { status: 409, body: { error: 'nothing is pending under this reference' } }
    }),
    route('POST', 'random', ({ body }) => {
      const random = readCall(RandomSettings, body)
      return keep({ random }, random)
    }),
    route('POST', 'accounts', async ({ body }) => {
      const asked = readCall(AccountRequest, body)
      const { account, balance, currency, holder } = asked
      if (balance !== undefined && currency !== undefined)
        book.record({ account: { account, currency, holder, openingMinor: BigInt(balance) } })
      const now = book.subscriber(account)
      const validation = asked.validation === undefined ? now.validation : validationOf(asked.validation)
      const changed = asked.sim_changed_at
      const simChangedAtMs = changed === undefined ? now.simChangedAtMs : changed === null ? null : Date.parse(changed)
      return keep({ subscriber: { phone: account, validation, simChangedAtMs } }, asked)
    }),
    route('GET', 'accounts/:id', async ({ params: [given = ''], query }) => {
      const account = phoneIn(given) ?? ''
      const currency = query.get('currency') ?? book.currenciesOf(account)[0] ?? 'KES'
      const { validation, simChangedAtMs } = book.subscriber(account)
      const { balanceMinor, holder } = book.balanceOf(account, currency)
      await book.durable()
      const sim_changed_at = simChangedAtMs === null ? null : new Date(simChangedAtMs).toISOString()
      return {
        status: 200,
        body: { account, balance: String(balanceMinor), currency, holder, validation, sim_changed_at },
      }
    }),
    route('POST', 'day/close', ({ body }) => {
      const { date } = readCall(Day, body)
      return keep(book.closedDays.has(date) ? {} : { dayClosed: [date, book.effects.length] }, { date })
    }),
    route('POST', 'statement/:id/tamper', ({ params: [date = ''], body }) => {
      if (!Day.safeParse({ date }).success) throw new BadCall('the path names no date')
      const { drop, twice, alter, add, gap } = readCall(TamperRequest, body)
      const tamper = (mode: StatementFault['mode'], reference: string, field: StatementFault['field'] = 'amount') =>
        book.record({ tamper: { date, reference, fault: { kind: 'statement', mode, field } } })
      if (drop !== undefined) tamper('drop', drop)
      if (twice !== undefined) tamper('twice', twice)
      if (alter !== undefined) tamper('alter', alter.reference, alter.field)
      if (gap !== undefined) tamper('gap', gap)
      if (add === true) tamper('add', '')
      return keep({}, { date })
    }),
    route('GET', 'sms', ({ query }) => {
      const phone = phoneIn(query.get('phone'))
      const codes = book.sms(phone).map(({ atMs, ...sms }) => ({ ...sms, at: new Date(atMs).toISOString() }))
      const data = [...passwords.inbox(phone), ...codes.toReversed()].toSorted(
        (a, b) => Date.parse(b.at) - Date.parse(a.at),
      )
      return { status: 200, body: { data } }
    }),
    route('POST', 'outage', async ({ body }) => {
      const { seconds, mode } = readCall(OutageRequest, body)
      const untilMs = clock.nowMs() + seconds * 1000
      await passwords.beginOutage({ untilMs, mode })
      return { status: 200, body: { until: new Date(untilMs).toISOString(), mode } }
    }),
    route('POST', 'clock', async ({ body }) => {
      const { offset_s } = readCall(ClockRequest, body)
      await passwords.shiftClock(offset_s * 1000)
      return { status: 200, body: { offset_s, time: new Date(clock.nowMs()).toISOString() } }
    }),
  ]
}

/** A plus that was not escaped arrives as a blank. */
const phoneIn = (text: string | null): string | null => text?.replace(/^ /, '+') ?? null

function validationOf(asked: boolean | 'none' | 'validate' | 'open'): 'none' | 'validate' | 'open' {
  if (typeof asked !== 'boolean') return asked
  return asked ? 'validate' : 'none'
}
