import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { DisputeState, PaymentStatus, RecoveryKind, RecoveryState, StatusReason } from '../contract/names.ts'
import { isUnresolved, type AttemptState, type RailOperation, type RailStep } from '../domain/attempt.ts'
import { readRecoveryId } from '../domain/ids.ts'
import type { Query } from '../ledger/index.ts'
import { heardOf, type Heard } from './heard.ts'

/**
 * What a decision about a payment, refund or recovery rests on: where it stands, and what each rail said, before its end
 * and after. The same for the operator who decides and the hub that acts. How often a rail was asked in vain, and the id
 * of an answer that decided nothing, are not of it: an inquiry between the two that brings nothing new changes nothing.
 */
export type Evidence = {
  /** Of a recovery: `<payment or refund>/rec/<evidence>`. */
  id: string
  status: PaymentStatus | 'pending_funds'
  status_reason: StatusReason | null
  /** What is decided about: of a recovery, what its evidence moves. */
  amount: string
  currency: string
  recovery: { kind: RecoveryKind; amount: string; state: RecoveryState } | null
  dispute: { state: DisputeState } | null
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
  heard: Heard[]
}

export type Seen = {
  evidence: Evidence
  /** The payment or refund that it is about. */
  bearer: string
  /** What was heard that a recovery is of; null of a payment or refund itself. */
  about: Heard | null
  /** SHA-256 over its canonical JSON (RFC 8785), hex. */
  hash: string
  amountMinor: bigint
  currency: string
}

type Head = Omit<Evidence, 'id' | 'amount' | 'attempts' | 'heard'> & { amount: bigint }
type Attempt = Omit<Evidence['attempts'][number], 'amount' | 'said'> & {
  amount: bigint
  evidence: Record<string, unknown> | null
}

/** The evidence of a payment, refund or recovery as one statement each sees it; null where there is none of this id. */
export async function evidenceOf(sql: Query, id: string): Promise<Seen | null> {
  const recovery = readRecoveryId(id)
  const bearer = recovery?.bearer ?? id
  const [head] = await sql<Head[]>`
    select status, status_reason, amount, currency, recovery, dispute from payments where id = ${bearer}
    union all select status, status_reason, amount, currency, null, null from refunds where id = ${bearer}`
  if (head === undefined) return null
  const attempts = await sql<Attempt[]>`
    select no::int as no, rail, operation, step, reference, amount, state, failure_code, rail_reference, evidence
    from attempts where payment = ${bearer} order by no`
  const heard = await heardOf(sql, bearer)
  const about = heard.find((each) => each.id === recovery?.evidence) ?? null
  if (recovery !== null && about === null) return null
  const amountMinor = about === null ? head.amount : BigInt(about.moved ?? about.amount)
  const evidence: Evidence = {
    ...head,
    id,
    amount: String(amountMinor),
    attempts: attempts.map(({ evidence: said, amount, ...attempt }) => ({
      ...attempt,
      amount: String(amount),
      said: said === null || !isUnresolved(attempt.state) ? said : withoutIds(said),
    })),
    heard,
  }
  const hash = createHash('sha256')
    .update(canonicalize(evidence) ?? '')
    .digest('hex')
  return { evidence, bearer, about, hash, amountMinor, currency: head.currency }
}

const withoutIds = ({ id: _, via: __, ...rest }: Record<string, unknown>): Record<string, unknown> => rest
