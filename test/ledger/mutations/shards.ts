import type { Mutation } from '../../support/mutations/mutation.ts'
import { broken } from './files.ts'

/** Bringing what shards took in to where it can be spent. */
const shards = broken('src/ledger/shards.ts', 'test/ledger/shards.pg.test.ts')
const rounds = broken('src/ledger/rounds.ts', 'test/ledger/rounds.test.ts')

export const SHARDS: readonly Mutation[] = [
  shards(
    'sweeps one page of the shards',
    'after = rows.length < PAGE ? undefined : rows.at(-1)',
    'after = rows.length < 0 ? rows.at(-1) : undefined',
  ),
  shards('sweeps only the shards after where it begins', '    [BEFORE_ALL, start],\n', ''),
  shards('goes on behind shards it has not read', 'order by main, shard limit', 'limit'),
  shards('tells of no shard that was not swept', 'if (failures.length > 0) throw', 'if (failures.length < 0) throw'),
  rounds('begins a round while the last one runs', 'await deps.round(signal)', 'void deps.round(signal)'),
]
