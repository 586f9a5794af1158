import type { OutboxRow } from './table.ts'

/** Events of one feed to be published one after another. */
export type Chain = readonly OutboxRow[]

/**
 * What may be published now, out of rows sorted by feed and seq: for each feed
 * the run that starts at its first unpublished event. A row whose predecessor is
 * unpublished and not in the batch is left for later (R1: within a feed strictly by seq).
 */
export function chainsOf(rows: readonly OutboxRow[], maxRowsPerFeed: number): Chain[] {
  const chains: OutboxRow[][] = []
  let chain: OutboxRow[] = []
  let last: OutboxRow | undefined
  for (const row of rows) {
    const follows = last !== undefined && last.feed === row.feed
    if (!follows) chain = []
    const previous = chain.at(-1)
    const starts = !row.waits && chain.length === 0
    const continues = previous !== undefined && previous.seq + 1 === row.seq
    if (starts) chains.push(chain)
    if ((starts || continues) && chain.length < maxRowsPerFeed) chain.push(row)
    last = row
  }
  return chains
}
