import { z } from 'zod'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/** Every way this bank can misbehave on demand (connectors.md §4), with its parameters and their defaults. */

const seconds = (byDefault: number) => z.number().min(0).max(86_400).default(byDefault)
const milliseconds = (byDefault: number) => z.number().int().min(0).max(600_000).default(byDefault)
const Reason = z.string().regex(/^[A-Z0-9]{1,4}$/)

/** What a statement does with a line: leaves it out, tells it wrong, tells it twice, tells one nobody made, or skips a number. */
export const STATEMENT_MODES = ['drop', 'alter', 'twice', 'add', 'gap'] as const
export const STATEMENT_FIELDS = ['amount', 'reference', 'sign'] as const

export const Fault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('decline'), reason: Reason.default('MS03') }),
  z.strictObject({ kind: z.literal('delay'), ms: milliseconds(1_000) }),
  z.strictObject({
    kind: z.literal('pending'),
    then: z.enum(['settled', 'declined', 'never']).default('settled'),
    after_s: seconds(3),
    callback: z.boolean().default(true),
  }),
  z.strictObject({ kind: z.literal('drop_before') }),
  z.strictObject({ kind: z.literal('drop_after') }),
  z.strictObject({ kind: z.literal('hang_before'), s: seconds(60) }),
  z.strictObject({ kind: z.literal('hang_after'), s: seconds(60) }),
  z.strictObject({ kind: z.literal('error_before'), status: z.literal([500, 502, 503]).default(503) }),
  z.strictObject({ kind: z.literal('error_after'), status: z.literal([500, 502, 503]).default(503) }),
  z.strictObject({ kind: z.literal('answer_twice'), gap_ms: milliseconds(200) }),
  z.strictObject({
    kind: z.literal('duplicate_callback'),
    n: z.number().int().min(1).max(1_000).default(3),
    gap_ms: milliseconds(0),
    after_s: seconds(0.5),
  }),
  z.strictObject({ kind: z.literal('late_callback'), after_s: seconds(30) }),
  z.strictObject({ kind: z.literal('contradict_callback'), after_s: seconds(3) }),
  z.strictObject({
    kind: z.literal('malformed'),
    mode: z.enum(['truncated', 'html', 'empty', 'bad_schema', 'wrong_type']).default('truncated'),
  }),
  z.strictObject({
    kind: z.literal('bad_signature'),
    mode: z.enum(['wrong_key', 'stale', 'digest', 'missing', 'replayed']).default('wrong_key'),
  }),
  z.strictObject({
    kind: z.literal('wrong_content'),
    field: z.enum(['amount', 'currency', 'reference']).default('amount'),
  }),
  z.strictObject({ kind: z.literal('inquiry_fail'), s: seconds(5) }),
  z.strictObject({ kind: z.literal('inquiry_lag'), s: seconds(5) }),
  z.strictObject({ kind: z.literal('duplicate_answer') }),
  z.strictObject({
    kind: z.literal('outage'),
    seconds: seconds(10),
    mode: z.enum(['refuse', 'hang', '500']).default('refuse'),
  }),
  z.strictObject({
    kind: z.literal('return_later'),
    after_s: seconds(10),
    reason: Reason.default('MD06'),
    /** Minor units; all that is left of it by default. */
    amount: z
      .string()
      .regex(/^[1-9][0-9]{0,17}$/)
      .optional(),
    /** It comes back in this many equal parts, each `after_s` after the one before. */
    parts: z.number().int().min(1).max(10).default(1),
  }),
  z.strictObject({
    kind: z.literal('statement'),
    mode: z.enum(STATEMENT_MODES).default('drop'),
    /** Of `alter`: what the line says wrong. */
    field: z.enum(STATEMENT_FIELDS).default('amount'),
  }),
])
export type Fault = z.infer<typeof Fault>
export type FaultKind = Fault['kind']

/** In the order random faults are drawn, so that one seed gives one run. */
export const FAULT_KINDS: readonly FaultKind[] = Fault.options.map((option) => option.shape.kind.value)

/** The fault of a kind with its default parameters. */
export function defaultFault(kind: FaultKind): Fault {
  return Fault.parse({ kind })
}

export type InquiryFault = Extract<Fault, { kind: 'inquiry_fail' | 'inquiry_lag' }>
/** Faults of the answer to the order itself; an inquiry fault may come beside one of them. */
export type OrderFault = Exclude<Fault, InquiryFault>

export function isInquiryFault(fault: Fault): fault is InquiryFault {
  return fault.kind === 'inquiry_fail' || fault.kind === 'inquiry_lag'
}

const Match = z.strictObject({
  reference: z.string().min(1).max(35).optional(),
  account: z.string().min(1).max(34).optional(),
  operation: z.enum(['collect', 'payOut', 'refund', 'mandate', 'inquire']).optional(),
  /** Minor units. */
  amount: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/)
    .optional(),
})

export const RuleRequest = z.strictObject({
  match: Match,
  fault: Fault,
  times: z.number().int().min(1).max(1_000_000).optional(),
})
/** `times`: arrivals it still strikes, null for all. */
export const Rule = z.strictObject({ id: z.string(), match: Match, fault: Fault, times: z.number().nullable() })
export type Rule = z.infer<typeof Rule>

export const RandomSettings = z.strictObject({
  seed: z.number().int().default(0),
  faults: z.partialRecord(z.enum(FAULT_KINDS), z.number().min(0).max(1)),
})
export type RandomSettings = z.infer<typeof RandomSettings>
