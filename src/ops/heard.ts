import type { RailOperation } from '../domain/attempt.ts'
import type { Query } from '../ledger/index.ts'
import type { EvidenceRow } from '../payments/index.ts'

type Told = Pick<EvidenceRow, 'id' | 'no' | 'rail' | 'reference' | 'kind' | 'via' | 'rail_id'> &
  Pick<EvidenceRow, 'reason' | 'disputed' | 'answer' | 'state' | 'result'> & { operation: RailOperation; said: object }

/** What a rail said of a payment or refund that had its outcome, and what became of that (payments.md, After the end). */
export type Heard = Told & {
  /** Minor units. */
  amount: string
  /** What was posted for it, minor units. */
  moved: string | null
  heard_at: string
}

type Row = Told & Pick<EvidenceRow, 'amount' | 'moved' | 'heard_at'>

/** All of it, oldest first. */
export async function heardOf(sql: Query, bearer: string): Promise<Heard[]> {
  const rows = await sql<Row[]>`
    select e.id, e.no::int as no, a.operation, e.rail, e.reference, e.kind, e.via, e.rail_id, e.amount, e.reason, e.disputed,
      e.body as said, e.heard_at, e.answer, e.state, e.result, e.moved
    from evidence e join attempts a on a.payment = e.payment and a.no = e.no
    where e.payment = ${bearer} order by e.heard_at, e.id`
  return rows.map(({ amount, moved, heard_at: heardAt, ...rest }) => ({
    ...rest,
    amount: String(amount),
    moved: moved === null ? null : String(moved),
    heard_at: heardAt.toISOString(),
  }))
}

/** In words, what it says. */
export function whatItSays({ kind, disputed }: Pick<Heard, 'kind' | 'disputed'>): string {
  switch (kind) {
    case 'settled':
      return 'the money moved'
    case 'declined':
      return 'declined: no money moved'
    case 'not_found':
      return 'never received'
    case 'returned':
      return disputed ? 'money came back, disputed by the payer' : 'money came back'
    case 'look':
      return 'something changed; an inquiry tells what'
    case 'unclear':
      return 'nothing that may be acted upon'
  }
}

/** In words, what became of it. */
export function whatBecameOfIt({ state, result }: Pick<Heard, 'state' | 'result'>): string {
  switch (result) {
    case null:
      return state === 'open' ? 'the rail is being asked, or the payment has not ended' : state
    case 'posted':
      return 'the money is where it belongs'
    case 'suspended':
      return 'the money is in suspense: its owner’s wallet took none'
    case 'broken':
      return 'rail and books differ, and the difference stands'
    case 'unpostable':
      return 'no rule says what follows'
    case 'known':
      return 'said before, and acted upon then'
    case 'decided':
      return 'operators decided it'
    case 'agreed':
      return 'it says what is recorded'
    case 'refuted':
      return 'asked again, the rail says what is recorded'
  }
}

/** In words, what is done when operators approve it: as recovery/moves.ts posts it. */
export function whatApprovingDoes({ kind, result, operation }: Pick<Heard, 'kind' | 'result' | 'operation'>): string {
  if (result === 'unpostable') return 'notes that it is settled elsewhere; nothing is posted'
  if (operation === 'collect') {
    return kind === 'settled'
      ? 'puts the money into the payer’s wallet'
      : 'takes the money from the merchant, or from the user where there is none'
  }
  if (operation === 'refund') {
    return 'takes the money from the merchant, as a refund; what others have given back already, the payer owes'
  }
  return kind === 'settled' ? 'takes the money from the payer’s wallet' : 'puts the money back into the payer’s wallet'
}
