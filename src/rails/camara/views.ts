import type { CurrencyTable } from '../../contract/names.ts'
import type { RailOrder, RailOutcome } from '../port.ts'
import { paymentOutcome, refundOutcome, remainingMismatch, unknown, type Seen } from './classify.ts'
import { findInList, type Found } from './listing.ts'
import { isBusy, type Came } from './operator.ts'
import { Payment, Refund, RemainingAmount } from './wire.ts'

/** What the operator shows of an order's payment or refund: asked by id where one is known, else searched for. */

export const PAYMENTS_PATH = '/carrier-billing/v0.5/payments'
const REFUNDS_ROOT = '/carrier-billing-refund/v0.3/payments'
/** Around the first dispatch, for two clocks that differ. */
const WINDOW_MS = 300_000

/** One GET; moves nothing, so it may be asked at any time. */
export type Get = (path: string) => Promise<Came>

/** What is needed to find a payment again. */
export type Sought = {
  reference: string
  dispatchedAtMs: number
  /** Above 1 it may have been created long after the first dispatch. */
  sends: number
  merchantId: string | null
}

export type Views = {
  payment(order: RailOrder, seen: Seen, get: Get): Promise<RailOutcome | 'absent'>
  refund(order: RailOrder, paymentId: string, seen: Seen, get: Get): Promise<RailOutcome | 'absent'>
  /** A refund that says it is done is done once the payment's remaining amount agrees. */
  refundWhole(refund: Refund, order: RailOrder, paymentId: string, seen: Seen, get: Get): Promise<RailOutcome>
  /** Null where it cannot be told. */
  paymentIdOf(sought: Sought, get: Get): Promise<string | null>
}

export function refundsPath(root: string, paymentId: string): string {
  return `${root}${REFUNDS_ROOT}/${paymentId}/refunds`
}

/** `root`: path of the API root, without a slash at its end. */
export function makeViews(root: string, nowMs: () => number, currencies: CurrencyTable | undefined): Views {
  const paymentsPath = `${root}${PAYMENTS_PATH}`
  const withCurrencies = (seen: Seen): Seen => (currencies === undefined ? seen : { ...seen, currencies })

  const window = ({ dispatchedAtMs, sends }: { dispatchedAtMs: number; sends: number }): [number, number] => [
    dispatchedAtMs - WINDOW_MS,
    (sends > 1 ? Math.max(nowMs(), dispatchedAtMs) : dispatchedAtMs) + WINDOW_MS,
  ]

  const findPayment = (sought: Sought, get: Get): Promise<Found<Payment>> =>
    findInList(
      get,
      {
        path: paymentsPath,
        dateField: 'paymentCreationDate',
        filters: sought.merchantId === null ? {} : { merchantIdentifier: sought.merchantId },
        item: Payment,
        idOf: (payment) => payment.paymentId,
        match: ({ amountTransaction }) => matchOf(amountTransaction, sought.reference),
      },
      ...window(sought),
    )

  const findRefund = (order: RailOrder, paymentId: string, get: Get): Promise<Found<Refund>> =>
    findInList(
      get,
      {
        path: refundsPath(root, paymentId),
        dateField: 'refundCreationDate',
        filters: {},
        item: Refund,
        idOf: (refund) => refund.refundId,
        match: ({ amountTransaction }) => matchOf(amountTransaction, order.reference),
      },
      ...window(order),
    )

  const refundWhole: Views['refundWhole'] = async (refund, order, paymentId, seen, get) => {
    const outcome = refundOutcome(refund, order, withCurrencies(seen))
    if (outcome.kind !== 'settled') return outcome
    const memo = outcome.memo ?? order.memo
    const read = readOne(await get(`${refundsPath(root, paymentId)}/remaining-amount`), RemainingAmount)
    if ('kind' in read) return { ...read, memo }
    const mismatch = remainingMismatch(read.value, order, currencies)
    return mismatch === null ? outcome : { ...unknown(mismatch, true), memo }
  }

  return {
    payment: async (order, seen, get) => {
      const known = order.memo['paymentId']
      if (known === undefined) {
        const found = await findPayment(soughtOf(order), get)
        return found.kind === 'found' ? paymentOutcome(found.item, order, withCurrencies(seen)) : unfound(found)
      }
      const read = readOne(await get(`${paymentsPath}/${known}`), Payment)
      if ('kind' in read) return read
      if (read.value.paymentId !== known) return unknown('an answer about another payment', true)
      return paymentOutcome(read.value, order, withCurrencies(seen))
    },

    refund: async (order, paymentId, seen, get) => {
      const known = order.memo['refundId']
      if (known === undefined) {
        const found = await findRefund(order, paymentId, get)
        return found.kind === 'found' ? refundWhole(found.item, order, paymentId, seen, get) : unfound(found)
      }
      const read = readOne(await get(`${refundsPath(root, paymentId)}/${known}`), Refund)
      if ('kind' in read) return read
      if (read.value.refundId !== known) return unknown('an answer about another refund', true)
      return refundWhole(read.value, order, paymentId, seen, get)
    },

    refundWhole,

    paymentIdOf: async (sought, get) => {
      const found = await findPayment(sought, get)
      return found.kind === 'found' ? found.item.paymentId : null
    },
  }
}

export function soughtOf({ reference, dispatchedAtMs, sends, merchant }: RailOrder): Sought {
  return { reference, dispatchedAtMs, sends, merchantId: merchant?.id ?? null }
}

function matchOf(
  { referenceCode, clientCorrelator }: { referenceCode: string; clientCorrelator?: string | undefined },
  reference: string,
): 'ours' | 'near' | 'other' {
  const hits = [referenceCode, clientCorrelator].filter((value) => value === reference).length
  return hits === 2 ? 'ours' : hits === 1 ? 'near' : 'other'
}

function unfound(found: Exclude<Found<unknown>, { kind: 'found' }>): RailOutcome | 'absent' {
  return found.kind === 'absent' ? 'absent' : unknown(found.why, found.alarm)
}

/** A refused or unreadable question says nothing about the money. */
function readOne<T>(
  came: Came,
  schema: { safeParse(json: unknown): { success: true; data: T } | { success: false } },
): { value: T } | Extract<RailOutcome, { kind: 'unknown' }> {
  if (came.kind === 'not_sent') return unknown(`question not sent: ${came.why}`, false)
  if (came.kind === 'unknown') return came
  const { status, code, json } = came.answer
  if (status !== 200)
    return unknown(`status ${status}${code === null ? '' : ` ${code}`} to a question`, !isBusy(status))
  const read = schema.safeParse(json)
  return read.success ? { value: read.data } : unknown('an answer that cannot be read', true)
}
