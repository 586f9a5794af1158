import type { AccountFlag, TransferInput, TransferRefusal, Unit, UnitResult } from '../../../src/ledger/index.ts'
import { askedInVain, railKnows, writeBranch } from './branches.ts'
import { type Books, type ModelAccount, type Moved, Raised, bigintOf, copyOf, endOf, fitting, rowsOf } from './books.ts'

/**
 * The ledger as its contract states it, in memory and with nothing clever: each unit is tried on a
 * copy of the books, and the copy becomes the books where every leg was allowed. Written from the
 * contract alone, so that it shares no mistake with the SQL.
 */
export type Reference = {
  readonly books: Books
  /** @throws Raised */
  apply(unit: Unit, nowMs: number): UnitResult
}

type Done = Extract<UnitResult, { code: 'ok' }>
type Refusal = Extract<UnitResult, { code: 'refused' }>

export function makeReference(opening: Books): Reference {
  let books = opening
  const said = new Map<string, { content: string; result: UnitResult }>()

  return {
    get books() {
      return books
    },
    apply(unit, nowMs) {
      const legs = unit.transfers ?? []
      if (new Set(legs.map(({ id }) => id)).size < legs.length) throw new Raised('a transfer is named twice')
      for (const { amount } of legs) if (amount !== undefined) bigintOf(amount)
      const content = JSON.stringify(unit)
      const before = said.get(unit.id)
      if (before !== undefined) return before.content === content ? before.result : { code: 'unit_differs' }

      const inVain = askedInVain(books, unit, nowMs)
      if (inVain !== undefined) return inVain

      const draft = copyOf(books)
      const result = decide(draft, unit, nowMs)
      if (result.code === 'ok') books = draft
      else remember(books, unit, result)
      writeBranch(books, unit, result)
      said.set(unit.id, { content, result })
      return result
    },
  }
}

/** A new spend that was refused stays refused: only the one that caused it, and only for what time could change. */
function remember(books: Books, unit: Unit, { transfer, leg }: Refusal): void {
  const cause = unit.transfers?.[leg]
  if (cause === undefined || 'pending' in cause || books.transfers.has(cause.id)) return
  if (/^(exceeds_|account_)|_not_found$/.test(transfer)) books.failed.add(cause.id)
}

function decide(books: Books, unit: Unit, nowMs: number): Done | Refusal {
  const legs = unit.transfers ?? []
  const total = unit.total === undefined ? undefined : bigintOf(unit.total)
  const amounts: Record<string, string> = {}
  let gathered = 0n
  let lastUpTo = -1
  for (const [leg, transfer] of legs.entries()) {
    const missing = total === undefined ? undefined : total - gathered
    const moved = move(books, transfer, missing, nowMs)
    if (typeof moved === 'string') return { code: 'refused', transfer: moved, leg }
    if (transfer.up_to === true) {
      gathered += moved.amount
      lastUpTo = leg
    }
    if (moved.existed || (transfer.up_to === true && moved.amount > 0n)) amounts[transfer.id] = String(moved.amount)
  }
  if (lastUpTo >= 0 && total !== undefined && gathered !== total) {
    return { code: 'refused', transfer: 'exceeds_credits', leg: lastUpTo }
  }
  for (const [n, flag] of (unit.flags ?? []).entries()) {
    const refusal = raise(books, flag)
    if (refusal !== undefined) return { code: 'refused', transfer: refusal, leg: legs.length + n }
  }
  for (const account of books.accounts.values()) checkFits(account)
  return Object.keys(amounts).length === 0 ? { code: 'ok' } : { code: 'ok', amounts }
}

/** The table's own CHECKs: they cannot be broken here, but where they are worked out a sum may leave bigint. */
function checkFits(account: ModelAccount): void {
  if (account.debitsMustNotExceedCredits) fitting(account.creditsPosted + account.allowance)
  if (account.creditsMustNotExceedDebits) fitting(account.debitsPosted + account.allowance)
}

type Effect = { amount: bigint; existed: boolean }

function move(
  books: Books,
  input: TransferInput,
  missing: bigint | undefined,
  nowMs: number,
): Effect | TransferRefusal {
  const known = books.transfers.get(input.id)
  if (known !== undefined) return difference(books, known, input) ?? { amount: known.amount, existed: true }
  if (books.failed.has(input.id)) return 'id_already_failed'
  return 'pending' in input ? end(books, input, nowMs) : spend(books, input, missing)
}

function difference(books: Books, known: Moved, input: TransferInput): TransferRefusal | undefined {
  if (known.kind !== input.kind) return 'exists_with_different_kind'
  if ('pending' in input && known.pending !== input.pending) return 'exists_with_different_pending'
  // A confirm without an amount is of the whole hold.
  const asked = input.amount ?? (input.kind === 'confirm' ? books.transfers.get(input.pending)?.amount : undefined)
  if (asked !== undefined) {
    const amount = fitting(BigInt(asked))
    if (input.up_to === true ? known.amount > amount : known.amount !== amount) return 'exists_with_different_amount'
  }
  if ('pending' in input) return undefined
  if (known.debit !== input.debit) return 'exists_with_different_debit'
  if (known.credit !== input.credit) return 'exists_with_different_credit'
  return undefined
}

type Spend = Extract<TransferInput, { kind: 'post' | 'reserve' }>

function spend(books: Books, input: Spend, missing: bigint | undefined): Effect | TransferRefusal {
  let amount = bigintOf(input.amount)
  if (amount <= 0n) return 'amount_invalid'
  if (input.up_to === true && missing === undefined) return 'amount_invalid'
  if (input.debit === input.credit) return 'accounts_must_differ'
  const debit = books.accounts.get(input.debit)
  const credit = books.accounts.get(input.credit)
  if (debit === undefined) return 'debit_account_not_found'
  if (credit === undefined) return 'credit_account_not_found'
  if (debit.ledger !== input.ledger || credit.ledger !== input.ledger) return 'different_ledgers'
  for (const account of [debit, credit]) {
    if (account.frozen) return 'account_frozen'
    if (account.closed) return 'account_closed'
  }

  const spent = debit.debitsPosted + debit.debitsPending
  const spendable = debit.creditsPosted + debit.allowance
  if (input.up_to === true && missing !== undefined) {
    if (missing < amount) amount = missing
    if (debit.debitsMustNotExceedCredits && spendable - spent < amount) amount = spendable - spent
    if (amount <= 0n) return { amount: 0n, existed: false }
  }
  if (debit.debitsMustNotExceedCredits && fitting(spent + amount) > fitting(spendable)) return 'exceeds_credits'
  if (credit.creditsMustNotExceedDebits) {
    const taken = fitting(fitting(credit.creditsPosted + credit.creditsPending) + amount)
    if (taken > fitting(credit.debitsPosted + credit.allowance)) return 'exceeds_debits'
  }

  if (input.kind === 'post') {
    debit.debitsPosted = fitting(debit.debitsPosted + amount)
    credit.creditsPosted = fitting(credit.creditsPosted + amount)
  } else {
    debit.debitsPending = fitting(debit.debitsPending + amount)
    credit.creditsPending = fitting(credit.creditsPending + amount)
  }
  const { id, kind, ledger, subject } = input
  const expiresAtMs = input.expires_at === undefined ? undefined : Date.parse(input.expires_at)
  books.transfers.set(id, { id, ledger, kind, debit: debit.id, credit: credit.id, amount, subject, expiresAtMs })
  return { amount, existed: false }
}

type End = Extract<TransferInput, { pending: string }>

const ENDED = {
  confirm: 'pending_already_posted',
  void: 'pending_already_voided',
  expire: 'pending_already_expired',
} as const

function end(books: Books, input: End, nowMs: number): Effect | TransferRefusal {
  const hold = books.transfers.get(input.pending)
  if (hold?.kind !== 'reserve') return 'pending_not_found'
  const ended = endOf(books, hold.id)
  if (ended !== undefined) return ENDED[ended]

  const isPast = hold.expiresAtMs !== undefined && hold.expiresAtMs <= nowMs
  let amount = hold.amount
  if (input.kind === 'confirm') {
    if (isPast) return 'pending_already_expired'
    if (input.amount !== undefined) amount = bigintOf(input.amount)
    if (amount <= 0n) return 'amount_invalid'
    if (amount > hold.amount) return 'exceeds_pending_amount'
  }
  if (input.kind === 'expire' && input.subject !== hold.subject) throw new Raised('it is for another payment')
  if (input.kind === 'expire' && (!isPast || railKnows(books, hold.subject))) return 'hold_in_use'

  const debit = books.accounts.get(hold.debit)
  const credit = books.accounts.get(hold.credit)
  if (debit === undefined || credit === undefined) throw new Error('a hold has lost its account')
  debit.debitsPending -= hold.amount
  credit.creditsPending -= hold.amount
  if (input.kind === 'confirm') {
    debit.debitsPosted = fitting(debit.debitsPosted + amount)
    credit.creditsPosted = fitting(credit.creditsPosted + amount)
  }
  const { id, kind, pending, subject } = input
  const { ledger } = hold
  books.transfers.set(id, { id, ledger, kind, debit: debit.id, credit: credit.id, amount, subject, pending })
  return { amount, existed: false }
}

function raise(books: Books, { account: id, set }: AccountFlag): TransferRefusal | undefined {
  const named = books.accounts.get(id)
  if (named === undefined) return 'debit_account_not_found'
  const rows = rowsOf(books, named.main)
  const holds = rows.some(({ debitsPending, creditsPending }) => debitsPending !== 0n || creditsPending !== 0n)
  if (set === 'close' && holds) return 'account_has_holds'
  for (const row of rows) {
    if (set === 'freeze' || set === 'unfreeze') row.frozen = set === 'freeze'
    else row.closed = set === 'close'
  }
  return undefined
}
