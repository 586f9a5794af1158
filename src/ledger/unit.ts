import type { HubReply } from '../bus/index.ts'
import type { EventName } from '../contract/names.ts'
import type { Columns } from './columns.ts'

/**
 * The unit of work, as the function `apply_units` takes it: everything that must
 * change together, with what must still hold for it to change at all. Columns
 * are named as in the tables; amounts are decimal strings (JSON has no bigint).
 */

/**
 * Transfers of a unit are one linked group, each of an id of its own: all of them or none. A leg with `up_to` moves
 * what its debit account has, at most `amount`; the legs with `up_to` must come to the unit's `total`, and one that
 * would move nothing is left out.
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
      up_to?: true
      /** Of a reserve no rail knows of: from then on it cannot be confirmed, and may be expired. */
      expires_at?: string
    }
  | {
      id: string
      ledger: number
      kind: 'confirm' | 'void' | 'expire'
      pending: string
      /** Of a confirm: post this much and release the rest; without it, the whole. */
      amount?: string
      /** Of an expire: the hold's, for it is decided under the lock of that payment; another one raises. */
      subject: string
      up_to?: never
      expires_at?: never
    }

/**
 * `frozen` and `closed` refuse new spends only; an account with open holds cannot be closed. An account of several rows
 * is meant as a whole, whichever of them is named.
 */
export type AccountFlag = { account: string; set: 'freeze' | 'unfreeze' | 'close' | 'reopen' }

export type EventInput = { id: string; feed: string; name: EventName } & (
  | { body: object }
  /** Filled in under the account's lock: `{currency, available, pending}`. */
  | { balance: { ledger: number; account: string; currency: string } }
)

export type Branch = {
  payment?: Columns<'payment'>
  new_payment?: Columns<'new_payment'>
  attempt?: Columns<'attempt'>
  new_attempt?: Columns<'new_attempt'>
  source?: Columns<'source'>
  /** Of the source by which the unit is guarded. */
  source_change?: Columns<'source_change'>
  /** Of the device by which the unit is guarded. */
  device_change?: Columns<'device_change'>
  /** In place of the one by which the unit is guarded; guesses are forgotten. */
  pin?: Columns<'pin'>
  /** What makes the codes of the device by which the unit is guarded. */
  code?: Columns<'code'>
  /** Whole rows, and what becomes of evidence, in a unit that is guarded by their payment and raises its version. */
  refund?: Columns<'refund'>
  return?: Columns<'return'>
  evidence?: Columns<'evidence'>
  events?: EventInput[]
  /** Stored under the unit's key and replayed for it. */
  reply?: StoredReply
  /** In place of `reply`, where a transfer was refused for this reason. */
  replies?: Partial<Record<TransferRefusal, StoredReply>>
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
    /** A linked account, and the states it may be in. */
    source?: { id: string; states: string[] }
    /** A device, and the states it may be in. */
    device?: { id: string; states: string[] }
    /** Which PIN the user has; 0: none. */
    pin?: { user: string; version: number }
    /** What makes a device's codes, as it was read; 0 where there was nothing yet. */
    code?: { device: string; version: number }
  }
  transfers?: TransferInput[]
  /** What the legs with `up_to` must come to. */
  total?: string
  flags?: AccountFlag[]
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
  'different_ledgers',
  'exceeds_credits',
  'exceeds_debits',
  'pending_not_found',
  'pending_already_posted',
  'pending_already_voided',
  'pending_already_expired',
  'hold_in_use',
  'exceeds_pending_amount',
  'account_frozen',
  'account_closed',
  'account_has_holds',
  'amount_invalid',
  'id_already_failed',
] as const
export type TransferRefusal = (typeof TRANSFER_REFUSALS)[number]

/**
 * What became of a unit, and by it of each of its transfers. `ok`: they have happened, and one without `up_to` that
 * `amounts` tells was there before (`exists`). `refused`: the leg named is why, the others moved nothing (`linked_failed`).
 */
export type UnitResult =
  /** `amounts`: what each leg with `up_to`, and each transfer that was there already, has moved. */
  | { code: 'ok'; amounts?: Record<string, string> }
  /** `leg`: which transfer, from 0; past the last one, which flag. */
  | { code: 'refused'; transfer: TransferRefusal; leg: number }
  /** What the guard asked for no longer holds: read again and decide anew. Nothing changed. */
  | { code: 'guard_failed' }
  /** Another unit with this key is being applied right now, or a command under it is still running. */
  | { code: 'in_flight' }
  /** Its jti, order reference or account is in another unit's hands this very moment: ask again shortly. Nothing changed. */
  | { code: 'busy' }
  | { code: 'replayed'; reply: StoredReply }
  | { code: 'key_reused' }
  | { code: 'jti_used' }
  /** A new payment, source or number met one that excludes it (an open order reference, a linked account). */
  | { code: 'conflict' }
  | { code: 'unit_differs' }
