import { z } from 'zod'
import { Outage } from '../common/outage.ts'
import { Distortion, RandomSettings, Rule } from '../common/faults/kinds.ts'
import { WireError } from './wire/error.ts'

/**
 * One line of the log. Every member is a fact; together they became true at once (M1). Amounts are bigint in
 * memory and text in the log; times are ms since the epoch by the operator's clock.
 */

const Minor = z.codec(z.string(), z.bigint(), { decode: (text) => BigInt(text), encode: (minor) => minor.toString() })

const Operation = z.enum(['collect', 'payOut', 'refund'])

/** What follows a pending answer. */
const Plan = z.object({
  outcome: z.enum(['settled', 'declined', 'never']),
  dueAtMs: z.number(),
  callback: z.boolean(),
  /** The same event this many more times, each `gapMs` after the one before. */
  copies: z.number(),
  gapMs: z.number(),
  /** The opposite final this long after the final callback, null for never. */
  contradictAfterMs: z.number().nullable(),
  /** How its callbacks are to be disbelieved. */
  forged: z.enum(['wrong_key', 'stale', 'digest', 'missing', 'replayed']).nullable(),
})
export type Plan = z.infer<typeof Plan>

const Payment = z.object({
  operation: Operation,
  /** The client's: requestingOrganisationTransactionReference. */
  reference: z.string(),
  correlationId: z.string(),
  serverCorrelationId: z.string(),
  /** Ours. */
  transactionReference: z.string(),
  type: z.enum(['merchantpay', 'disbursement', 'reversal', 'adjustment']),
  amountMinor: Minor,
  currency: z.string(),
  /** The customer's number, then the client's own account. */
  account: z.string(),
  ownAccount: z.string(),
  /** Key of the collect a refund gives back, '' otherwise. */
  original: z.string(),
  description: z.string(),
  requestDate: z.string().nullable(),
  callbackUrl: z.string(),
  status: z.enum(['pending', 'completed', 'failed', 'reversed']),
  error: WireError.nullable(),
  acceptedAtMs: z.number(),
  changedAtMs: z.number(),
  plan: Plan.nullable(),
  /** When an undecided request fails by itself, as its request state says. */
  expiresAtMs: z.number().nullable(),
  /** When what has settled is taken back. */
  returnsAtMs: z.number().nullable(),
  statement: Distortion.nullable(),
})
export type Payment = z.infer<typeof Payment>

const Decision = z.object({
  key: z.string(),
  status: z.enum(['completed', 'failed']),
  error: WireError.nullable(),
  atMs: z.number(),
})
export type Decision = z.infer<typeof Decision>

const Account = z.object({ account: z.string(), currency: z.string(), holder: z.string(), openingMinor: Minor })
export type Account = z.infer<typeof Account>

/** A request refused before it was an order; its correlation id is used up all the same. */
const Refusal = z.object({
  correlationId: z.string(),
  serverCorrelationId: z.string(),
  error: WireError,
  atMs: z.number(),
})
export type Refusal = z.infer<typeof Refusal>

const Return = z.object({ key: z.string(), transactionReference: z.string(), atMs: z.number() })
export type Return = z.infer<typeof Return>

const Callback = z.object({
  id: z.string(),
  url: z.string(),
  correlationId: z.string(),
  body: z.string(),
  forged: Plan.shape.forged,
  dueAtMs: z.number(),
  untilMs: z.number(),
})
export type Callback = z.infer<typeof Callback>

const InquiryTrouble = z.object({ kind: z.enum(['inquiry_fail', 'inquiry_lag']), untilMs: z.number() })
export type InquiryTrouble = z.infer<typeof InquiryTrouble>

/** What a day's statement says that the book does not; `reference` is '' of what was added. */
const Tamper = Distortion.extend({ date: z.string(), reference: z.string() })
export type Tamper = z.infer<typeof Tamper>

const Entry = z.strictObject({
  arrived: z.string().optional(),
  usedRules: z.array(z.string()).optional(),
  opened: z.array(Account).optional(),
  accepted: Payment.optional(),
  refused: Refusal.optional(),
  inquiryTrouble: z.tuple([z.string(), InquiryTrouble]).optional(),
  decided: Decision.optional(),
  returned: Return.optional(),
  /** A request state was looked at. */
  polled: z.string().optional(),
  callbacks: z.array(Callback).optional(),
  callbackDone: z.string().optional(),
  account: Account.optional(),
  rule: Rule.optional(),
  ruleRemoved: z.string().optional(),
  random: RandomSettings.optional(),
  outage: Outage.optional(),
  clockOffsetMs: z.number().optional(),
  dayClosed: z.string().optional(),
  tamper: Tamper.optional(),
})
export type Entry = z.infer<typeof Entry>

/** @throws when a line of the log is not one of ours: the operator does not start on a book it cannot read. */
export const decodeEntry = (line: unknown): Entry => Entry.parse(line)

export const encodeEntry = (entry: Entry): string =>
  JSON.stringify(entry, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
