import type { Unit } from './unit.ts'

/**
 * Payments of one process go to the ledger in two lanes, a connection each, and write rows of their own in hot
 * accounts: two calls of one process that meet at its fee account would run one after the other, commit and all.
 */
export const LANES = 2

/** Holds of which is known on what accounts they are; the oldest are forgotten first, which costs a wait at the most. */
const HOLDS_KNOWN = 20_000

/**
 * Whose lane a unit takes: that of the feed it tells first, its payer's, so that a user's wallet and feed are in one
 * lane only; without events that of what its transfers are for. Null where it touches neither.
 */
function laneKeyOf(unit: Unit): string | null {
  return unit.ok.events?.[0]?.feed ?? unit.transfers?.[0]?.subject ?? null
}

/** FNV-1a. */
export function laneOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % LANES
}

/** A unit on its way: the lane it takes, and the accounts it needs as far as they are known here. */
export type Passage = { lane: number; accounts: readonly string[] }

/**
 * Sends a unit where an account of its is in use already, and else where its payer's are sent: of two people who pay
 * each other each would otherwise keep the other's lane waiting, commit and all. It decides what is waited for, never
 * what is right: the accounts are locked in the database.
 */
export class Lanes {
  readonly #count: number
  readonly #inUse = new Map<string, { lane: number; units: number }>()
  readonly #holds = new Map<string, readonly [debit: string, credit: string]>()

  constructor(count: number) {
    this.#count = count
  }

  /** @param otherwise the lane of a unit that touches nobody's rows */
  enter(unit: Unit, otherwise: () => number): Passage {
    const accounts = this.#accountsOf(unit)
    const key = laneKeyOf(unit)
    const lane =
      accounts.map((account) => this.#inUse.get(account)?.lane).find((used) => used !== undefined) ??
      (key === null ? otherwise() : laneOf(key) % this.#count)
    for (const account of accounts) {
      const used = this.#inUse.get(account)
      if (used === undefined) this.#inUse.set(account, { lane, units: 1 })
      else used.units += 1
    }
    return { lane, accounts }
  }

  leave({ accounts }: Passage): void {
    for (const account of accounts) {
      const used = this.#inUse.get(account)
      if (used !== undefined && --used.units === 0) this.#inUse.delete(account)
    }
  }

  #accountsOf(unit: Unit): string[] {
    const accounts: string[] = []
    for (const transfer of unit.transfers ?? []) {
      if ('pending' in transfer) {
        const known = this.#holds.get(transfer.pending)
        if (known !== undefined) accounts.push(...known)
        this.#holds.delete(transfer.pending)
      } else {
        accounts.push(transfer.debit, transfer.credit)
        if (transfer.kind === 'reserve') this.#remember(transfer.id, [transfer.debit, transfer.credit])
      }
    }
    return accounts
  }

  #remember(hold: string, accounts: readonly [string, string]): void {
    this.#holds.set(hold, accounts)
    if (this.#holds.size <= HOLDS_KNOWN) return
    for (const oldest of this.#holds.keys()) {
      this.#holds.delete(oldest)
      break
    }
  }
}
