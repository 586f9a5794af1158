import type { SourceStatus } from '../contract/names.ts'
import { longGapMs } from '../domain/attempt.ts'
import { type Clock, timestamp } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import { assertNever } from '../domain/result.ts'
import type { Columns, EventInput, Ledger } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { MandateAnswer } from '../rails/port.ts'
import type { InquiryBudget, NotAsked } from './inquiry-budget.ts'
import type { RailBook } from './rail-book.ts'
import type { SourceRow } from './rows.ts'
import type { PaymentStore } from './store.ts'
import { sourceView } from './view.ts'

/**
 * Mandates that a bank has not decided, each a workflow of its own, whose id is the source's: the bank is asked under
 * the same reference, which is the same mandate, until it says yes or no. What it says is written once, by whoever
 * finds the source as it was.
 */
export type MandateNext =
  | { step: 'wait'; ms: number; bank: string }
  | { step: 'done'; status: Exclude<SourceStatus, 'requires_action'> }

export type MandateSteps = {
  look(source: string): Promise<MandateNext>
  /** Asks the bank, where it is time to. */
  inquire(source: string): Promise<MandateNext>
}

const ASK_DEADLINE_MS = 8_000
const CAS_TRIES = 10

export function makeMandates(deps: {
  store: PaymentStore
  ledger: Ledger
  ids: Ids
  clock: Clock
  log: Log
  rails: RailBook
  budget: InquiryBudget
}): MandateSteps {
  const { store, ledger, ids, clock } = deps

  async function load(id: string): Promise<SourceRow> {
    const source = await store.source(id)
    if (source === null) throw new Error(`there is no source ${id}`)
    return source
  }

  function nextOf(source: SourceRow): MandateNext {
    if (source.status !== 'requires_action') return { step: 'done', status: source.status }
    const ms = source.next_look_at === null ? 0 : Math.max(0, source.next_look_at.getTime() - clock.now())
    return { step: 'wait', ms, bank: source.bank }
  }

  async function ask(source: SourceRow): Promise<MandateAnswer | NotAsked> {
    const { bank: id, account, holder, currency, mandate_reference } = source
    const bank = deps.rails.get(id)?.mandates
    if (bank === undefined) return { kind: 'unavailable', why: `no bank ${id} is configured` }
    if (holder === null || mandate_reference === null) throw new Error('a mandate without holder and reference')
    const request = { reference: mandate_reference, iban: account, holder, currency }
    const since = clock.now() - source.created_at.getTime()
    const lane = isScheduled(source.inquiries ?? 0, since) ? 'scheduled' : 'woken'
    return deps.budget.ask(id, lane, () => bank.linkMandate(request, AbortSignal.timeout(ASK_DEADLINE_MS)))
  }

  return {
    look: async (id) => nextOf(await load(id)),

    async inquire(id) {
      const asked = await load(id)
      const ahead = nextOf(asked)
      if (ahead.step === 'done' || ahead.ms > 0) return ahead
      const answer = await ask(asked)
      if (answer.kind === 'unavailable')
        deps.log.warn({ source: id, why: answer.why }, 'a bank did not tell of a mandate')
      for (let i = 0; i < CAS_TRIES; i++) {
        const source = await load(id)
        if (source.status !== 'requires_action') return nextOf(source)
        const after = answered(source, answer, clock.now())
        const result = await ledger.apply({
          id: ids.uuid(),
          guard: { source: { id, states: ['requires_action'] } },
          ok: {
            source_change: changeOf(after),
            ...(after.status === source.status ? {} : { events: [sourceEvent(after, ids)] }),
          },
        })
        if (result.code === 'ok') return nextOf(after)
      }
      throw new Error(`source ${id} kept changing`)
    },
  }
}

/** The source once its bank has said this. */
function answered(source: SourceRow, answer: MandateAnswer | NotAsked, nowMs: number): SourceRow {
  switch (answer.kind) {
    case 'active':
      return {
        ...source,
        status: 'active',
        mandate_id: answer.mandateId,
        mandate_signed_on: answer.signedOn,
        next_look_at: null,
      }
    case 'refused':
      return { ...source, status: 'revoked', next_look_at: null }
    case 'not_asked':
      return { ...source, next_look_at: new Date(nowMs + answer.afterMs) }
    case 'pending':
    case 'unavailable': {
      const inquiries = (source.inquiries ?? 0) + 1
      const gapMs = mandateGapMs(inquiries, nowMs - source.created_at.getTime())
      return { ...source, inquiries, next_look_at: new Date(nowMs + gapMs) }
    }
    default:
      return assertNever(answer, 'mandate answer')
  }
}

/** People approve: sooner than a second nobody has, and after a day it is asked hourly. */
const MANDATE_GAPS_MS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const
export function mandateGapMs(inquiry: number, sinceMs: number): number {
  return MANDATE_GAPS_MS[inquiry] ?? longGapMs(sinceMs)
}

/**
 * Whether the schedule by itself would have come to this inquiry by now. What its user has brought forward is beyond
 * that, and must not take the turns of those whose time has come.
 */
function isScheduled(inquiry: number, sinceMs: number): boolean {
  let dueMs = 0
  for (let i = 0; i <= inquiry && dueMs <= sinceMs; i++) dueMs += mandateGapMs(i, dueMs)
  return dueMs <= sinceMs
}

/** What may change of a linked account. */
export function changeOf(source: SourceRow): Columns<'source_change'> {
  const { status, mandate_id, mandate_signed_on, inquiries, next_look_at } = source
  const at = next_look_at === null ? null : timestamp(next_look_at.getTime())
  return { status, mandate_id, mandate_signed_on, inquiries, next_look_at: at }
}

export function sourceEvent(source: SourceRow, ids: Ids): EventInput {
  return { id: ids.make('evt'), feed: source.user_id, name: 'source.updated', body: sourceView(source) }
}
