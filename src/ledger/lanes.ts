/**
 * Payments of one process go to the ledger in two lanes, a connection each, and write rows of their own in hot
 * accounts: two calls of one process that meet at its fee account would run one after the other, commit and all.
 */
export const LANES = 2

/** The lane of a payment, the same for each of its units: FNV-1a of its id. */
export function laneOf(subject: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < subject.length; i++) hash = Math.imul(hash ^ subject.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % LANES
}
