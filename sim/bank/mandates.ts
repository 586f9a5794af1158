import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { answerAfter, answerBefore, jsonReply, type Answer } from './answer.ts'
import type { Bank } from './bank.ts'
import { chooseFaults } from './faults/choose.ts'
import type { OrderFault } from './faults/kinds.ts'
import { magicNumber } from './faults/magic.ts'
import type { Nonce } from './payments.ts'
import type { Entry, Mandate } from './entry.ts'
import { exponentOf, ibanIsValid } from './wire/amount.ts'

const MandateRequest = z.strictObject({
  reference: z.string().regex(/^[A-Za-z0-9/\-?:().,'+ ]{1,35}$/),
  account: z.string().max(34),
  holder: z.string().min(1).max(140),
  currency: z.string().regex(/^[A-Z]{3}$/),
})

/**
 * Direct debit mandates. The demo bank approves them by itself, where it is told to be `pending` after a while; the same
 * reference gets the same answer, in its present state.
 */
export async function createMandate(bank: Bank, body: Uint8Array, nonce: Nonce): Promise<Answer> {
  const { state, clock } = bank
  const read = MandateRequest.safeParse(parseJson(body))
  const refusal = read.success ? refusalOf(read.data) : 'FF01'
  if (!read.success || refusal !== null) {
    bank.record({ nonce })
    await bank.durable()
    return jsonReply(400, { code: refusal, message: 'this is not a mandate the bank can keep' })
  }
  const asked = read.data
  const chosen = chooseFaults(state, { ...asked, operation: 'mandate', amountMinor: null, arrival: 1 })
  const entry: Entry = { nonce, ...(chosen.usedRules.length > 0 ? { usedRules: chosen.usedRules } : {}) }
  const finish = async (): Promise<void> => {
    bank.record(entry)
    await bank.durable()
  }
  const before = answerBefore(chosen.order)
  if (before !== null) {
    await finish()
    return before
  }
  const known = state.mandateByReference.get(asked.reference)
  if (known !== undefined && !sameMandate(known, asked)) {
    await finish()
    return jsonReply(409, { code: 'DU03', message: 'the reference was used before for another mandate' })
  }
  if (known === undefined && chosen.order?.kind === 'decline' && magicNumber(asked.account) === null) {
    await finish()
    return jsonReply(422, { code: chosen.order.reason, message: 'the bank refuses this mandate' })
  }
  const mandate = known === undefined ? madeOf(asked, chosen.order, clock.nowMs()) : decided(known, clock.nowMs())
  if (mandate === null) {
    await finish()
    return jsonReply(422, { code: 'MS02', message: 'the customer has refused this mandate' })
  }
  if (mandate !== known) entry.mandate = mandate
  await finish()
  const { mandateId, dateOfSignature } = mandate
  const status = mandate.undecided === null ? 'active' : 'pending'
  return answerAfter(chosen.order, jsonReply(201, { mandateId, dateOfSignature, status }))
}

function madeOf(asked: z.infer<typeof MandateRequest>, order: OrderFault | null, nowMs: number): Mandate {
  const waits = order?.kind === 'pending' ? order : null
  return {
    ...asked,
    mandateId: `M${randomUUID().replaceAll('-', '')}`,
    dateOfSignature: new Date(nowMs).toISOString().slice(0, 10),
    active: waits === null,
    undecided:
      waits === null
        ? null
        : { atMs: waits.then === 'never' ? null : nowMs + waits.after_s * 1000, active: waits.then === 'settled' },
  }
}

/** As its customer has decided by now; null: against it. */
function decided(mandate: Mandate, nowMs: number): Mandate | null {
  const { undecided } = mandate
  if (undecided === null || undecided.atMs === null || nowMs < undecided.atMs) return mandate
  return undecided.active ? { ...mandate, active: true, undecided: null } : null
}

export async function endMandate(bank: Bank, mandateId: string, nonce: Nonce): Promise<Answer> {
  const known = bank.state.mandates.has(mandateId)
  bank.record({ nonce, ...(known ? { mandateEnded: mandateId } : {}) })
  await bank.durable()
  if (!known) return jsonReply(404, { code: 'MD01', message: 'no such mandate' })
  return { kind: 'reply', status: 204, contentType: null, body: '', headers: {}, signature: 'right' }
}

function refusalOf(asked: z.infer<typeof MandateRequest>): string | null {
  if (!ibanIsValid(asked.account)) return 'AC01'
  return exponentOf(asked.currency) === null ? 'FF01' : null
}

function sameMandate(known: Mandate, asked: z.infer<typeof MandateRequest>): boolean {
  return known.account === asked.account && known.holder === asked.holder && known.currency === asked.currency
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
