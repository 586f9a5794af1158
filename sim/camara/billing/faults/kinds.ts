import { z } from 'zod'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/** What this operator can be told to do wrong (connectors.md §4). `step` narrows a rule to one call of several. */

export const STEPS = ['create', 'prepare', 'validate', 'confirm', 'cancel', 'refund'] as const
export type Step = (typeof STEPS)[number]

const s = (byDefault: number) => z.number().min(0).max(86_400).default(byDefault)
const ms = (byDefault: number) => z.number().int().min(0).max(600_000).default(byDefault)
const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) => z.enum(values).default(values[0])
const fault = <K extends string, S extends z.ZodRawShape>(kind: K, parameters: S) =>
  z.strictObject({ kind: z.literal(kind), ...parameters })

/** Refusals a `decline` may give, and the status of each. */
export const REASONS = {
  'CARRIER_BILLING.PAYMENT_DENIED': 403,
  IDENTIFIER_NOT_FOUND: 404,
  SERVICE_NOT_APPLICABLE: 422,
  'CARRIER_BILLING.UNAUTHORIZED_AMOUNT': 422,
  'CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED': 422,
  'CARRIER_BILLING_REFUND.REFUND_DENIED': 403,
  'CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND': 403,
  'CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT': 422,
  'CARRIER_BILLING_REFUND.USER_AMOUNT_THRESHOLD_OVERPASSED': 422,
  'CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS': 422,
  'CARRIER_BILLING_REFUND.TAXES_MANAGEMENT_MISMATCH': 422,
  'CARRIER_BILLING_REFUND.REFUND_DETAILS_MISMATCH': 422,
  MISSING_IDENTIFIER: 422,
  UNNECESSARY_IDENTIFIER: 422,
  INVALID_ARGUMENT: 400,
  INVALID_CREDENTIAL: 400,
  INVALID_TOKEN: 400,
  INVALID_SINK: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  TOO_MANY_REQUESTS: 429,
} as const satisfies Record<string, number>
export type Reason = keyof typeof REASONS
const REASON_NAMES = Object.keys(REASONS).filter((name): name is Reason => Object.hasOwn(REASONS, name))

const Status5xx = z.literal([500, 502, 503]).default(503)

/** What the day's file does with a line: leaves it out, tells it wrong, tells it twice, tells one nobody made, skips a number. */
export const StatementFault = fault('statement', {
  mode: oneOf('drop', 'alter', 'twice', 'add', 'gap'),
  /** Of `alter`: what the line says wrong. */
  field: oneOf('amount', 'reference', 'sign'),
})
export type StatementFault = z.infer<typeof StatementFault>

const Fault = z.discriminatedUnion('kind', [
  fault('decline', { reason: z.enum(REASON_NAMES).optional() }),
  fault('delay', { ms: ms(1_000) }),
  fault('pending', { then: oneOf('settled', 'declined', 'never'), after_s: s(3), callback: z.boolean().default(true) }),
  fault('drop_before', {}),
  fault('drop_after', {}),
  fault('hang_before', { s: s(60) }),
  fault('hang_after', { s: s(60) }),
  fault('error_before', { status: Status5xx }),
  fault('error_after', { status: Status5xx }),
  fault('answer_twice', { gap_ms: ms(200) }),
  fault('duplicate_callback', { n: z.number().int().min(1).max(1_000).default(3), gap_ms: ms(0), after_s: s(0.5) }),
  fault('late_callback', { after_s: s(30) }),
  fault('contradict_callback', { after_s: s(3) }),
  fault('malformed', { mode: oneOf('truncated', 'html', 'empty', 'bad_schema', 'wrong_type') }),
  fault('bad_signature', { mode: oneOf('wrong_key', 'stale', 'digest', 'missing', 'replayed') }),
  fault('wrong_content', { field: oneOf('amount', 'currency', 'reference') }),
  fault('duplicate_answer', {}),
  fault('expire', { after_s: s(3) }),
  fault('outage', { seconds: s(10), mode: oneOf('refuse', 'hang', '500') }),
  fault('inquiry_fail', { s: s(5) }),
  fault('inquiry_lag', { s: s(5) }),
  fault('return_later', { after_s: s(10), reason: z.string().max(64).default('MD06') }),
  StatementFault,
])
export type Fault = z.infer<typeof Fault>
export type FaultOf<K extends Fault['kind']> = Extract<Fault, { kind: K }>

/** Faults that come beside one of the answer: each concerns what happens later. */
export const LATER = ['inquiry_fail', 'inquiry_lag', 'return_later', 'statement'] as const
export type LaterFault = FaultOf<(typeof LATER)[number]>
export type AnswerFault = Exclude<Fault, LaterFault>

export function isLater(one: Fault): one is LaterFault {
  return LATER.some((kind) => kind === one.kind)
}

export const KINDS = Fault.options.map((option) => option.shape.kind.value)

/** With its default parameters. */
export function plainFault(kind: Fault['kind']): Fault {
  return Fault.parse({ kind })
}

const Match = z.strictObject({
  reference: z.string().min(1).max(64).optional(),
  account: z.string().min(1).max(16).optional(),
  operation: z.enum(['collect', 'payOut', 'refund', 'inquire']).optional(),
  step: z.enum(STEPS).optional(),
  amount: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/)
    .optional(),
})

const times = z.number().int().min(1).max(1_000_000)
export const RuleRequest = z.strictObject({ match: Match, fault: Fault, times: times.optional() })
/** `times`: calls it still strikes, null for all. */
export const Rule = z.strictObject({ id: z.string(), match: Match, fault: Fault, times: times.nullable() })
export type Rule = z.infer<typeof Rule>

/** Shares of calls, by kind. */
export const RandomSettings = z.strictObject({
  seed: z.number().int().default(0),
  faults: z.partialRecord(z.enum(KINDS), z.number().min(0).max(1)),
})
export type RandomSettings = z.infer<typeof RandomSettings>
