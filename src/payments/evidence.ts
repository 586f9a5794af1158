import { isUnresolved, type RailStep } from '../domain/attempt.ts'
import { timestamp } from '../domain/clock.ts'
import { assertNever } from '../domain/result.ts'
import { derivedUuid, type Sql } from '../ledger/index.ts'
import type { Evidence, RailOutcome } from '../rails/port.ts'
import type { AttemptRow } from './rows.ts'

/**
 * What rails say about attempts that have their outcome. It is kept before anything
 * is done with it, and what is made of it is written with the money (recovery/steps.ts):
 * nothing is dropped, whoever dies in between.
 */

/** What an outcome may claim that an attempt's own row does not. */
export const CLAIMS = ['settled', 'declined', 'not_found', 'returned'] as const
export type Claim = (typeof CLAIMS)[number]

export type EvidenceKind =
  | Claim
  /** There is something to see, and only an inquiry tells what. */
  | 'look'
  /** Authentic, about our reference, and nothing we may act upon: another amount, a word we do not know. */
  | 'unclear'

/** What was made of it. */
export type EvidenceResult =
  /** The money is where it belongs. */
  | 'posted'
  /** The money is in suspense: its owner's wallet took none. */
  | 'suspended'
  /** The rail denies what we posted: the difference stands as a break. */
  | 'broken'
  /** It cannot be true as it stands, or nobody has said what follows from it. */
  | 'unpostable'
  /** Said before, and acted upon then. */
  | 'known'
  /** People said what becomes of it. */
  | 'decided'
  /** It says what is recorded. */
  | 'agreed'
  /** The rail was asked, and says what is recorded. */
  | 'refuted'

export type EvidenceRow = {
  id: string
  rail: string
  reference: string
  /** The payment or refund. */
  payment: string
  no: number
  ledger: number
  kind: EvidenceKind
  via: Evidence['via']
  rail_id: string
  /** Minor units. */
  amount: bigint
  reason: string | null
  disputed: boolean
  body: object
  heard_at: Date
  asks: number
  /** Not to be asked about before. */
  ask_at: Date | null
  /** What the rail answered when it was asked whether it is so; null: it has not answered yet. */
  answer: Claim | 'wrong_code' | null
  state: 'open' | 'needs_operator' | 'done'
  result: EvidenceResult | null
  /** What was posted for it, minor units. */
  moved: bigint | null
}

export type NewEvidence = Omit<EvidenceRow, 'heard_at' | 'asks' | 'ask_at' | 'answer' | 'state' | 'result' | 'moved'>

/** What an outcome claims of an attempt's money; null: nothing, or nothing final. */
export function claimOf(step: RailStep, kind: RailOutcome['kind']): Claim | null {
  switch (kind) {
    case 'charged':
      return 'settled'
    case 'settled':
      // A reservation was given back.
      return step === 'cancel' ? 'declined' : 'settled'
    case 'declined':
    case 'not_found':
    case 'returned':
      return kind
    default:
      return null
  }
}

/** Whether this says something else of an attempt's money than its row does. */
export function contradicts({ step, state }: Pick<AttemptRow, 'step' | 'state'>, claim: Claim): boolean {
  const settled = state === 'settled' && step !== 'cancel'
  switch (claim) {
    case 'returned':
      return true
    case 'settled':
      return !settled
    case 'declined':
    case 'not_found':
      // "Never received" and "declined" agree that nothing moved.
      return settled
    default:
      return assertNever(claim, 'claim')
  }
}

/** The evidence that an outcome is for an attempt that has its own; null where it says nothing new. */
export function evidenceOf(attempt: AttemptRow, outcome: RailOutcome): NewEvidence | null {
  if (outcome.kind === 'unknown' && outcome.alarm) {
    return made(attempt, { kind: 'unclear', via: 'callback', railId: outcome.why, body: outcome })
  }
  const claim = claimOf(attempt.step, outcome.kind)
  // Of an attempt that waits only a return is news: the outcome that it implies is written as any other.
  if (claim === null || !contradicts(attempt, claim) || (isUnresolved(attempt.state) && claim !== 'returned'))
    return null
  if (!('evidence' in outcome)) return null
  const { evidence } = outcome
  const said = { kind: claim, via: evidence.via, railId: evidence.id ?? evidence.status }
  if (outcome.kind !== 'returned') return made(attempt, { ...said, body: evidence })
  const { amountMinor: amount, reason, disputed = false } = outcome
  return { ...made(attempt, { ...said, body: evidence }), amount, reason, disputed }
}

/** That a rail says by `eventId` that there is something to see. */
export function lookAt(attempt: AttemptRow, eventId: string): NewEvidence {
  return made(attempt, { kind: 'look', via: 'callback', railId: eventId, body: {} })
}

function made(
  attempt: AttemptRow,
  said: { kind: EvidenceKind; via: Evidence['via']; railId: string; body: object },
): NewEvidence {
  const { rail, reference, payment, no, ledger, amount } = attempt
  const { kind, via, railId, body } = said
  // A return has one name, whichever way we hear of it; whatever else is said has been said by somebody.
  const name = kind === 'returned' ? [kind, railId] : [kind, via, railId]
  const id = derivedUuid(['evidence', rail, reference, ...name].join('/'))
  return {
    id,
    rail,
    reference,
    payment,
    no,
    ledger,
    kind,
    via,
    rail_id: railId,
    amount,
    reason: null,
    disputed: false,
    body,
  }
}

/** Kept: it was not there before. Open: it was, and is not ended. Differs: the same name was given to another amount. */
export type Kept = 'kept' | 'open' | 'ended' | 'differs'

export async function keepEvidence(sql: Sql, said: NewEvidence): Promise<Kept> {
  const { id, rail, reference, payment, no, ledger, kind, via, rail_id: railId, reason, disputed } = said
  const amount = said.amount.toString()
  const body = JSON.stringify(said.body, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
  const kept = await sql`
    insert into evidence (id, rail, reference, payment, no, ledger, kind, via, rail_id, amount, reason, disputed, body)
    values (${id}, ${rail}, ${reference}, ${payment}, ${no}, ${ledger}, ${kind}, ${via}, ${railId}, ${amount}, ${reason},
      ${disputed}, ${body}::text::jsonb)
    on conflict do nothing returning id`
  if (kept.length > 0) return 'kept'
  const [there] = await sql<{ amount: bigint; state: EvidenceRow['state'] }[]>`
    select amount, state from evidence where id = ${id}`
  if (there === undefined) throw new Error(`evidence ${id} is neither there nor could it be kept`)
  if (there.amount !== said.amount) return 'differs'
  return there.state === 'open' ? 'open' : 'ended'
}

/** Reads of evidence, and what is written of it before it has come to anything. */
export type EvidenceBook = ReturnType<typeof makeEvidenceBook>

export function makeEvidenceBook(sql: Sql) {
  return {
    async get(id: string): Promise<EvidenceRow | null> {
      const rows = await sql<EvidenceRow[]>`select * from evidence where id = ${id}`
      return rows[0] ?? null
    },

    /** All of one attempt, oldest first. */
    async ofAttempt(payment: string, no: number): Promise<EvidenceRow[]> {
      return sql<EvidenceRow[]>`select * from evidence where payment = ${payment} and no = ${no} order by heard_at, id`
    },

    /** What the rail answered when it was asked about it; the first answer stays. */
    async answered(id: string, answer: NonNullable<EvidenceRow['answer']>): Promise<void> {
      await sql`update evidence set answer = ${answer}, asks = asks + 1 where id = ${id} and answer is null`
    },

    /** The rail told nothing: ask again then; the patrol looks `graceMs` after that. */
    async unanswered(id: string, askAtMs: number, graceMs: number): Promise<void> {
      await sql`
        update evidence set asks = asks + 1, ask_at = ${timestamp(askAtMs)}, next_look_at = ${timestamp(askAtMs + graceMs)}
        where id = ${id}`
    },

    /** It was not asked about, for lack of a turn: it is then; the patrol looks `graceMs` after that. */
    async askAt(id: string, atMs: number, graceMs: number): Promise<void> {
      await sql`
        update evidence set ask_at = ${timestamp(atMs)}, next_look_at = ${timestamp(atMs + graceMs)}
        where id = ${id} and state = 'open'`
    },

    /** Somebody is at work on it and looks again by itself: the patrol need not before then. */
    async later(id: string, atMs: number): Promise<void> {
      await sql`update evidence set next_look_at = ${timestamp(atMs)} where id = ${id} and state = 'open'`
    },

    /** Those whose time has come, each for one who asks: whoever does nothing about it leaves it to the next in `againMs`. */
    async claim(limit: number, againMs: number): Promise<{ id: string; payment: string }[]> {
      return sql<{ id: string; payment: string }[]>`
        update evidence e
        -- What waits for people is at rest: its recovery only has to be there.
        set next_look_at = clock_timestamp() + make_interval(secs => ${againMs / 1_000} * case e.state when 'open' then 1 else 10 end)
        from (
          select id from evidence where state <> 'done' and next_look_at <= clock_timestamp()
          order by next_look_at limit ${limit} for update skip locked
        ) due
        where e.id = due.id
        returning e.id, e.payment`
    },
  }
}
