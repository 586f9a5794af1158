import { z } from 'zod'
import { invalidRequest, refusalReply } from '../../bus/index.ts'
import type { HubRequest } from '../../bus/index.ts'
import { CreateRefundBody, IdempotencyKey, ListRefundsQuery, RefundId, type RefundView } from '../../contract/index.ts'
import { refundPrice } from '../../domain/accounting/index.ts'
import { maxOf, minor } from '../../domain/money.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import { contentHash, type Merchant } from '../../identity/index.ts'
import { merchantCommand } from '../merchant.ts'
import { type Decision, decideAndApply, type Respond, storedAnswer } from '../commands/index.ts'
import { aboutRefund } from '../about.ts'
import type { PaymentDeps } from '../deps.ts'
import { fundingOf, type FundingDeps, leftToRefund } from './funding.ts'
import { REFUND_LIMITS } from './limits.ts'
import { fund } from './moves.ts'
import type { RefundBase, RefundRow } from './rows.ts'
import type { Turns } from './turns.ts'
import { refundView } from './view.ts'

export type RefundCommandDeps = Pick<
  PaymentDeps,
  'store' | 'clock' | 'log' | 'authenticateMerchant' | 'failpoint' | 'start'
> &
  FundingDeps & { turns: Turns }

/** A merchant gives money back, and looks at what became of it (protocol.md §2). */
export function refundCommands(
  deps: RefundCommandDeps,
): Readonly<Record<'refund.create' | 'refund.get' | 'refund.list', Respond>> {
  return {
    'refund.create': merchantCommand(deps, (merchant, request) => create(deps, merchant, request)),
    'refund.get': merchantCommand(deps, async (merchant, request) => {
      const found = await getOne(deps, merchant, request.body)
      return { reply: found.ok ? { ok: true, body: found.value } : refusalReply(found.error, request.requestId) }
    }),
    'refund.list': merchantCommand(deps, async (merchant, request) => {
      const query = ListRefundsQuery.safeParse(request.body ?? {})
      if (!query.success) return { reply: refusalReply(invalidRequest(query.error), request.requestId) }
      return { reply: { ok: true, body: await list(deps, merchant, query.data) } }
    }),
  }
}

const CREATE = 'POST /v1/refunds'

async function create(deps: RefundCommandDeps, merchant: Merchant, request: HubRequest): ReturnType<Respond> {
  const { requestId } = request
  const refused = (refusal: Refusal) => ({ reply: refusalReply(refusal, requestId) })
  const key = IdempotencyKey.safeParse(request.key)
  if (!key.success)
    return refused(refuse('idempotency_key_missing', 'Send an Idempotency-Key of 16 to 64 of A-Z a-z 0-9 _ -.'))
  const changer = { scope: merchant.merchant, command: CREATE, key: key.data, requestId }
  const hash = contentHash(CREATE, request.body)
  const before = await storedAnswer(deps, changer, hash)
  if (before !== null) return { reply: before }
  const body = CreateRefundBody.safeParse(request.body)
  if (!body.success) return refused(invalidRequest(body.error))
  // Before a turn is taken: nobody stands in the line of another's payment.
  if ((await deps.store.payment(body.data.payment))?.merchant !== merchant.merchant) {
    return decideAndApply(deps, changer, hash, () => Promise.resolve({ kind: 'refusal', refusal: notYours() }))
  }
  const answer = deps.turns.ask(body.data.payment, () =>
    decideAndApply(deps, changer, hash, () => decideRefund(deps, merchant, body.data)),
  )
  return answer ?? refused(tooManyAtOnce())
}

const notYours = () => refuse('not_found', 'There is no such payment of yours.', { param: 'payment' })
const tooManyAtOnce = () =>
  refuse('overloaded', 'Too many refunds are asked for at once; try again shortly with the same key.', {
    retryAfterMs: REFUND_LIMITS.retry_after_ms,
  })

async function decideRefund(deps: RefundCommandDeps, merchant: Merchant, body: CreateRefundBody): Promise<Decision> {
  const base = await deps.store.refunds.base(body.payment)
  if (base === null) throw new Error(`payment ${body.payment} went away`)
  const asked = await newRefund(deps, merchant, base, body)
  if (!asked.ok) return { kind: 'refusal', refusal: asked.error }
  const { refund, from } = asked.value
  const funding = await fundingOf(deps, from, refund)
  const { unit, after, waits } = await fund(
    { payment: from.payment, refund, before: null },
    funding,
    deps,
    deps.clock.now(),
  )
  if (waits === null) throw new Error('a new refund may wait for funds')
  const atRail = after.refund.status === 'processing'
  const about = aboutRefund(from.payment, from.collect?.rail ?? null)
  return {
    kind: 'unit',
    unit,
    body: refundView(after.refund, 'merchant'),
    otherwise: { branch: waits.branch, body: refundView(waits.after.refund, 'merchant') },
    ...(atRail ? { after: () => deps.start(refund.id, about) } : {}),
    amount: refund.amount.toString(),
  }
}

/** The refund that is asked for, of a payment that can bear it. */
async function newRefund(
  deps: RefundCommandDeps,
  merchant: Merchant,
  base: RefundBase,
  body: CreateRefundBody,
): Promise<Result<{ refund: RefundRow; from: RefundBase }, Refusal>> {
  const { payment, collect } = base
  if (payment.status !== 'succeeded') {
    const message = 'The payment has not succeeded, so there is nothing to refund; cancel it where it is still open.'
    return err(refuse('amount_exceeds_refundable', message, { param: 'payment' }))
  }
  if (payment.source_type !== 'wallet' && collect === null) throw new Error(`${payment.id} was captured at no rail`)
  if (collect !== null && deps.rails.profile(collect.rail).firstStep.refund === undefined) {
    const message = 'The bank or operator it was paid by takes nothing back; pay the customer another way.'
    return err(refuse('source_not_usable', message, { param: 'payment' }))
  }
  const left = maxOf(leftToRefund(payment), 0n)
  const amount = body.amount === undefined ? left : minor(body.amount)
  if (amount === 0n && body.amount !== undefined) {
    return err(refuse('amount_too_small', 'The amount must be at least 1 minor unit.', { param: 'amount' }))
  }
  const { onRefund, tax } = await deps.terms(payment)
  const price = refundPrice(amount, {
    feeMinor: payment.fee,
    tax,
    capturedMinor: payment.captured_amount,
    refundedMinor: payment.refunded_amount + payment.refund_reserved,
    onRefund,
    returned: base.returned,
  })
  if (amount > left || !price.ok) {
    const message = `Of this payment ${left.toString()} minor units can still be refunded.`
    return err(refuse('amount_exceeds_refundable', message, { param: 'amount' }))
  }
  const now = new Date(deps.clock.now())
  const refund: RefundRow = {
    id: deps.ids.make('rfd'),
    ledger: payment.ledger,
    payment: payment.id,
    merchant: merchant.merchant,
    amount,
    currency: payment.currency,
    fee: price.value.feeMinor,
    fee_tax: price.value.tax?.amountMinor ?? 0n,
    reason: body.reason ?? null,
    status: 'processing',
    status_reason: null,
    version: 1,
    failure_code: null,
    failure_message: null,
    created_at: now,
    updated_at: now,
  }
  return ok({ refund, from: base })
}

async function getOne(
  deps: RefundCommandDeps,
  merchant: Merchant,
  body: unknown,
): Promise<Result<RefundView, Refusal>> {
  const parsed = z.strictObject({ refund: RefundId }).safeParse(body)
  const refund = parsed.success ? await deps.store.refunds.refund(parsed.data.refund) : null
  if (refund?.merchant !== merchant.merchant) return err(refuse('not_found', 'There is no such refund of yours.'))
  return ok(refundView(refund, 'merchant'))
}

async function list(
  deps: RefundCommandDeps,
  merchant: Merchant,
  query: ListRefundsQuery,
): Promise<{ data: RefundView[]; has_more: boolean }> {
  const { limit, starting_after: after, ending_before: before } = query
  const rows = await deps.store.refunds.ofMerchant(merchant.merchant, query.payment, { limit, after, before })
  const page = rows.slice(0, limit)
  if (before !== undefined && after === undefined) page.reverse()
  return { data: page.map((row) => refundView(row, 'merchant')), has_more: rows.length > limit }
}
