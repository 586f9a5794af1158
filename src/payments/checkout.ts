import { z } from 'zod'
import { invalidRequest, refusalReply } from '../bus/index.ts'
import { CreatePaymentBody, ListPaymentsQuery, type MerchantPayment, PaymentId } from '../contract/index.ts'
import { lowestIdAt } from '../domain/ids.ts'
import { minor } from '../domain/money.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import type { Merchant } from '../identity/index.ts'
import { makeQrToken } from './claims.ts'
import { decideByCode, type Decision, type Respond } from './commands/index.ts'
import type { PaymentDeps } from './deps.ts'
import { toldToMerchant } from './events.ts'
import { heldCommands } from './held.ts'
import { merchantChange, merchantCommand, merchantPayment } from './merchant.ts'
import { ofStatus } from './of-status.ts'
import { fitting } from './page.ts'
import { newPurchase, tooMuch, tooSmall } from './purchase.ts'
import { newPaymentColumns } from './row-columns.ts'
import type { PaymentRow } from './rows.ts'
import { ownsStore } from './store-book.ts'
import { type StoreCommand, storeCommands } from './stores.ts'

type CheckoutCommand = 'checkout.create' | 'checkout.get' | 'checkout.list' | 'checkout.capture' | 'checkout.cancel'

/** The merchant's side: payments made, looked at and listed by its server, and its stores (protocol.md §2). */
export function checkoutCommands(deps: PaymentDeps): Readonly<Record<CheckoutCommand | StoreCommand, Respond>> {
  return {
    'checkout.create': merchantChange(
      deps,
      (body) => ({ command: 'POST /v1/payments', content: body }),
      CreatePaymentBody,
      (merchant, body) => decideCreate(deps, merchant, body),
    ),
    'checkout.get': merchantCommand(deps, async (merchant, request) => {
      const found = await getOne(deps, merchant, request.body)
      return { reply: found.ok ? { ok: true, body: found.value } : refusalReply(found.error, request.requestId) }
    }),
    'checkout.list': merchantCommand(deps, async (merchant, request) => {
      const query = ListPaymentsQuery.safeParse(request.body ?? {})
      if (!query.success) return { reply: refusalReply(invalidRequest(query.error), request.requestId) }
      return { reply: { ok: true, body: await list(deps, merchant, query.data) } }
    }),
    ...heldCommands(deps),
    ...storeCommands(deps),
  }
}

async function decideCreate(deps: PaymentDeps, merchant: Merchant, body: CreatePaymentBody): Promise<Decision> {
  const amount = minor(body.amount)
  const fault = sumFault(deps, merchant, body)
  if (fault !== null) return { kind: 'refusal', refusal: fault }
  if (body.store !== undefined && !(await ownsStore(deps, merchant.merchant, body.store))) {
    return { kind: 'refusal', refusal: refuse('not_found', 'There is no such store of yours.', { param: 'store' }) }
  }
  const beyond = tooMuch(deps, amount)
  if (beyond !== null) return { kind: 'refusal', refusal: beyond }
  if (body.order_ref !== undefined) {
    const open = await deps.store.openOrder(merchant.merchant, body.order_ref)
    if (open !== null) {
      const message = `Order ${body.order_ref} has an open payment already.`
      return { kind: 'refusal', refusal: refuse('order_ref_in_use', message, { param: 'order_ref', payment: open }) }
    }
  }
  const payment = newPurchase(deps, merchant, {
    amount,
    store: body.store ?? null,
    payer: null,
    qr_token: makeQrToken(),
    capture_method: body.capture_method,
    order_ref: body.order_ref,
    description: body.description,
    metadata: body.metadata,
    expiresInS: body.expires_in,
  })
  const seen = (row: PaymentRow) => merchantPayment(deps, row)
  // Last of all: what is refused anyway guesses at no code.
  if (body.method?.type === 'code') return decideByCode(deps, payment, body.method.code, seen)
  return {
    kind: 'unit',
    unit: { ok: { new_payment: newPaymentColumns(payment), events: toldToMerchant(payment, deps.ids) } },
    body: seen(payment),
  }
}

/** Amount and currency by rule, which count as the body's shape; null where they may stand. */
function sumFault(deps: PaymentDeps, merchant: Merchant, body: CreatePaymentBody): Refusal | null {
  const { currency } = deps.rules
  const small = tooSmall(merchant, minor(body.amount))
  if (small !== null || body.currency === currency) return small
  return refuse('currency_not_supported', `This service works in ${currency}.`, { param: 'currency' })
}

async function getOne(deps: PaymentDeps, merchant: Merchant, body: unknown): Promise<Result<MerchantPayment, Refusal>> {
  const parsed = z.strictObject({ payment: PaymentId }).safeParse(body)
  const payment = parsed.success ? await deps.store.payment(parsed.data.payment) : null
  if (payment?.merchant !== merchant.merchant) return err(refuse('not_found', 'There is no such payment of yours.'))
  return ok(merchantPayment(deps, payment))
}

/**
 * Ids are in the order of time, so a time is a stretch of the index by ids. An id and its `created_at` are made one
 * after the other; this far a clock may be set between.
 */
const ID_TIME_MARGIN_MS = 10 * 60_000

const idAt = (time: string, marginMs: number): string => lowestIdAt('pay', Date.parse(time) + marginMs)

async function list(
  deps: PaymentDeps,
  merchant: Merchant,
  query: ListPaymentsQuery,
): Promise<{ data: MerchantPayment[]; has_more: boolean }> {
  const { sql } = deps
  const backwards = query.ending_before !== undefined && query.starting_after === undefined
  const rows = await sql<PaymentRow[]>`
    select * from payments
    where merchant = ${merchant.merchant}
      ${query.starting_after === undefined ? sql`` : sql`and id < ${query.starting_after}`}
      ${query.ending_before === undefined ? sql`` : sql`and id > ${query.ending_before}`}
      ${ofStatus(sql, query.status ?? null)}
      ${query.order_ref === undefined ? sql`` : sql`and order_ref = ${query.order_ref}`}
      ${query.store === undefined ? sql`` : sql`and store = ${query.store}`}
      ${query.created_gte === undefined ? sql`` : sql`and created_at >= ${query.created_gte} and id >= ${idAt(query.created_gte, -ID_TIME_MARGIN_MS)}`}
      ${query.created_lt === undefined ? sql`` : sql`and created_at < ${query.created_lt} and id < ${idAt(query.created_lt, ID_TIME_MARGIN_MS)}`}
    order by id ${backwards ? sql`asc` : sql`desc`}
    limit ${query.limit + 1}`
  const data = fitting(rows.slice(0, query.limit).map((row) => merchantPayment(deps, row)))
  const has_more = rows.length > data.length
  return { data: backwards ? data.toReversed() : data, has_more }
}
