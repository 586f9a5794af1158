import { z } from 'zod'
import { RandomSettings, Rule, StatementFault } from './faults/kinds.ts'

/**
 * One line of the operator's log: facts that became true together. Amounts are bigint minor units in memory and text
 * in the log; times are ms since the epoch by the operator's clock.
 */

const Minor = z.codec(z.string(), z.bigint(), { decode: (text) => BigInt(text), encode: (minor) => minor.toString() })

export const PAYMENT_STATUSES = [
  'processing',
  'pending_validation',
  'denied',
  'reserved',
  'succeeded',
  'cancelled',
] as const
const PaymentStatus = z.enum(PAYMENT_STATUSES)
export type PaymentStatus = z.infer<typeof PaymentStatus>

export const REFUND_STATUSES = ['processing', 'denied', 'succeeded'] as const

/** What follows while something is `processing`. */
const Plan = z.object({
  outcome: z.enum(['settled', 'declined', 'never']),
  settled: PaymentStatus,
  declined: PaymentStatus,
  dueAtMs: z.number(),
  notify: z.boolean(),
  /** The same event this many more times, each `gapMs` after the one before. */
  copies: z.number(),
  gapMs: z.number(),
  /** The opposite final, told and never true, this long after the true one. */
  contradictAfterMs: z.number().nullable(),
  /** What is wrong with the token of the event, if anything. */
  badToken: z.enum(['wrong', 'missing']).nullable(),
})
export type Plan = z.infer<typeof Plan>

/** What payments and refunds have in common. */
const Shared = {
  reference: z.string(),
  correlator: z.string().nullable(),
  contentHash: z.string(),
  /** Body of the first 201, given again where the operator is set so. */
  firstAnswer: z.string(),
  phone: z.string(),
  amountMinor: Minor,
  currency: z.string(),
  sink: z.string().nullable(),
  sinkToken: z.string().nullable(),
  sinkUntilMs: z.number(),
  createdAtMs: z.number(),
  doneAtMs: z.number().nullable(),
  plan: Plan.nullable(),
  statement: StatementFault.nullable(),
}

const Payment = z.object({
  ...Shared,
  paymentId: z.string(),
  twoStep: z.boolean(),
  merchantId: z.string().nullable(),
  status: PaymentStatus,
  serverReference: z.string(),
  /** `paymentAmount` of the request, as JSON. */
  amountText: z.string(),
  /** Ids of `paymentDetails`. */
  items: z.array(z.string()),
  taxIncluded: z.boolean(),
  authorizationId: z.string().nullable(),
  code: z.string().nullable(),
  wrongCodes: z.number(),
  /** The payer will refuse, whatever the code. */
  payerRefuses: z.boolean(),
  expiresAtMs: z.number().nullable(),
  /** The money comes back this long after it was charged. */
  returnsAfterMs: z.number().nullable(),
})
export type Payment = z.infer<typeof Payment>

const Refund = z.object({
  ...Shared,
  refundId: z.string(),
  paymentId: z.string(),
  type: z.enum(['total', 'partial']),
  status: z.enum(REFUND_STATUSES),
  /** `refundAmount` of the request, as JSON. */
  amountText: z.string(),
  reason: z.string().nullable(),
})
export type Refund = z.infer<typeof Refund>

const Effect = z.object({
  operation: z.enum(['collect', 'refund']),
  reference: z.string(),
  effect: z.enum(['moved', 'returned']),
  amountMinor: Minor,
  currency: z.string(),
  account: z.string(),
  atMs: z.number(),
  /** Of a refund: reference of the payment it gives back. */
  original: z.string().nullable(),
})
export type Effect = z.infer<typeof Effect>

const Account = z.object({
  account: z.string(),
  currency: z.string(),
  holder: z.string(),
  openingMinor: Minor,
})
export type Account = z.infer<typeof Account>

const Subscriber = z.object({
  phone: z.string(),
  /** How a reservation asks for the payer's code. */
  validation: z.enum(['none', 'validate', 'open']),
  /** When the SIM card was last changed; null where the operator does not tell. */
  simChangedAtMs: z.number().nullable(),
})
export type Subscriber = z.infer<typeof Subscriber>

const Notice = z.object({
  id: z.string(),
  reference: z.string(),
  url: z.string(),
  authorization: z.string().nullable(),
  body: z.string(),
  dueAtMs: z.number(),
  untilMs: z.number(),
})
export type Notice = z.infer<typeof Notice>

const Sms = z.object({ phone: z.string(), text: z.string(), atMs: z.number() })
export type Sms = z.infer<typeof Sms>

/** What a day's file was told to say wrong; `reference` is '' where no line is meant. */
const Tamper = z.object({ date: z.string(), reference: z.string(), fault: StatementFault })
export type Tamper = z.infer<typeof Tamper>

const Trouble = z.object({ kind: z.enum(['inquiry_fail', 'inquiry_lag']), untilMs: z.number() })
export type Trouble = z.infer<typeof Trouble>

const Entry = z.strictObject({
  /** `<step>:<reference>` of a call that came in. */
  arrived: z.string().optional(),
  usedRules: z.array(z.string()).optional(),
  opened: Account.optional(),
  payment: Payment.optional(),
  refund: Refund.optional(),
  effect: Effect.optional(),
  trouble: z.tuple([z.string(), Trouble]).optional(),
  notices: z.array(Notice).optional(),
  noticeDone: z.string().optional(),
  sms: Sms.optional(),
  account: Account.optional(),
  subscriber: Subscriber.optional(),
  rule: Rule.optional(),
  ruleRemoved: z.string().optional(),
  random: RandomSettings.optional(),
  /** A day, and how many effects the book had when it was closed: what moves later belongs to the next. */
  dayClosed: z.tuple([z.string(), z.number()]).optional(),
  tamper: Tamper.optional(),
})
export type Entry = z.infer<typeof Entry>

/** @throws when a line is not one of ours: an operator does not start on a book it cannot read. */
export function readEntry(line: unknown): Entry {
  return Entry.parse(line)
}

export function writeEntry(entry: Entry): string {
  return JSON.stringify(entry, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

/** A line of the operator's file of a day. */
export type StatementLine = {
  sequence: number
  /** A number is skipped before it. */
  gap?: boolean
  paymentId: string
  refundId: string | null
  reference: string
  operation: 'collect' | 'refund'
  amountMinor: bigint
  currency: string
  account: string
  state: 'succeeded' | 'returned'
  at: string
}
