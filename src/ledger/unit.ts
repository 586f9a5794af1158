import type { HubReply } from '../bus/index.ts'
import type { EventName } from '../contract/names.ts'

/**
 * The unit of work, as the function `apply_units` takes it: everything that must
 * change together, with what must still hold for it to change at all. Columns
 * are named as in the tables; amounts are decimal strings (JSON has no bigint).
 */

export type TransferInput =
  | {
      id: string
      ledger: number
      kind: 'post' | 'reserve'
      debit: string
      credit: string
      amount: string
      subject: string
    }
  | { id: string; ledger: number; kind: 'confirm' | 'void'; pending: string; amount?: string; subject: string }

/** Column values by name, as JSON. */
export type Columns = Record<string, string | number | boolean | null | object>

export type EventInput = { id: string; feed: string; name: EventName } & (
  | { body: object }
  /** Filled in under the account's lock: `{currency, available, pending}`. */
  | { balance: { ledger: number; account: string; currency: string } }
)

export type Branch = {
  payment?: Columns
  new_payment?: Columns
  attempt?: Columns
  new_attempt?: Columns
  source?: Columns
  events?: EventInput[]
  /** Stored under the unit's key and replayed for it. */
  reply?: StoredReply
}

/** `body` is JSON text: a unit travels as jsonb, which orders fields anew, and a replay is the first answer byte for byte. */
export type StoredReply =
  | { ok: true; body: string }
  | { ok: false; error: Extract<HubReply, { ok: false }>['error']; payment?: string }

export type Unit = {
  id: string
  key?: { scope: string; key: string; hash: string; complete?: true }
  jti?: { device: string; jti: string; expires_at: string }
  guard?: {
    /** `version` is compared; the two flags compare with the database's clock under the lock. */
    payment?: { id: string; version: number; unexpired?: true; before_start_by?: true }
    attempt?: { payment: string; no: number; states: string[]; token?: string }
  }
  transfers?: TransferInput[]
  ok: Branch
  /** Taken when a transfer is refused; without one nothing but the refusal is remembered. */
  refused?: Branch
}

/** Why a transfer was refused: the ledger's closed list. */
export const TRANSFER_REFUSALS = [
  'exists_with_different_amount',
  'exists_with_different_debit',
  'exists_with_different_credit',
  'exists_with_different_kind',
  'exists_with_different_pending',
  'debit_account_not_found',
  'credit_account_not_found',
  'accounts_must_differ',
  'exceeds_credits',
  'exceeds_debits',
  'pending_not_found',
  'pending_already_posted',
  'pending_already_voided',
  'pending_already_expired',
  'exceeds_pending_amount',
  'account_frozen',
  'account_closed',
  'amount_invalid',
  'id_already_failed',
] as const
export type TransferRefusal = (typeof TRANSFER_REFUSALS)[number]

export type UnitResult =
  | { code: 'ok' }
  | { code: 'refused'; transfer: TransferRefusal }
  /** What the guard asked for no longer holds: read again and decide anew. Nothing changed. */
  | { code: 'guard_failed' }
  /** Another unit with this key is being applied right now, or a command under it is still running. */
  | { code: 'in_flight' }
  /** Its jti, order reference or account is in another unit's hands this very moment: ask again shortly. Nothing changed. */
  | { code: 'busy' }
  | { code: 'replayed'; reply: StoredReply }
  | { code: 'key_reused' }
  | { code: 'jti_used' }
  /** A new payment or source met one that excludes it (an open order reference, a linked account). */
  | { code: 'conflict' }
  | { code: 'unit_differs' }
