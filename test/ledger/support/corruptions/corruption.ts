import type { Invariant } from '../../../../src/ledger/index.ts'
import type { SealedBooks, Tampering } from '../tampering.ts'

type Done = 'altered' | 'missing' | 'added'

/** One thing that a superuser can do to the rows of one table, and what the audit must say then. */
export type Corruption = {
  table: string
  done: Done
  what: string
  act: (tx: Tampering, books: SealedBooks) => Promise<unknown>
  /** All that are broken then; of the first a breach has these words. */
  breaks: readonly Invariant[]
  names: (books: SealedBooks) => string
}

type Case = Omit<Corruption, 'table' | 'done'>

/** Those of one table. */
export const ofTable = (table: string, cases: Readonly<Record<Done, readonly Case[]>>): Corruption[] => [
  ...cases.altered.map((each) => ({ table, done: 'altered' as const, ...each })),
  ...cases.missing.map((each) => ({ table, done: 'missing' as const, ...each })),
  ...cases.added.map((each) => ({ table, done: 'added' as const, ...each })),
]
