import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { PaymentStatus, StatusReason } from '../contract/names.ts'
import { isUnresolved, type AttemptState, type RailOperation, type RailStep } from '../domain/attempt.ts'
import type { Query } from '../ledger/index.ts'

/**
 * What a decision about a payment or refund rests on: where it stands, and what each rail said. The same for the operator
 * who decides and the hub that acts. How often a rail was asked in vain, and the id of an answer that decided nothing, are
 * not of it: an inquiry between the two that brings nothing new changes nothing.
 */
export type Evidence = {
  id: string
  status: PaymentStatus | 'pending_funds'
  status_reason: StatusReason | null
  amount: string
  currency: string
  attempts: {
    no: number
    rail: string
    operation: RailOperation
    step: RailStep
    reference: string
    amount: string
    state: AttemptState
    failure_code: string | null
    rail_reference: string | null
    said: Record<string, unknown> | null
  }[]
}

export type Seen = {
  evidence: Evidence
  /** SHA-256 over its canonical JSON (RFC 8785), hex. */
  hash: string
  amountMinor: bigint
  currency: string
}

type Head = {
  id: string
  status: Evidence['status']
  status_reason: StatusReason | null
  amount: bigint
  currency: string
}
type Attempt = Omit<Evidence['attempts'][number], 'amount' | 'said'> & {
  amount: bigint
  evidence: Record<string, unknown> | null
}

/** A payment's or refund's evidence as one statement each sees it; null where there is none of this id. */
export async function evidenceOf(sql: Query, id: string): Promise<Seen | null> {
  const [head] = await sql<Head[]>`
    select id, status, status_reason, amount, currency from payments where id = ${id}
    union all select id, status, status_reason, amount, currency from refunds where id = ${id}`
  if (head === undefined) return null
  const attempts = await sql<Attempt[]>`
    select no::int as no, rail, operation, step, reference, amount, state, failure_code, rail_reference, evidence
    from attempts where payment = ${id} order by no`
  const evidence: Evidence = {
    ...head,
    amount: String(head.amount),
    attempts: attempts.map(({ evidence: said, amount, ...attempt }) => ({
      ...attempt,
      amount: String(amount),
      said: said === null || !isUnresolved(attempt.state) ? said : withoutIds(said),
    })),
  }
  const hash = createHash('sha256')
    .update(canonicalize(evidence) ?? '')
    .digest('hex')
  return { evidence, hash, amountMinor: head.amount, currency: head.currency }
}

const withoutIds = ({ id: _, via: __, ...rest }: Record<string, unknown>): Record<string, unknown> => rest
