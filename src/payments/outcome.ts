import { UNRESOLVED, isUnresolved, resendGapMs } from '../domain/attempt.ts'
import type { Clock } from '../domain/clock.ts'
import { timestamp } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import { assertNever } from '../domain/result.ts'
import { type Columns, type Ledger, type Sql, derivedUuid } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { RailOutcome } from '../rails/port.ts'
import { awaitRail } from './moves.ts'
import type { AttemptRow, PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

type OutcomeDeps = { store: PaymentStore; ledger: Ledger; ids: Ids; clock: Clock; log: Log; incidents: IncidentBook }

export type Heard = {
  payment: string
  no: number
  outcome: RailOutcome
  /** The sender's fence token: only its holder may say `not_sent` (payments.md, rule 7). */
  token?: string
  /** Set where the rail was asked: when to ask again if this settles nothing. */
  inquiry?: { nextLookAtMs: number }
}

const CAS_TRIES = 10

/**
 * Writes what a rail said about an attempt, by compare-and-set. An attempt that
 * has its outcome keeps it: the same again is nothing new, another is an incident
 * for people, never a flip (connectors.md §0). `known`: the state as the caller just
 * wrote it; where it is stale the compare-and-set fails and the row is read. Answers
 * the kind that was written, or that the row was kept as it is.
 */
export async function recordOutcome(
  deps: OutcomeDeps,
  heard: Heard,
  known?: PaymentState,
): Promise<RailOutcome['kind'] | 'kept'> {
  for (let i = 0; i < CAS_TRIES; i++) {
    const state = i === 0 && known !== undefined ? known : await deps.store.state(heard.payment)
    const attempt = state?.attempt
    if (state === null || attempt === undefined || attempt === null || attempt.no !== heard.no) {
      throw new Error(`there is no attempt ${String(heard.no)} of ${heard.payment}`)
    }
    if (!isUnresolved(attempt.state)) {
      await contradict(deps, attempt, heard.outcome)
      return 'kept'
    }
    if (heard.outcome.kind === 'not_sent' && heard.inquiry === undefined && !holdsFence(attempt, heard)) {
      deps.log.warn({ reference: attempt.reference }, 'a superseded sender says that nothing was sent')
      return 'kept'
    }
    const columns = attemptColumns(attempt, heard, deps.clock.now())
    const waits = heard.outcome.kind === 'pending' || heard.outcome.kind === 'unknown'
    const result = await deps.ledger.apply({
      id: deps.ids.uuid(),
      guard: {
        payment: { id: heard.payment, version: state.payment.version },
        attempt: {
          payment: heard.payment,
          no: heard.no,
          states: heard.outcome.kind === 'not_sent' && heard.inquiry === undefined ? ['dispatched'] : [...UNRESOLVED],
          ...(heard.outcome.kind === 'not_sent' && heard.token !== undefined ? { token: heard.token } : {}),
        },
      },
      ok: {
        attempt: columns,
        ...(waits && state.payment.status === 'processing' ? awaitRail(state, deps.ids, deps.clock.now()) : {}),
      },
    })
    if (result.code === 'ok') return heard.outcome.kind
    if (result.code !== 'guard_failed')
      throw new Error(`an outcome of ${attempt.reference} was answered ${JSON.stringify(result)}`)
  }
  throw new Error(`the state of ${heard.payment} kept changing`)
}

/** Whether this sender is still the one that may say so, and nobody has asked the rail since (payments.md, rule 7). */
function holdsFence(attempt: AttemptRow, heard: Heard): boolean {
  return attempt.state === 'dispatched' && heard.token !== undefined && heard.token === attempt.dispatch_token
}

/** What the attempt's row becomes. */
function attemptColumns(attempt: AttemptRow, heard: Heard, nowMs: number): Columns<'attempt'> {
  const { outcome, inquiry } = heard
  const base: Columns<'attempt'> = {
    updated_at: timestamp(nowMs),
    ...(inquiry === undefined
      ? {}
      : { inquiries: attempt.inquiries + 1, next_look_at: timestamp(inquiry.nextLookAtMs) }),
  }
  // Nothing is left to ask, so no time for it keeps the patrol from a payment whose workflow is gone.
  const final: Columns<'attempt'> = { ...base, next_look_at: null }
  switch (outcome.kind) {
    case 'settled':
      return { ...final, state: 'settled', evidence: outcome.evidence, rail_reference: outcome.evidence.railReference }
    case 'declined':
      return {
        ...final,
        state: 'declined',
        evidence: outcome.evidence,
        failure_code: outcome.code,
        failure_message: outcome.reason,
      }
    case 'not_found':
      return { ...final, state: 'not_found', evidence: outcome.evidence }
    case 'pending':
      return { ...base, state: 'pending', evidence: outcome.evidence }
    case 'unknown':
      // After a question that found nothing out, `pending` stays what it is. After a lost answer: ask at once.
      return inquiry === undefined
        ? { ...base, state: 'unknown', evidence: { why: outcome.why }, next_look_at: timestamp(nowMs) }
        : { ...base, state: attempt.state === 'pending' ? 'pending' : 'unknown' }
    case 'not_sent':
      // A question that could not be asked says nothing about the payment.
      if (inquiry !== undefined) return { ...base, state: attempt.state }
      return {
        ...base,
        state: 'not_sent',
        evidence: { why: outcome.why },
        next_look_at: timestamp(nowMs + resendGapMs(attempt.sends)),
      }
    default:
      return assertNever(outcome, 'rail outcome')
  }
}

async function contradict(deps: OutcomeDeps, attempt: AttemptRow, outcome: RailOutcome): Promise<void> {
  const final = outcome.kind === 'settled' || outcome.kind === 'declined' || outcome.kind === 'not_found'
  if (!final || outcome.kind === attempt.state) return
  // "Never received" and "declined" agree that nothing moved.
  if (outcome.kind !== 'settled' && attempt.state !== 'settled') return
  deps.log.error(
    { reference: attempt.reference, recorded: attempt.state, heard: outcome.kind },
    'a rail contradicts a recorded outcome',
  )
  await deps.incidents.open({
    kind: 'contradicting_outcome',
    payment: attempt.payment,
    detail: {
      reference: attempt.reference,
      recorded: attempt.state,
      heard: outcome.kind,
      evidence: outcome.evidence.id,
    },
  })
}

/** Breaks between a rail and us that people must see; the same one twice is one. */
export type IncidentBook = { open(incident: { kind: string; payment: string; detail: object }): Promise<void> }

export function makeIncidentBook(sql: Sql): IncidentBook {
  return {
    async open({ kind, payment, detail }) {
      const text = JSON.stringify(detail)
      await sql`
        insert into incidents (id, kind, payment, detail)
        values (${derivedUuid(`${kind}/${payment}/${text}`)}, ${kind}, ${payment}, ${text}::text::jsonb)
        on conflict do nothing`
    },
  }
}
