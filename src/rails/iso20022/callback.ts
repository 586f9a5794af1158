import type { CurrencyTable } from '../../contract/names.ts'
import type { CallbackVerdict, HttpMessage, OrderLookup } from '../port.ts'
import { classify } from './classify.ts'
import type { SignatureKey } from './keys.ts'
import type { Nonces } from './nonces.ts'
import { verifyRequest } from './signature.ts'
import { readStatusReport } from './status-report.ts'
import { XML_BYTES_MAX } from './xml.ts'

export type CallbackOptions = {
  key: SignatureKey
  nonces: Nonces
  /** Where the bank was told to call; a signature for another address is not for us. */
  callbackUrl: string | null
  nowMs: number
  currencies?: CurrencyTable
}

/**
 * A pacs.002 the bank posted to us: authenticated over its raw bytes before
 * anything reads them, then compared with the order it names. What it says is a
 * statement to be stored, `unknown` included; only a forged, unreadable or
 * foreign one is refused.
 */
export async function readCallback(
  message: HttpMessage,
  orders: OrderLookup,
  { key, nonces, callbackUrl, nowMs, currencies }: CallbackOptions,
): Promise<CallbackVerdict> {
  if (message.method !== 'POST') return refused(400, 'callbacks are posted')
  if (message.body.byteLength > XML_BYTES_MAX) return refused(400, 'larger than 64 KiB')
  const target = URL.parse(message.targetUri)
  if (target === null || (callbackUrl !== null && `${target.origin}${target.pathname}` !== callbackUrl)) {
    return refused(401, 'signed for another address')
  }
  const verified = verifyRequest(message, key, nowMs)
  if (!verified.ok) return refused(401, verified.error)
  const { nonce } = verified.value
  if (!nonces.use(nonce, nowMs)) return refused(401, 'nonce seen before')

  const report = readStatusReport(message.body)
  if (!report.ok) return refused(400, report.error)
  const transaction = report.value.transaction
  if (transaction === null) return refused(400, 'about no transaction')
  const reference = transaction.originalTxId
  const named = target.searchParams.getAll('ref')
  if (named.length !== 1 || named[0] !== reference) return refused(400, 'address and message name different references')

  const order = await orders(reference).catch((error: unknown) => {
    nonces.forget(nonce)
    throw error
  })
  if (order === null) return refused(404, 'no such reference')
  const outcome = classify({ via: 'callback', httpStatus: null, report: report.value }, order, currencies)
  return { ok: true, statement: { eventId: transaction.statusId, reference, outcome } }
}

function refused(status: 400 | 401 | 404, why: string): CallbackVerdict {
  return { ok: false, status, why }
}
