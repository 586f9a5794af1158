import type { PaymentStatus } from '../../contract/names.ts'
import { inquiryWaitMs } from '../../domain/attempt.ts'
import type { Clock } from '../../domain/clock.ts'
import type { PaymentIds } from '../events.ts'
import { assertNever } from '../../domain/result.ts'
import type { AccountBook, Ledger, UnitResult } from '../../ledger/index.ts'
import type { Log } from '../../observe/log.ts'
import type { Aftermath, IncidentBook } from '../aftermath.ts'
import type { Next } from '../next.ts'
import { orderOf } from '../order.ts'
import { isRefund } from '../refunds/bearer.ts'
import type { TermsOf } from '../refunds/funding.ts'
import type { PaymentStore } from '../store.ts'
import { claimOf, type EvidenceBook } from '../evidence.ts'
import type { WatchedRail } from '../watched-rail.ts'
import { disputeUnit, endUnit, postUnit, waysOf } from './moves.ts'
import { type Facts, type Move, type Verdict, verdictOn } from './verdict.ts'

/** Where a recovery may wait. */
export const RECOVERY_STAGES = ['awaiting_rail', 'needs_operator'] as const

/** What a recovery needs next. */
export type RecoveryNext =
  | (Extract<Next, { step: 'wait' }> & { stage: (typeof RECOVERY_STAGES)[number] })
  | { step: 'done'; status: PaymentStatus }

/**
 * The steps of a recovery, each a compare-and-set on what Postgres holds and safe to
 * run twice, late, or two at once: what is decided is decided on the payment's version,
 * the evidence ends in the very unit that moves the money, and the ids of its transfers
 * follow from the evidence.
 */
export type RecoverySteps = {
  /** Does all that can be done now; answers what it waits for, or that it is over. */
  recover(evidence: string): Promise<RecoveryNext>
  /** Asks the rail whether it is so, where that is what it waits for and its time has come. */
  ask(evidence: string): Promise<RecoveryNext>
}

export type RecoveryDeps = {
  store: PaymentStore
  evidence: EvidenceBook
  incidents: IncidentBook
  aftermath: Aftermath
  /** What was agreed of a payment's fee for its refunds. */
  terms: TermsOf
  ledger: Ledger
  accounts: AccountBook
  rails: ReadonlyMap<string, WatchedRail>
  ids: PaymentIds
  clock: Clock
  log: Log
}

/** The payment first: whatever changes what is read after it raises its version, or is written once. */
export async function loadFacts(
  { store, evidence: book, terms }: Pick<RecoveryDeps, 'store' | 'evidence' | 'terms'>,
  id: string,
): Promise<Facts> {
  const named = await book.get(id)
  if (named === null) throw new Error(`there is no evidence ${id}`)
  const payment = await store.bearerPayment(named.payment)
  const attempt = await store.attempt(named.payment, named.no)
  const all = await book.ofAttempt(named.payment, named.no)
  const evidence = all.find((each) => each.id === id)
  if (payment === null || attempt === null || evidence === undefined) {
    throw new Error(`evidence ${id} is about ${named.payment}, which has no such payment or attempt`)
  }
  if (!isRefund(named.payment)) return { evidence, all, payment, attempt, refund: null }
  const refund = await store.refunds.refund(named.payment)
  if (refund === null) throw new Error(`there is no refund ${named.payment}`)
  const [{ tax }, returned] = await Promise.all([terms(payment), store.refunds.returned(payment.id)])
  return { evidence, all, payment, attempt, refund: { ...refund, tax, returned } }
}

const CAS_TRIES = 10
/** How long a recovery that people must end sleeps between looks. */
const OPERATOR_MS = 3_600_000
/** Above what a recovery at work leaves between two looks, so that the patrol finds only those that nobody is at. */
const PATROL_GRACE_MS = 60_000

export function makeRecoverySteps(deps: RecoveryDeps): RecoverySteps {
  const { evidence: book, ledger, ids, clock } = deps

  /** True where it was applied; false where somebody else was first. */
  function applied(id: string, result: UnitResult): boolean {
    if (result.code === 'ok') return true
    if (result.code === 'guard_failed') return false
    throw new Error(`the recovery of ${id} was answered ${JSON.stringify(result)}`)
  }

  /** Tries one way after the other; one that the ledger refused before is refused again. */
  async function post(facts: Facts, move: Move): Promise<boolean> {
    const { evidence, payment, attempt } = facts
    for (const way of waysOf(facts, move)) {
      const result = await ledger.apply(await postUnit({ accounts: deps.accounts, ids }, facts, move, way, clock.now()))
      if (result.code === 'refused') {
        deps.log.warn(
          { reference: attempt.reference, way: way.name, refused: result.transfer },
          'a recovery was refused',
        )
        continue
      }
      if (!applied(evidence.id, result)) return false
      const told = {
        reference: attempt.reference,
        payment: payment.id,
        way: way.name,
        amount: move.amountMinor.toString(),
      }
      deps.log.warn(told, 'money after the end was recovered')
      if (way.result !== 'posted') await incident(facts, `${way.recovery.kind}_${way.result}`)
      return true
    }
    throw new Error(`every way to recover ${evidence.id} was refused`)
  }

  async function incident({ evidence, attempt }: Facts, kind: string, why?: string): Promise<void> {
    await deps.incidents.open({
      kind,
      payment: attempt.payment,
      detail: {
        reference: attempt.reference,
        recorded: attempt.state,
        heard: evidence.kind,
        evidence: evidence.rail_id,
        amount: evidence.amount.toString(),
        ...(why === undefined ? {} : { why }),
      },
    })
  }

  /** Does what the verdict says; whether it was done, and there may be more to do. */
  async function act(facts: Facts, verdict: Exclude<Verdict, { do: 'wait' | 'ask' | 'over' }>): Promise<void> {
    const { id } = facts.evidence
    switch (verdict.do) {
      case 'end':
        applied(id, await ledger.apply(endUnit(facts, verdict.result, ids)))
        return
      case 'operator':
        // Before it counts as theirs it must be before them.
        await incident(facts, 'needs_operator', verdict.why)
        applied(id, await ledger.apply(endUnit(facts, 'unpostable', ids)))
        return
      case 'dispute':
        applied(id, await ledger.apply(disputeUnit(facts, ids, clock.now())))
        return
      case 'post':
        await post(facts, verdict.move)
        return
      default:
        assertNever(verdict, 'verdict')
    }
  }

  /** As far as it goes without asking anybody. */
  async function advance(id: string): Promise<{ facts: Facts; next: RecoveryNext }> {
    for (let i = 0; i < CAS_TRIES; i++) {
      const facts = await loadFacts(deps, id)
      const verdict = verdictOn(facts)
      const { payment, attempt, evidence } = facts
      if (verdict.do === 'over') {
        if (evidence.state === 'done') return { facts, next: { step: 'done', status: payment.status } }
        const why = `an operator: ${attempt.rail} said ${evidence.kind} of ${attempt.reference}`
        return { facts, next: { step: 'wait', ms: OPERATOR_MS, why, stage: 'needs_operator' } }
      }
      if (verdict.do === 'wait') {
        await book.later(id, clock.now() + verdict.ms + PATROL_GRACE_MS)
        return { facts, next: { step: 'wait', ms: verdict.ms, why: verdict.why, stage: 'awaiting_rail' } }
      }
      if (verdict.do === 'ask') {
        const why = `an inquiry at ${attempt.rail}: is it so that it ${evidence.kind === 'look' ? 'changed' : evidence.kind}?`
        const ms = Math.max(0, (evidence.ask_at?.getTime() ?? 0) - clock.now())
        return { facts, next: { step: 'wait', ms, why, stage: 'awaiting_rail' } }
      }
      await act(facts, verdict)
    }
    throw new Error(`the state of evidence ${id} kept changing`)
  }

  async function inquire({ attempt, evidence }: Facts): Promise<void> {
    const rail = deps.rails.get(attempt.rail)
    if (rail === undefined) throw new Error(`no rail ${attempt.rail} is configured`)
    // Anybody may send what is not signed; whatever else is evidence, the rail said.
    const outcome = await rail.ask(orderOf(attempt), evidence.kind === 'look' ? 'woken' : 'scheduled')
    if (outcome.kind === 'not_asked') {
      await book.askAt(evidence.id, clock.now() + outcome.afterMs, PATROL_GRACE_MS)
      return
    }
    const answer = outcome.kind === 'wrong_code' ? outcome.kind : claimOf(attempt.step, outcome.kind)
    if (answer === null) {
      // The question needs no deadline to pass first: the order has its outcome.
      const schedule = { deadlineMs: 0, gapsMs: rail.profile.inquiryGapsMs }
      const waitMs = inquiryWaitMs(clock.now() - evidence.heard_at.getTime(), schedule)
      await book.unanswered(evidence.id, clock.now() + waitMs, PATROL_GRACE_MS)
      return
    }
    // What it says anew is kept before the question counts as answered.
    await deps.aftermath.heard(attempt, outcome)
    await book.answered(evidence.id, answer)
  }

  return {
    recover: async (id) => (await advance(id)).next,

    async ask(id) {
      const { facts, next } = await advance(id)
      if (next.step !== 'wait' || next.ms > 0 || verdictOn(facts).do !== 'ask') return next
      await inquire(facts)
      return (await advance(id)).next
    },
  }
}
