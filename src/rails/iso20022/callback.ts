import type { CurrencyTable } from '../../contract/names.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { CallbackVerdict, HttpMessage, OrderLookup, RailOrder, RailOutcome } from '../port.ts'
import { classify } from './classify.ts'
import type { SignatureKey } from './keys.ts'
import type { Nonces } from './nonces.ts'
import { classifyReturn, readPaymentReturn } from './payment-return.ts'
import { verifyRequest } from './signature.ts'
import { readStatusReport } from './status-report.ts'
import { XML_BYTES_MAX } from './xml.ts'

export type CallbackOptions = {
  keys: readonly SignatureKey[]
  nonces: Nonces
  /** Where the bank was told to call; a signature for another address is not for us. */
  callbackUrl: string | null
  nowMs: number
  currencies?: CurrencyTable
}

/**
 * A pacs.002 or pacs.004 the bank posted to us: authenticated over its raw bytes before
 * anything reads them, then compared with the order it names. What it says is a
 * statement to be stored, `unknown` included; only a forged, unreadable or
 * foreign one is refused.
 */
export async function readCallback(
  message: HttpMessage,
  orders: OrderLookup,
  { keys, nonces, callbackUrl, nowMs, currencies }: CallbackOptions,
): Promise<CallbackVerdict> {
  if (message.method !== 'POST') return refused(400, 'callbacks are posted')
  if (message.body.byteLength > XML_BYTES_MAX) return refused(400, 'larger than 64 KiB')
  const target = URL.parse(message.targetUri)
  if (target === null || (callbackUrl !== null && `${target.origin}${target.pathname}` !== callbackUrl)) {
    return refused(401, 'signed for another address')
  }
  const verified = verifyRequest(message, keys, nowMs)
  if (!verified.ok) return refused(401, verified.error)
  const { nonce } = verified.value
  if (!nonces.use(nonce, nowMs)) return refused(401, 'nonce seen before')

  const read = readEvent(message.body)
  if (!read.ok) return refused(400, read.error)
  const { eventId, reference, says } = read.value
  const named = target.searchParams.getAll('ref')
  if (named.length !== 1 || named[0] !== reference) return refused(400, 'address and message name different references')

  const order = await orders(reference).catch((error: unknown) => {
    nonces.forget(nonce)
    throw error
  })
  if (order === null) return refused(404, 'no such reference')
  return { ok: true, statement: { eventId, reference, says: says(order, currencies) } }
}

/** An event as it stands in a message: its id, whom it is about, and what it says once the order is at hand. */
type Event = {
  eventId: string
  reference: string
  says: (order: RailOrder, currencies?: CurrencyTable) => RailOutcome
}

function readEvent(body: Uint8Array): Result<Event, string> {
  const report = readStatusReport(body)
  if (report.ok) {
    const { transaction } = report.value
    if (transaction === null) return err('about no transaction')
    return ok({
      eventId: transaction.statusId,
      reference: transaction.originalTxId,
      says: (order, currencies) =>
        classify({ via: 'callback', httpStatus: null, report: report.value }, order, currencies),
    })
  }
  const returned = readPaymentReturn(body)
  if (!returned.ok) return err(`neither a status report nor a return: ${report.error}; ${returned.error}`)
  return ok({
    // Ids of statuses and of returns are the bank's to give; the same word for both must hide neither.
    eventId: `return:${returned.value.returnId}`,
    reference: returned.value.originalTxId,
    says: (order, currencies) => classifyReturn(returned.value, order, currencies),
  })
}

function refused(status: 400 | 401 | 404, why: string): CallbackVerdict {
  return { ok: false, status, why }
}
