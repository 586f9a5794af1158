import type { RailMemo } from '../port.ts'
import type { RequestState } from './answer.ts'

/** What is kept with an attempt: the operator's own ids, and how often its request state was looked at. */

export const serverCorrelationOf = (memo: RailMemo): string | null => memo['serverCorrelationId'] ?? null
export const transactionReferenceOf = (memo: RailMemo): string | null => memo['transactionReference'] ?? null

/** Whether the operator still answers questions about the request state: it counts them (`pollLimit`). */
export function hasPollsLeft(memo: RailMemo): boolean {
  const limit = memo['pollLimit']
  return limit === undefined || pollsOf(memo) < Number(limit)
}

const pollsOf = (memo: RailMemo): number => Number(memo['polls'] ?? '0')

export function rememberState(memo: RailMemo, { serverCorrelationId, pollLimit }: RequestState): RailMemo {
  return { ...memo, serverCorrelationId, ...(pollLimit === undefined ? {} : { pollLimit: String(pollLimit) }) }
}

export function rememberPoll(memo: RailMemo): RailMemo {
  return { ...memo, polls: String(pollsOf(memo) + 1) }
}

export function rememberTransaction(memo: RailMemo, transactionReference: string): RailMemo {
  return { ...memo, transactionReference }
}
