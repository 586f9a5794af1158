import { z } from 'zod'
import type { HttpReply } from '../common/http-client.ts'
import type { ErrorWords } from './codes.ts'

/** Objects of the API as far as we read them. Members we do not know are none of our business; those we do must fit. */

const Text = z.string().max(256)
const ErrorObject = z
  .object({ errorCategory: Text.min(1), errorCode: Text.min(1) })
  .transform(({ errorCategory, errorCode }): ErrorWords => ({ category: errorCategory, code: errorCode }))

const Parties = z
  .array(z.object({ key: Text, value: Text }))
  .min(1)
  .max(10)
export type Parties = z.infer<typeof Parties>

/** A transaction or a reversal: a reversal may leave out amount and parties. */
const Transaction = z.object({
  transactionReference: Text.min(1),
  transactionStatus: Text.min(1),
  type: Text.min(1),
  amount: z.string().max(23).optional(),
  currency: z.string().max(3).optional(),
  debitParty: Parties.optional(),
  creditParty: Parties.optional(),
  requestingOrganisationTransactionReference: Text.optional(),
  originalTransactionReference: Text.optional(),
})
export type Transaction = z.infer<typeof Transaction>

const RequestState = z
  .object({
    serverCorrelationId: z.string().regex(/^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/),
    status: z.enum(['pending', 'completed', 'failed']),
    notificationMethod: z.enum(['callback', 'polling']),
    objectReference: Text.optional(),
    pollLimit: z.number().int().positive().optional(),
    error: ErrorObject.optional(),
    /** The text pages' name for `error`. */
    errorReference: ErrorObject.optional(),
  })
  .transform(({ error, errorReference, ...state }) => ({ ...state, error: error ?? errorReference ?? null }))
export type RequestState = z.infer<typeof RequestState>

const Response = z.object({ link: z.string().min(1).max(256) })
const Heartbeat = z.object({
  serviceStatus: z.enum(['available', 'degraded', 'unavailable']),
  delay: z.number().optional(),
})

export type JsonReply = { status: number; headers: HttpReply['headers']; json: unknown }

/** Null for whatever is not plain JSON in UTF-8: another content type, compressed, truncated, empty. */
export function readJsonReply({ status, headers, body }: HttpReply): JsonReply | null {
  const type = headers['content-type']
  if (typeof type !== 'string' || !/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) return null
  if (headers['content-encoding'] !== undefined) return null
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return { status, headers, json }
  } catch {
    return null
  }
}

const reader =
  <T>(schema: z.ZodType<T>) =>
  (json: unknown): T | null =>
    schema.safeParse(json).data ?? null

export const readError = reader(ErrorObject)
export const readTransaction = reader(Transaction)
export const readTransactions = reader(z.array(Transaction).max(1_000))
export const readRequestState = reader(RequestState)
export const readResponse = reader(Response)
export const readHeartbeat = reader(Heartbeat)
