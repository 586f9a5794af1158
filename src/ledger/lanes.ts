import type { Unit } from './unit.ts'

/**
 * Payments of one process go to the ledger in two lanes, a connection each, and write rows of their own in hot
 * accounts: two calls of one process that meet at its fee account would run one after the other, commit and all.
 */
export const LANES = 2

/**
 * Whose lane a unit takes: that of the feed it tells first, its payer's, so that a user's wallet and feed are in one
 * lane only; without events that of what its transfers are for. Null where it touches neither.
 */
export function laneKeyOf(unit: Unit): string | null {
  return unit.ok.events?.[0]?.feed ?? unit.transfers?.[0]?.subject ?? null
}

/** FNV-1a. */
export function laneOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % LANES
}
