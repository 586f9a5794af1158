import type { Fault } from './rails.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/** What a rail is told to do wrong, and what is seen of it: the part of a row that no step and no rail changes. */
export type Kind = {
  faults: readonly Fault[]
  /** Whether it is said that the rail has not answered. */
  waits: boolean
  ends: string
  /** What is decided at the rail once it is pending for ever. */
  decide?: 'settled' | 'declined'
  /** Money is returned, or a rail contradicts itself: it is written down for people. */
  incident?: string
}

type Parameters = Omit<Fault, 'kind'>

export const SUCCEEDED = 'succeeded'
export const NOT_EXECUTED = 'failed not_executed'
export const DECLINED = 'failed declined_by_rail'

const kind = (name: string, parameters: Parameters, waits: boolean, ends: string, more?: Partial<Kind>): Kind => ({
  faults: [{ kind: name, ...parameters }],
  waits,
  ends,
  ...more,
})
export const quick = (name: string, parameters: Parameters = {}, ends = SUCCEEDED, more?: Partial<Kind>): Kind =>
  kind(name, parameters, false, ends, more)
export const slow = (name: string, parameters: Parameters = {}, ends = SUCCEEDED, more?: Partial<Kind>): Kind =>
  kind(name, parameters, true, ends, more)
const beside = ({ faults, ...rest }: Kind, name: string, parameters: Parameters): Kind => ({
  ...rest,
  faults: [...faults, { kind: name, ...parameters }],
})

/** How it ends where the order never arrived, where a pending one is refused, and where the rail says at first that it has it already. */
type Habits = { lost: string; declined: string; duplicate?: Kind; wrong?: (field: string) => Kind }

/** Parameters that make no difference to the payment are the connectors' own tests'. */
export const common = ({
  lost,
  declined,
  duplicate = slow('duplicate_answer'),
  wrong = (field) => slow('wrong_content', { field }),
}: Habits): Kind[] => [
  slow('delay', { ms: 3_000 }),
  slow('pending', { then: 'settled', after_s: 2 }),
  slow('pending', { then: 'declined', after_s: 2 }, declined),
  slow('pending', { then: 'settled', after_s: 2, callback: false }),
  slow('pending', { then: 'never' }, SUCCEEDED, { decide: 'settled' }),
  slow('pending', { then: 'never' }, declined, { decide: 'declined' }),
  slow('drop_before', {}, lost),
  slow('drop_after'),
  slow('hang_before', { s: 30 }, lost),
  slow('hang_after', { s: 30 }),
  slow('error_before', { status: 503 }, lost),
  slow('error_after', { status: 500 }),
  slow('duplicate_callback', { n: 15, after_s: 2 }),
  // After the deadline of 8 s.
  slow('late_callback', { after_s: 12 }),
  slow('malformed', { mode: 'truncated' }),
  slow('bad_signature', { mode: 'wrong_key' }),
  wrong('amount'),
  wrong('reference'),
  duplicate,
  beside(slow('hang_after', { s: 30 }), 'inquiry_fail', { s: 30 }),
  beside(slow('hang_after', { s: 30 }), 'inquiry_lag', { s: 5 }),
  quick('statement'),
  quick('answer_twice'),
]

/** What the rail refuses in this way, by the code that is said then. */
export const declines = (codes: Readonly<Record<string, string>>): Kind[] =>
  Object.entries(codes).map(([reason, code]) => quick('decline', { reason }, `failed ${code}`))

/** Whether the order never arrives: whoever waits for it waits longest. */
export const isLost = ({ faults }: Pick<Kind, 'faults'>): boolean => faults.some(({ kind: name }) => LOST.has(name))
const LOST = new Set(['drop_before', 'hang_before', 'error_before'])

/** Whether the rail decides half a second later, by its own clock: where this machine is slow, before anybody is told to wait. */
export const isSoon = ({ faults }: Pick<Kind, 'faults'>): boolean => faults.some(({ kind: name }) => SOON.has(name))
const SOON = new Set(['bad_signature', 'contradict_callback'])

export function kindName({ faults, decide, ends }: Kind): string {
  const words = faults.map((fault) => Object.values(fault).join(' ')).join(' + ')
  return `${words}${decide === undefined ? '' : `, decided ${decide}`}: ${ends}`
}
