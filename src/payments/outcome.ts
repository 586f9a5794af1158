import { UNRESOLVED, type RailStep, isUnresolved, movesMoney, resendGapMs } from '../domain/attempt.ts'
import type { Clock } from '../domain/clock.ts'
import { timestamp } from '../domain/clock.ts'
import { assertNever } from '../domain/result.ts'
import type { Columns, Ledger } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { RailMemo, RailOutcome } from '../rails/port.ts'
import type { PaymentIds } from './events.ts'
import type { Aftermath } from './aftermath.ts'
import type { Bearer, LoadBearer } from './bearer.ts'
import type { AttemptRow } from './rows.ts'

export type OutcomeDeps = {
  load: LoadBearer
  ledger: Ledger
  ids: PaymentIds
  clock: Clock
  log: Log
  /** Takes evidence that comes after an attempt had its outcome. */
  aftermath: Aftermath
}

export type Heard = {
  /** The payment or refund. */
  bearer: string
  no: number
  /** The step it is about: what one call came to says nothing about the next. */
  step: RailStep
  outcome: RailOutcome
  /** Of the call that was made or asked about. Only its sender may say `not_sent` of it (payments.md, rule 7). */
  token?: string
  /** What was sent is a message that had left before: that it did not leave this time says nothing of the first. */
  resent?: boolean
  /** Set where the rail was asked: when to ask again if this settles nothing. */
  inquiry?: { nextLookAtMs: number }
}

/** What became of it: the kind that was written, or that the row was kept as it is. */
export type Recorded = {
  kind: RailOutcome['kind'] | 'kept'
  /** The bearer's end was written with it. */
  ended: boolean
}

export const KEPT: Recorded = { kind: 'kept', ended: false }
const CAS_TRIES = 10

/**
 * Writes what a rail said about an attempt, by compare-and-set. An attempt that
 * has its outcome keeps it: the same again is nothing new, another is evidence
 * for what comes after the end, never a flip (connectors.md §0). `known`: the state as the
 * caller just wrote it; where it is stale the compare-and-set fails and the row is read.
 * Where the money has moved and nothing is left to decide, what it pays for ends by the same unit.
 */
export async function recordOutcome(deps: OutcomeDeps, said: Heard, known?: Bearer): Promise<Recorded> {
  const heard = { ...said, outcome: understood(said) }
  let mayEnd = true
  for (let i = 0; i < CAS_TRIES; i++) {
    const bearer = i === 0 && known !== undefined ? known : await deps.load(heard.bearer)
    const attempt = bearer?.attempt
    if (bearer === null || attempt === undefined || attempt === null || attempt.no !== heard.no) {
      throw new Error(`there is no attempt ${String(heard.no)} of ${heard.bearer}`)
    }
    if (!isAbout(heard, attempt)) {
      deps.log.warn(
        { reference: attempt.reference, step: heard.step, at: attempt.step },
        'an answer to an earlier step',
      )
      return KEPT
    }
    if (!isUnresolved(attempt.state)) {
      await deps.aftermath.heard(attempt, heard.inquiry === undefined ? heard.outcome : overtaken(heard.outcome))
      return KEPT
    }
    const unsent = heard.outcome.kind === 'not_sent' && heard.inquiry === undefined
    if (unsent && !holdsFence(attempt, heard)) {
      deps.log.warn({ reference: attempt.reference }, 'a superseded sender says that nothing was sent')
      return KEPT
    }
    // It had settled, which nobody had heard, and then it came back: that is kept before the one it implies is written.
    if (heard.outcome.kind === 'returned') await deps.aftermath.heard(attempt, heard.outcome)
    const now = deps.clock.now()
    const waits = heard.outcome.kind === 'pending' || heard.outcome.kind === 'unknown'
    const end = mayEnd && hasMoved(heard) ? bearer.ending(attempt, now) : null
    const result = await deps.ledger.apply({
      id: deps.ids.uuid(),
      guard: {
        ...(bearer.guard === null ? {} : { payment: bearer.guard }),
        attempt: {
          payment: attempt.payment,
          no: heard.no,
          states: unsent ? ['dispatched'] : [...UNRESOLVED],
          // Read under this very call: one that another followed meanwhile is read again.
          ...(attempt.dispatch_token === null ? {} : { token: attempt.dispatch_token }),
        },
      },
      ...(end === null ? {} : { transfers: end.transfers }),
      ok: { attempt: attemptColumns(attempt, heard, now), ...(waits ? bearer.awaiting(now) : {}), ...end?.ok },
    })
    if (result.code === 'ok') return { kind: heard.outcome.kind, ended: end !== null }
    // What the rail said is written whatever the ledger says of the end; its own step then says that aloud.
    if (result.code === 'refused' && end !== null) mayEnd = false
    else if (result.code !== 'guard_failed')
      throw new Error(`an outcome of ${attempt.reference} was answered ${JSON.stringify(result)}`)
  }
  throw new Error(`the state of ${heard.bearer} kept changing`)
}

/** That a reservation is not given back ends nothing: what becomes of it is asked about. */
function understood({ step, outcome }: Heard): RailOutcome {
  if (step !== 'cancel' || outcome.kind !== 'declined') return outcome
  return { kind: 'unknown', why: `not given back: ${outcome.reason}`, alarm: true }
}

/** What settles by these has moved money; a reservation made or given back has not. */
function hasMoved({ outcome, step }: Heard): boolean {
  return outcome.kind === 'settled' && movesMoney(step)
}

/**
 * What a rail answered when it was asked before the outcome was known, and so may not have known it either: hearsay,
 * which is asked about again (recovery/verdict.ts, R2).
 */
function overtaken(outcome: RailOutcome): RailOutcome {
  switch (outcome.kind) {
    case 'declined':
    case 'not_found':
      return { ...outcome, evidence: { ...outcome.evidence, via: 'answer' } }
    default:
      return outcome
  }
}

/** A code is typed anew for each `validate`, so there only the very call counts; elsewhere every send of a step is the same message. */
function isAbout(heard: Heard, attempt: AttemptRow): boolean {
  if (heard.step !== attempt.step) return false
  return heard.step !== 'validate' || heard.token === undefined || heard.token === attempt.dispatch_token
}

/** Whether this sender is still the one that may say so, and nobody has asked the rail since (payments.md, rule 7). */
function holdsFence(attempt: AttemptRow, heard: Heard): boolean {
  return attempt.state === 'dispatched' && heard.token !== undefined && heard.token === attempt.dispatch_token
}

/** Back to where the payer is asked: the reservation stands as it stood. */
const ASKED_FOR_CODE = { step: 'prepare', state: 'settled', asks: 'code' } as const

/** Where the step stands by which its money moves. */
const CHARGED = { step: 'confirm', asks: null } as const

/** What the attempt's row becomes. */
function attemptColumns(attempt: AttemptRow, heard: Heard, nowMs: number): Columns<'attempt'> {
  const { outcome, inquiry } = heard
  const base: Columns<'attempt'> = {
    updated_at: timestamp(nowMs),
    ...('memo' in outcome && outcome.memo !== undefined ? { memo: merged(attempt.memo, outcome.memo) } : {}),
    ...(inquiry === undefined
      ? {}
      : { inquiries: attempt.inquiries + 1, next_look_at: timestamp(inquiry.nextLookAtMs) }),
  }
  // Nothing is left to ask, so no time for it keeps the patrol from a payment whose workflow is gone.
  const final: Columns<'attempt'> = { ...base, next_look_at: null }
  switch (outcome.kind) {
    case 'settled':
    case 'charged':
      return {
        ...final,
        ...(outcome.kind === 'charged' ? CHARGED : { asks: outcome.asks ?? null }),
        state: 'settled',
        evidence: outcome.evidence,
        rail_reference: outcome.evidence.railReference ?? attempt.rail_reference,
      }
    case 'returned':
      return { ...final, state: 'settled', evidence: outcome.evidence }
    case 'wrong_code':
      return { ...final, ...ASKED_FOR_CODE, evidence: outcome.evidence }
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
      // The code was kept for that one send alone (attempts.ts): it is typed anew.
      if (heard.step === 'validate') return { ...final, ...ASKED_FOR_CODE, evidence: { why: outcome.why } }
      return {
        ...base,
        state: heard.resent === true ? 'not_found' : 'not_sent',
        evidence: { why: outcome.why },
        next_look_at: timestamp(nowMs + resendGapMs(attempt.sends)),
      }
    default:
      return assertNever(outcome, 'rail outcome')
  }
}

function merged(before: RailMemo | null, now: RailMemo): RailMemo {
  return { ...before, ...now }
}
