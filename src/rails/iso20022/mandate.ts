import { z } from 'zod'
import type { HttpReply } from '../common/http-client.ts'
import type { MandateAnswer, MandateRequest } from '../port.ts'
import { parseJson } from './json.ts'

/** Mandates of our profile (connectors.md §1.4): signed JSON; the same reference gets the same answer. */

export const MANDATE_PATH = '/iso20022/mandates'

const Created = z.object({
  mandateId: z.string().min(1).max(35),
  dateOfSignature: z.iso.date(),
  status: z.enum(['active', 'pending']),
})
const Problem = z.object({ code: z.string().max(64).optional(), reason: z.string().max(140).optional() })

/** Refusals that are about the account or the request; the others are about us or the moment. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 409, 422])

export function mandateBody(request: MandateRequest): Buffer {
  const { reference, iban, holder, currency } = request
  return Buffer.from(JSON.stringify({ reference, account: iban, holder, currency }))
}

/** Reads an answer already known to be the bank's. */
export function readMandateAnswer(answer: HttpReply): MandateAnswer {
  const json = parseJson(answer.body)
  if (answer.status === 201) {
    const created = Created.safeParse(json)
    if (!created.success) return { kind: 'unavailable', why: 'mandate answer is ill-formed' }
    const { mandateId, dateOfSignature, status } = created.data
    return status === 'active'
      ? { kind: 'active', mandateId, signedOn: dateOfSignature }
      : { kind: 'pending', mandateId }
  }
  if (!REFUSALS.has(answer.status)) return { kind: 'unavailable', why: `status ${answer.status}` }
  const problem = Problem.safeParse(json)
  const words = problem.success ? (problem.data.code ?? problem.data.reason) : undefined
  return { kind: 'refused', reason: words ?? `status ${answer.status}` }
}
