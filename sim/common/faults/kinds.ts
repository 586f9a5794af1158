import { z } from 'zod'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/**
 * Every way an operator can misbehave on demand, with its parameters and their defaults. What a `reason` may be,
 * and what it is when it is left out, is each simulator's own.
 */

const seconds = (byDefault: number) => z.number().min(0).max(86_400).default(byDefault)
const milliseconds = (byDefault: number) => z.number().int().min(0).max(600_000).default(byDefault)
const gatewayStatus = z.literal([500, 502, 503]).default(503)
const reason = z
  .string()
  .regex(/^[A-Za-z0-9_.]{1,64}$/)
  .optional()

const faultOf = <K extends string, S extends z.ZodRawShape>(name: K, parameters: S) =>
  z.strictObject({ kind: z.literal(name), ...parameters })

/** What a statement does with a line: leaves it out, tells it wrong, tells it twice, or tells one that nobody made. */
export const Distortion = z.object({
  mode: z.enum(['drop', 'alter', 'twice', 'add']).default('drop'),
  /** Of `alter`: what the line says wrong. */
  field: z.enum(['amount', 'reference', 'sign']).default('amount'),
})
export type Distortion = z.infer<typeof Distortion>

export const Fault = z.discriminatedUnion('kind', [
  faultOf('decline', { reason }),
  faultOf('delay', { ms: milliseconds(1_000) }),
  faultOf('pending', {
    then: z.enum(['settled', 'declined', 'never']).default('settled'),
    after_s: seconds(3),
    callback: z.boolean().default(true),
  }),
  faultOf('drop_before', {}),
  faultOf('drop_after', {}),
  faultOf('hang_before', { s: seconds(60) }),
  faultOf('hang_after', { s: seconds(60) }),
  faultOf('error_before', { status: gatewayStatus }),
  faultOf('error_after', { status: gatewayStatus }),
  faultOf('answer_twice', { gap_ms: milliseconds(200) }),
  faultOf('duplicate_callback', {
    n: z.number().int().min(1).max(1_000).default(3),
    gap_ms: milliseconds(0),
    after_s: seconds(0.5),
  }),
  faultOf('late_callback', { after_s: seconds(30) }),
  faultOf('contradict_callback', { after_s: seconds(3) }),
  faultOf('malformed', {
    mode: z.enum(['truncated', 'html', 'empty', 'bad_schema', 'wrong_type']).default('truncated'),
  }),
  faultOf('bad_signature', {
    mode: z.enum(['wrong_key', 'stale', 'digest', 'missing', 'replayed']).default('wrong_key'),
  }),
  faultOf('wrong_content', { field: z.enum(['amount', 'currency', 'reference']).default('amount') }),
  faultOf('inquiry_fail', { s: seconds(5) }),
  faultOf('inquiry_lag', { s: seconds(5) }),
  faultOf('duplicate_answer', {}),
  faultOf('expire', { after_s: seconds(3) }),
  faultOf('statement', Distortion.shape),
  faultOf('return_later', { after_s: seconds(10), reason }),
  faultOf('outage', { seconds: seconds(10), mode: z.enum(['refuse', 'hang', '500']).default('refuse') }),
])
export type Fault = z.infer<typeof Fault>
export type FaultKind = Fault['kind']
/** In the order random faults are drawn, so that one seed gives one run. */
export const FAULT_KINDS: readonly FaultKind[] = Fault.options.map((option) => option.shape.kind.value)

export type InquiryFault = Extract<Fault, { kind: 'inquiry_fail' | 'inquiry_lag' }>
export type StatementFault = Extract<Fault, { kind: 'statement' }>
export type ReturnFault = Extract<Fault, { kind: 'return_later' }>
/** Faults of the answer to the order itself; one of each other sort may come beside it. */
export type OrderFault = Exclude<Fault, InquiryFault | StatementFault | ReturnFault>

/** The fault of a kind with its default parameters. */
export const defaultFault = (kind: FaultKind): Fault => Fault.parse({ kind })

export const OPERATIONS = ['collect', 'payOut', 'refund'] as const
export type Operation = (typeof OPERATIONS)[number]

const Match = z.strictObject({
  reference: z.string().min(1).max(64).optional(),
  account: z.string().min(1).max(64).optional(),
  operation: z.enum([...OPERATIONS, 'inquire']).optional(),
  /** Minor units. */
  amount: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/)
    .optional(),
})

export const RuleRequest = z
  .strictObject({ match: Match, fault: Fault, times: z.number().int().min(1).max(1_000_000).optional() })
  .refine(
    ({ match, fault }) => match.operation !== 'inquire' || INQUIRE_FAULTS.has(fault.kind),
    'this fault is none of inquiries',
  )
/** `times`: arrivals it still strikes, null for all. */
export const Rule = z.strictObject({ id: z.string(), match: Match, fault: Fault, times: z.number().nullable() })
export type Rule = z.infer<typeof Rule>

export const RandomSettings = z.strictObject({
  seed: z.number().int().default(0),
  faults: z.partialRecord(z.enum(FAULT_KINDS), z.number().min(0).max(1)),
})
export type RandomSettings = z.infer<typeof RandomSettings>

/** What can go wrong with a question, which moves nothing. */
const INQUIRE_FAULTS: ReadonlySet<FaultKind> = new Set([
  'delay',
  'drop_before',
  'drop_after',
  'hang_before',
  'hang_after',
  'error_before',
  'error_after',
  'malformed',
  'wrong_content',
  'inquiry_fail',
  'inquiry_lag',
])
