import { setTimeout as delay } from 'node:timers/promises'
import type { z } from 'zod'
import type { HubReply, HubRequest } from '../../bus/index.ts'
import { invalidRequest, refusalReply, toWireError } from '../../bus/index.ts'
import { isRetryable, isStoredRefusal, IdempotencyKey } from '../../contract/index.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { assertNever, err, ok, type Result } from '../../domain/result.ts'
import { contentHash, type PinVerdict, type Principal } from '../../identity/index.ts'
import {
  isDatabaseAway,
  LedgerOverloaded,
  LedgerUnavailable,
  type Branch,
  type StoredReply,
  type TransferRefusal,
  type Unit,
  type UnitResult,
} from '../../ledger/index.ts'
import type { PaymentDeps } from '../deps.ts'

/**
 * The way of every command through the hub. For one that changes something, of
 * several faults the first of this order answers (protocol.md, Commands): key
 * form, stored answer or key reused, body shape, then what `decide` finds.
 */

/** What the front door sends back, and what to do once it has been sent. */
export type Answer = { reply: HubReply; after?: () => void }

export type Respond = (request: HubRequest) => Promise<Answer>

export type Decision =
  | { kind: 'refusal'; refusal: Refusal }
  | {
      kind: 'unit'
      /** Without id and key, which the pipeline sets. */
      unit: Omit<Unit, 'id' | 'key'>
      /** The reply once the unit is committed. */
      body: unknown
      after?: () => void
      refused?: LedgerRefusals
      /** Where the unit was not applied: what was taken for it outside the ledger is given back. */
      refusedAfterAll?: () => void
      /** In place of that: what is done where the ledger refuses a transfer, and the reply it is a success by. */
      otherwise?: { branch: Branch; body: unknown }
      /** Where what it spends is spent, it is decided anew and says so in its own words. */
      anewWhereSpent?: true
      /** The sum it moves, for failpoints. */
      amount?: string
    }
  /** Already so: the reply is stored under the key and the signature is spent, nothing else changes. */
  | { kind: 'reply'; body: unknown; jti: Unit['jti'] | null }

/** A unit as a decision has it. */
export function partsOf({ id: _id, ...parts }: Unit): Omit<Unit, 'id' | 'key'> {
  return parts
}

export type Changer = { scope: string; command: string; key: string; requestId: string }

/** Times a decision is made anew because the state it rested on changed. */
const DECIDE_TRIES = 8
const BUSY_GAP_MS = 20

/** What a change needs of them, whoever asks for it. */
type Applying = Pick<PaymentDeps, 'sql' | 'ledger' | 'ids' | 'failpoint'>

/** What is stored under the key; null where it is new. */
export async function storedAnswer(deps: Applying, changer: Changer, hash: string): Promise<HubReply | null> {
  const rows = await deps.sql<{ content_hash: string; reply: StoredReply | null; leased: boolean }[]>`
    select content_hash, reply, coalesce(lease_until > clock_timestamp(), false) as leased
    from idempotency where scope = ${changer.scope} and key = ${changer.key}`
  const row = rows[0]
  if (row === undefined) return null
  if (row.content_hash !== hash) return refusalReply(keyReused(), changer.requestId)
  if (row.reply !== null) return replayed(row.reply)
  return row.leased ? refusalReply(inFlight(), changer.requestId) : null
}

/**
 * Decides and applies, as one unit with the key. `complete` says that a lease on
 * the key is ours to end (a command that spoke to a rail first); `lookedUp`, that the key has been looked
 * up. Where it has not, whatever is refused looks it up first, and the unit finds it by itself.
 */
export async function decideAndApply(
  deps: Applying,
  changer: Changer,
  hash: string,
  decide: () => Promise<Decision>,
  { complete = false, lookedUp = true } = {},
): Promise<Answer> {
  const refused = (refusal: Refusal): Answer => ({ reply: refusalReply(refusal, changer.requestId) })
  const key = { scope: changer.scope, key: changer.key, hash, ...(complete ? { complete: true as const } : {}) }
  /**
   * The same command sent twice may have been answered since its key was looked up, and what it changed then refuses
   * its second sending: above all its own signature, which is spent. A refusal that is to be tried again finds the answer then.
   */
  const answeredSince = async ({ code }: Refusal): Promise<HubReply | null> =>
    complete || (lookedUp && isRetryable(code)) ? null : storedAnswer(deps, changer, hash)
  for (let i = 0; i < DECIDE_TRIES; i++) {
    const decision = await decide()
    if (decision.kind === 'refusal' && !isStoredRefusal(decision.refusal.code)) {
      return { reply: (await answeredSince(decision.refusal)) ?? refusalReply(decision.refusal, changer.requestId) }
    }
    const unit = unitOf(decision, key, changer.requestId, deps)
    const amount = decision.kind === 'unit' ? decision.amount : undefined
    if (amount !== undefined) deps.failpoint('accept-before-commit', amount)
    const result = await deps.ledger.apply(unit)
    if (amount !== undefined && result.code === 'ok') deps.failpoint('accept-after-commit', amount)
    if (decision.kind === 'unit' && result.code !== 'ok') decision.refusedAfterAll?.()
    const answer = answerOf(result, decision, changer.requestId)
    if (answer !== null) return answer
    // Whoever holds what this one needs is done within a commit; a little apart, so that the tries do not meet again.
    if (result.code === 'busy') await delay(BUSY_GAP_MS * (1 + i) * Math.random())
  }
  return refused(refuse('temporarily_unavailable', 'The payment kept changing; try again.', { retryAfterMs: 200 }))
}

function unitOf(decision: Decision, key: NonNullable<Unit['key']>, requestId: string, deps: Applying): Unit {
  const id = deps.ids.uuid()
  switch (decision.kind) {
    case 'refusal':
      return { id, key, ok: { reply: stored(decision.refusal, requestId) } }
    case 'reply':
      return { id, key, ...(decision.jti == null ? {} : { jti: decision.jti }), ok: { reply: granted(decision.body) } }
    case 'unit':
      return {
        ...decision.unit,
        id,
        key,
        ok: { ...decision.unit.ok, reply: granted(decision.body) },
        ...(decision.refused === undefined ? {} : { refused: refusedBranch(decision.refused, requestId) }),
        ...(decision.otherwise === undefined
          ? {}
          : { refused: { ...decision.otherwise.branch, reply: granted(decision.otherwise.body) } }),
      }
    default:
      return assertNever(decision, 'decision')
  }
}

/** Null: what the decision rested on has changed, decide again. */
function answerOf(result: UnitResult, decision: Decision, requestId: string): Answer | null {
  const refused = (refusal: Refusal): Answer => ({ reply: refusalReply(refusal, requestId) })
  switch (result.code) {
    case 'ok':
      if (decision.kind === 'refusal') return refused(decision.refusal)
      return {
        reply: { ok: true, body: decision.body },
        ...(decision.kind === 'unit' && decision.after !== undefined ? { after: decision.after } : {}),
      }
    case 'refused':
      if (decision.kind === 'unit' && decision.otherwise !== undefined) {
        return { reply: { ok: true, body: decision.otherwise.body } }
      }
      if (decision.kind === 'unit' && decision.refused !== undefined) {
        return refused(decision.refused.byReason[result.transfer] ?? decision.refused.any)
      }
      throw new Error(`the ledger refused a transfer: ${result.transfer}`)
    case 'replayed':
      return { reply: replayed(result.reply) }
    case 'key_reused':
      return refused(keyReused())
    case 'in_flight':
      return refused(inFlight())
    case 'jti_used':
      return decision.kind === 'unit' && decision.anewWhereSpent === true ? null : refused(replayedJti())
    case 'guard_failed':
    case 'busy':
    case 'conflict':
      return null
    case 'unit_differs':
      throw new Error('a fresh unit id was taken')
    default:
      return assertNever(result, 'unit result')
  }
}

/** The replies where the ledger refuses a transfer: for a reason that has one of its own, and for any other. */
export type LedgerRefusals = { any: Refusal; byReason: Partial<Record<TransferRefusal, Refusal>> }

function refusedBranch({ any, byReason }: LedgerRefusals, requestId: string): Branch {
  const replies = Object.fromEntries(
    Object.entries(byReason).map(([reason, refusal]) => [reason, stored(refusal, requestId)]),
  )
  return { reply: stored(any, requestId), replies }
}

function granted(body: unknown): StoredReply {
  return { ok: true, body: JSON.stringify(body) }
}

function replayed(reply: StoredReply): HubReply {
  const body = (text: string): unknown => JSON.parse(text)
  return reply.ok ? { ok: true, body: body(reply.body), replayed: true } : { ...reply, replayed: true }
}

function stored(refusal: Refusal, requestId: string): StoredReply {
  return {
    ok: false,
    error: toWireError(refusal, requestId),
    ...(refusal.payment === undefined ? {} : { payment: refusal.payment }),
  }
}

export type PhoneCommand<B> = {
  principal: Principal
  body: B
  key: string
  requestId: string
  /** Judges the guess that came with it: once, however often the command is decided. */
  judgePin: (guess: string) => Promise<PinVerdict>
}

export type OpenedChange<B> = { command: PhoneCommand<B>; changer: Changer; hash: string }

/**
 * Who speaks, under which key, and the body's shape: what every change begins with. Whether the key is answered already is
 * looked up here, or left to `decideAndApply`.
 */
export async function openChange<S extends z.ZodType>(
  deps: PaymentDeps,
  name: string,
  schema: S,
  request: HubRequest,
  lookUp = true,
): Promise<Result<OpenedChange<z.infer<S>>, HubReply>> {
  const { requestId } = request
  const principal = await principalOf(deps, request)
  if (!principal.ok) return err(refusalReply(principal.error, requestId))
  const key = IdempotencyKey.safeParse(request.key)
  if (!key.success) return err(refusalReply(keyMissing(), requestId))
  const changer = { scope: principal.value.user, command: name, key: key.data, requestId }
  const hash = contentHash(name, request.body)
  const body = schema.safeParse(request.body)
  const before = lookUp || !body.success ? await storedAnswer(deps, changer, hash) : null
  if (before !== null) return err(before)
  if (!body.success) return err(refusalReply(invalidRequest(body.error), requestId))
  const { user } = principal.value
  let judged: Promise<PinVerdict> | undefined
  const judgePin = (guess: string) => (judged ??= deps.pins.judge(user, guess))
  const command = { principal: principal.value, body: body.data, key: key.data, requestId, judgePin }
  return ok({ command, changer, hash })
}

/** Where a guess comes with a command, an answer that is there already is looked up first: it takes no try. */
function guesses(body: unknown): boolean {
  return typeof body === 'object' && body !== null && ('pin' in body || 'old_pin' in body)
}

/** A phone's command that changes something. */
export function phoneChange<S extends z.ZodType>(
  deps: PaymentDeps,
  name: string,
  schema: S,
  decide: (command: PhoneCommand<z.infer<S>>) => Promise<Decision>,
): Respond {
  return guarded(deps, async (request) => {
    const lookedUp = guesses(request.body)
    const opened = await openChange(deps, name, schema, request, lookedUp)
    if (!opened.ok) return { reply: opened.error }
    const { command, changer, hash } = opened.value
    const decideOnce = async (): Promise<Decision> => {
      const fault = amountFault(deps, command.body)
      if (fault !== null) return { kind: 'refusal', refusal: fault }
      if (command.principal.deviceStatus === 'restricted' && !RESTRICTED_MAY.has(name)) {
        return { kind: 'refusal', refusal: restricted() }
      }
      const decision = await decide(command)
      if (decision.kind === 'refusal') return decision
      // PINs are judged one after the other, and whoever knows the PIN may have been shut out while this one waited.
      const refusal = await stillSpeaks(deps, request)
      if (refusal === null) return decision
      if (decision.kind === 'unit') decision.refusedAfterAll?.()
      return { kind: 'refusal', refusal }
    }
    return decideAndApply(deps, changer, hash, decideOnce, { lookedUp })
  })
}

/** Null where whoever asked may still: what takes its time looks again before it changes anything. */
export async function stillSpeaks(deps: PaymentDeps, request: HubRequest): Promise<Refusal | null> {
  const principal = await principalOf(deps, request)
  return principal.ok ? null : principal.error
}

/** A restricted device may withdraw from what it could have started, and speak of itself (trust.ts). */
const RESTRICTED_MAY: ReadonlySet<string> = new Set(['payment.cancel', 'device.revoke', 'device.approve'])

/** A phone's question: nothing changes, no key. */
export function phoneRead<S extends z.ZodType>(
  deps: PaymentDeps,
  schema: S,
  answer: (principal: Principal, body: z.infer<S>) => Promise<Result<unknown, Refusal>>,
): Respond {
  return guarded(deps, async (request) => {
    const principal = await principalOf(deps, request)
    if (!principal.ok) return { reply: refusalReply(principal.error, request.requestId) }
    const body = schema.safeParse(request.body)
    if (!body.success) return { reply: refusalReply(invalidRequest(body.error), request.requestId) }
    const fault = amountFault(deps, body.data)
    const result = fault === null ? await answer(principal.value, body.data) : { ok: false as const, error: fault }
    return { reply: result.ok ? { ok: true, body: result.value } : refusalReply(result.error, request.requestId) }
  })
}

/** Turns what breaks below into the refusal a client can act on; what is a bug is logged and `internal`. */
export function guarded(deps: Pick<PaymentDeps, 'log'>, respond: Respond): Respond {
  return async (request) => {
    try {
      return await respond(request)
    } catch (error) {
      const refused = (refusal: Refusal): Answer => ({ reply: refusalReply(refusal, request.requestId) })
      if (error instanceof LedgerOverloaded) {
        return refused(
          refuse('overloaded', 'Too much at once; try again shortly with the same key.', { retryAfterMs: 250 }),
        )
      }
      if (error instanceof LedgerUnavailable) return refused(away())
      if (isDatabaseAway(error)) return refused(away())
      deps.log.error({ err: error, request: request.requestId }, 'a command broke')
      return refused(refuse('internal', 'Something broke on our side; try again with the same key.'))
    }
  }
}

async function principalOf(deps: PaymentDeps, request: HubRequest): Promise<Result<Principal, Refusal>> {
  if (request.credential.type !== 'device') {
    return { ok: false, error: refuse('unauthenticated', 'This command is for a phone with its access token.') }
  }
  return deps.authenticate(request.credential.token)
}

/** `amount` and `currency` by rule, where a body has them: they count as its shape. */
function amountFault(deps: PaymentDeps, body: unknown): Refusal | null {
  if (typeof body !== 'object' || body === null) return null
  if ('amount' in body && body.amount === '0') {
    return refuse('amount_too_small', 'The amount must be at least 1 minor unit.', { param: 'amount' })
  }
  if ('currency' in body && body.currency !== deps.rules.currency) {
    return refuse('currency_not_supported', `This service works in ${deps.rules.currency}.`, { param: 'currency' })
  }
  return null
}

const keyMissing = () =>
  refuse('idempotency_key_missing', 'This command needs an idempotency key of 16 to 64 of A-Z a-z 0-9 _ -.', {
    param: 'key',
  })
const keyReused = () =>
  refuse('idempotency_key_reused', 'This key was used for another command; use a new one.', { param: 'key' })
const inFlight = () =>
  refuse('in_flight', 'The same command is still running; ask again with the same key.', { retryAfterMs: 300 })
export const restricted = () =>
  refuse(
    'device_restricted',
    'This device may only look until it is approved from another device or its waiting time is over.',
  )
const away = () =>
  refuse('temporarily_unavailable', 'The ledger cannot be reached; try again with the same key.', {
    retryAfterMs: 1_000,
  })
export const replayedJti = () =>
  refuse('confirmation_replayed', 'This signature was used before; sign again.', { param: 'jti' })
