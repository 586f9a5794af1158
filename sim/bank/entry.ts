import { z } from 'zod'
import { Outage } from '../common/outage.ts'
import { RandomSettings, Rule, STATEMENT_FIELDS, STATEMENT_MODES } from './faults/kinds.ts'

/**
 * One line of the log. Every member is a fact; together they became true at once (B1). Amounts are bigint in
 * memory and text in the log; times are ms since the epoch by the bank's clock.
 */

const Minor = z.codec(z.string(), z.bigint(), { decode: (text) => BigInt(text), encode: (minor) => minor.toString() })

export const Operation = z.enum(['collect', 'payOut', 'refund'])
export type Operation = z.infer<typeof Operation>

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
})
export type Plan = z.infer<typeof Plan>

/** How much of a settled payment comes back later, and when. */
const ReturnPlan = z.object({
  afterMs: z.number(),
  reason: z.string(),
  /** Of all parts together; null for all that is left. */
  amountMinor: Minor.nullable(),
  parts: z.number(),
})
export type ReturnPlan = z.infer<typeof ReturnPlan>

/** What a statement does wrong; the book is true. */
const StatementFault = z.object({ mode: z.enum(STATEMENT_MODES), field: z.enum(STATEMENT_FIELDS) })
export type StatementFault = z.infer<typeof StatementFault>

const Payment = z.object({
  operation: Operation,
  reference: z.string(),
  /** Message type, id and end-to-end id of the order, for the answers about it. */
  name: z.string(),
  messageId: z.string(),
  endToEndId: z.string(),
  uetr: z.string(),
  contentHash: z.string(),
  amountMinor: Minor,
  currency: z.string(),
  /** The customer's account, then the client's own. */
  account: z.string(),
  ownAccount: z.string(),
  /** Reference of the collect a refund gives back, '' otherwise. */
  original: z.string(),
  status: z.enum(['PDNG', 'ACSC', 'RJCT']),
  reason: z.string().nullable(),
  statusId: z.string(),
  servicerReference: z.string().nullable(),
  acceptedAtMs: z.number(),
  decidedAtMs: z.number().nullable(),
  plan: Plan.nullable(),
  /** Absent in logs from before there were returns. */
  returnPlan: ReturnPlan.nullable().default(null),
  /** Absent in logs from before there were statements. */
  statementFault: StatementFault.nullable().default(null),
})
export type Payment = z.infer<typeof Payment>

const Decision = z.object({
  key: z.string(),
  status: z.enum(['ACSC', 'RJCT']),
  reason: z.string().nullable(),
  statusId: z.string(),
  servicerReference: z.string().nullable(),
  atMs: z.number(),
})
export type Decision = z.infer<typeof Decision>

/** A pacs.004 of the bank's own: so much of a settled payment goes back to where it came from. */
const Return = z.object({
  key: z.string(),
  returnId: z.string(),
  amountMinor: Minor,
  reason: z.string(),
  atMs: z.number(),
})
export type Return = z.infer<typeof Return>

const Account = z.object({ account: z.string(), currency: z.string(), holder: z.string(), openingMinor: Minor })
export type Account = z.infer<typeof Account>

const Mandate = z.object({
  mandateId: z.string(),
  reference: z.string(),
  account: z.string(),
  holder: z.string(),
  currency: z.string(),
  dateOfSignature: z.string(),
  active: z.boolean(),
  /** Its customer has not decided; from `atMs` on (null: never) as `active` says. */
  undecided: z.object({ atMs: z.number().nullable(), active: z.boolean() }).nullable().default(null),
})
export type Mandate = z.infer<typeof Mandate>

const Callback = z.object({
  id: z.string(),
  reference: z.string(),
  body: z.string(),
  dueAtMs: z.number(),
  untilMs: z.number(),
})
export type Callback = z.infer<typeof Callback>

const InquiryTrouble = z.object({ kind: z.enum(['inquiry_fail', 'inquiry_lag']), untilMs: z.number() })
export type InquiryTrouble = z.infer<typeof InquiryTrouble>

/** A day's statement told wrong, whatever its orders asked for: of one reference, or of the whole day where it is ''. */
const Tampering = StatementFault.extend({ date: z.string(), reference: z.string() })
export type Tampering = z.infer<typeof Tampering>

const Entry = z.strictObject({
  /** A request's nonce and the time its signature was made (s). */
  nonce: z.tuple([z.string(), z.number()]).optional(),
  arrived: z.string().optional(),
  usedRules: z.array(z.string()).optional(),
  opened: z.array(Account).optional(),
  /** A currency and the client's account in it, from its first use. */
  entitled: z.tuple([z.string(), z.string()]).optional(),
  accepted: Payment.optional(),
  inquiryTrouble: z.tuple([z.string(), InquiryTrouble]).optional(),
  decided: Decision.optional(),
  returned: Return.optional(),
  tombstone: z.string().optional(),
  refusedMessage: z.string().optional(),
  mandate: Mandate.optional(),
  mandateEnded: z.string().optional(),
  callbacks: z.array(Callback).optional(),
  callbackDone: z.string().optional(),
  account: Account.optional(),
  rule: Rule.optional(),
  ruleRemoved: z.string().optional(),
  random: RandomSettings.optional(),
  outage: Outage.optional(),
  clockOffsetMs: z.number().optional(),
  /** A day (UTC) that was closed early, and when. */
  dayClosed: z.tuple([z.string(), z.number()]).optional(),
  tampered: Tampering.optional(),
})
export type Entry = z.infer<typeof Entry>

/** @throws when a line of the log is not one of ours: the bank does not start on a book it cannot read. */
export function decodeEntry(line: unknown): Entry {
  return Entry.parse(line)
}

/** JSON of an entry as it stands; members that are bigint become text. */
export function encodeEntry(entry: Entry): string {
  return JSON.stringify(entry, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}
