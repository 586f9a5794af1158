import { movesMoney } from '../domain/attempt.ts'
import type { RailCallback, RailCallbackReply } from '../bus/index.ts'
import type { Failpoint } from '../config/failpoint.ts'
import type { Sql } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { Clock } from '../domain/clock.ts'
import { assertNever } from '../domain/result.ts'
import type { CallbackHint, Rail } from '../rails/port.ts'
import type { Aftermath } from './aftermath.ts'
import { orderOf } from './order.ts'
import type { Heard } from './outcome.ts'
import type { RailBook } from './rail-book.ts'
import { askNow } from './rail-health.ts'
import type { AttemptRow } from './rows.ts'
import type { PaymentStore } from './store.ts'

type CallbackDeps = {
  sql: Sql
  store: PaymentStore
  log: Log
  record: (heard: Heard) => Promise<unknown>
  /** The rail says that there is something to see: ask it now, whether the attempt waits or has its outcome. */
  lookNow: (attempt: AttemptRow, eventId: string, hint: CallbackHint | null) => Promise<void>
  wake: (payment: string) => void
  /** Whether the call's own answer may still come. */
  isInFlight: (attempt: AttemptRow) => boolean
  /** Told of each message that was refused, or believed to be the rail's and is of no use. */
  refused: Refused
  failpoint: Failpoint
}

/** `detail`: what a person would want to read of it, where nothing else is logged. */
export type Refused = (rail: string, why: CallbackRefusal, detail?: string) => void

export type CallbackRefusal = 'malformed' | 'not_authentic' | 'unknown_reference' | 'not_our_order'
const REFUSAL_OF = { 400: 'malformed', 401: 'not_authentic', 404: 'unknown_reference' } as const

/**
 * A rail speaks to us: verify over the raw bytes, store under the rail's event id,
 * write the outcome by compare-and-set, answer 204, wake the workflow. A repeated
 * event runs through the same and changes nothing; an error answers 503, so that
 * the rail sends it again.
 */
export async function takeCallback(deps: CallbackDeps, rail: Rail, callback: RailCallback): Promise<RailCallbackReply> {
  const body = Buffer.from(callback.body, 'base64')
  const verdict = await rail.readCallback(
    { method: callback.method, targetUri: callback.targetUri, headers: callback.headers, body },
    async (reference) => {
      const attempt = await deps.store.attemptByReference(rail.id, reference)
      return attempt?.dispatched_at == null ? null : orderOf(attempt)
    },
  )
  if (!verdict.ok) {
    deps.refused(rail.id, REFUSAL_OF[verdict.status], verdict.why)
    return { status: verdict.status }
  }
  const { eventId, reference, says } = verdict.statement
  if (says.kind === 'unknown') {
    // Another amount, another order, a word we do not know: it is kept, and the rail is asked.
    deps.log.error({ rail: rail.id, reference, why: says.why }, 'a callback is not about our order')
    deps.refused(rail.id, 'not_our_order')
  }
  await deps.sql`
    insert into rail_callbacks (rail, event_id, reference, body)
    values (${rail.id}, ${eventId}, ${reference}, ${body})
    on conflict (rail, event_id) do update set times = rail_callbacks.times + 1`
  const attempt = await deps.store.attemptByReference(rail.id, reference)
  if (attempt === null) return { status: 404 }
  if (says.kind === 'look') {
    if (agrees(attempt, says.hint)) return { status: 204 }
    await deps.lookNow(attempt, eventId, says.hint)
    // Whoever awaits the call's own answer goes on at once, and finds that there is something to ask; woken now, the
    // workflow would run the same steps beside it.
    const after = (await deps.store.attemptByReference(rail.id, reference)) ?? attempt
    if (after.state === 'dispatched' && deps.isInFlight(after)) return { status: 204 }
    // Written meanwhile by the call's own answer, whose step goes on from it.
    if (agrees(after, says.hint)) return { status: 204 }
  } else {
    const tag = attempt.amount.toString()
    deps.failpoint('callback-heard', tag)
    await deps.record({ bearer: attempt.payment, no: attempt.no, step: attempt.step, outcome: says })
    deps.failpoint('callback-written', tag)
  }
  deps.wake(attempt.payment)
  return { status: 204 }
}

/** Whether an unsigned message claims nothing but what is recorded (CallbackHint). */
function agrees({ step, state }: AttemptRow, hint: CallbackHint | null): boolean {
  switch (hint) {
    case 'reserved':
      return state === 'settled' && step !== 'cancel'
    case 'moved':
      return state === 'settled' && movesMoney(step)
    case 'released':
      return state === 'settled' && step === 'cancel'
    case 'declined':
      return state === 'declined'
    case null:
      return false
    default:
      return assertNever(hint, 'hint of a callback')
  }
}

/** One handler a connector, which counts what it refuses; where several rails speak by one connector, the reference tells which of them it is. */
export function callbackHandlers(
  book: RailBook,
  take: (rail: Rail, callback: RailCallback, refused: Refused) => Promise<RailCallbackReply>,
  count: Refused,
): Readonly<Record<string, (callback: RailCallback) => Promise<RailCallbackReply>>> {
  const connectors = [...new Set(book.entries.map(({ connector }) => connector))]
  return Object.fromEntries(
    connectors.map((connector) => {
      const rails = book.entries.filter((entry) => entry.connector === connector)
      const handle = async (callback: RailCallback): Promise<RailCallbackReply> => {
        let reply: RailCallbackReply = { status: 404 }
        let refusal: Parameters<Refused> | undefined
        for (const { rail } of rails) {
          refusal = undefined
          reply = await take(rail, callback, (...why) => (refusal = why))
          // Not this rail's key, or not its reference: perhaps the next one's.
          if (reply.status !== 401 && reply.status !== 404) break
        }
        // Refused by one of several rails is nothing yet; the last one's word counts.
        if (refusal !== undefined) count(...refusal)
        return reply
      }
      return [connector, handle]
    }),
  )
}

/** What a callback that only wakes does: an attempt that waits is asked about now, one that has its outcome is looked at again. */
export function makeLookNow(deps: Parameters<typeof askNow>[0] & { store: PaymentStore; aftermath: Aftermath }) {
  return async (attempt: AttemptRow, eventId: string, hint: CallbackHint | null): Promise<void> => {
    if (await askNow(deps, attempt)) {
      if (mayOutlive(attempt, hint)) await deps.aftermath.look(attempt, eventId)
      return
    }
    // Its outcome may have been written a moment ago, and be what this claims.
    const now = (await deps.store.attemptByReference(attempt.rail, attempt.reference)) ?? attempt
    if (!agrees(now, hint)) await deps.aftermath.look(now, eventId)
  }
}

/**
 * Whether an answer that left the rail before this message, and is written after it, would leave something unseen: the
 * question that the message woke is not asked any more once there is an outcome.
 */
function mayOutlive({ state, step }: AttemptRow, hint: CallbackHint | null): boolean {
  switch (hint) {
    case 'reserved':
    case 'moved':
      return false
    case 'declined':
      return state === 'dispatched'
    case 'released':
      return step !== 'cancel'
    case null:
      return true
    default:
      return assertNever(hint, 'hint of a callback')
  }
}

/** Within its rail's deadline somebody may still be awaiting a call's own answer. */
export function makeIsInFlight(deps: { clock: Clock; rails: RailBook }) {
  return ({ rail, dispatched_at: at }: AttemptRow): boolean =>
    at !== null && deps.clock.now() - at.getTime() < deps.rails.profile(rail).deadlineMs
}
