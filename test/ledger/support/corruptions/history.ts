import { randomUUID } from 'node:crypto'
import type { SealedBooks, Tampering } from '../tampering.ts'
import { type Corruption, ofTable } from './corruption.ts'

/** What else is done to seals and watermark is in tamper.pg.test.ts. */
const SEALED = ofTable('sealed', {
  altered: [
    {
      what: 'moved ahead of every position that was drawn',
      act: (tx) => tx`
        update sealed set position = position + 100, decided = decided + 100, candidate = candidate + 100`,
      breaks: ['chain'],
      names: () => 'the watermark counts on position',
    },
  ],
  missing: [
    {
      what: 'the one row there is',
      act: (tx) => tx`delete from sealed`,
      breaks: ['chain', 'history'],
      names: () => 'the watermark is gone',
    },
  ],
  added: [],
})

const SEALS = ofTable('seals', {
  altered: [
    {
      what: 'a hash',
      act: (tx, { ledger, seals }) => tx`
        update seals set hash = sha256(hash) where ledger = ${ledger} and no = ${seals.middle.toString()}`,
      breaks: ['chain'],
      names: ({ seals }) => `seal ${String(seals.middle)} does not follow from the one before: it was altered`,
    },
  ],
  missing: [
    {
      what: 'one in the middle',
      act: (tx, { ledger, seals }) => tx`
        delete from seals where ledger = ${ledger} and no = ${seals.middle.toString()}`,
      breaks: ['chain'],
      names: ({ seals }) => `seal ${String(seals.middle)} is missing`,
    },
  ],
  added: [
    {
      what: 'one after the last',
      act: (tx, { ledger }) => tx`
        insert into seals select ledger, no + 1, last_position + 1, last_position + 1, 1, substr(entries, 1, 32), hash, at
        from seals where ledger = ${ledger} order by no desc limit 1`,
      breaks: ['chain'],
      names: ({ seals }) => `seal ${String(seals.last + 1n)} `,
    },
  ],
})

const CHECKPOINTS = ofTable('balance_checkpoints', {
  altered: [
    ...['debits_pending', 'debits_posted', 'credits_pending', 'credits_posted', 'lines'].map((column) => ({
      what: column,
      act: (tx: Tampering, { checkpoint }: SealedBooks) => tx`
        update balance_checkpoints set ${tx(column)} = ${tx(column)} + 1
        where account = ${checkpoint.account} and position = ${checkpoint.position.toString()}`,
      breaks: ['history'] as const,
      names: ({ checkpoint }: SealedBooks) =>
        `the checkpoint of ${checkpoint.name} at position ${String(checkpoint.position)}`,
    })),
    {
      what: 'its position',
      act: (tx, { checkpoint }) => tx`
        update balance_checkpoints set position = position + 1
        where account = ${checkpoint.account} and position = ${checkpoint.position.toString()}`,
      breaks: ['history'],
      names: ({ checkpoint }) => `the checkpoint of ${checkpoint.name} at position ${String(checkpoint.position + 1n)}`,
    },
  ],
  missing: [
    {
      what: 'the first there is',
      act: (tx, { checkpoint }) => tx`
        delete from balance_checkpoints
        where account = ${checkpoint.account} and position = ${checkpoint.position.toString()}`,
      breaks: ['history'],
      names: ({ checkpoint }) => `the checkpoint of ${checkpoint.name} at position ${String(checkpoint.position)}`,
    },
  ],
  added: [
    {
      what: 'where none is due',
      act: (tx, { cash }) => tx`insert into balance_checkpoints values (${cash}, 2, 1, 0, 0, 0, 0)`,
      breaks: ['history'],
      names: () => 'the checkpoint of cash:bank:trust at position 2',
    },
  ],
})

const BALANCES = ofTable('balances_sealed', {
  altered: [
    ...['position', 'lines', 'debits_pending', 'debits_posted', 'credits_pending', 'credits_posted'].map((column) => ({
      what: column,
      act: (tx: Tampering, { cash }: SealedBooks) => tx`
        update balances_sealed set ${tx(column)} = ${tx(column)} + 1 where account = ${cash}`,
      breaks: ['history'] as const,
      names: () => 'the sealed balance of cash:bank:trust is not the sum of its transfers',
    })),
  ],
  missing: [
    {
      what: 'of an account that has moved',
      act: (tx, { cash }) => tx`delete from balances_sealed where account = ${cash}`,
      breaks: ['history'],
      names: () => 'the sealed balance of cash:bank:trust is not the sum of its transfers',
    },
  ],
  added: [
    {
      what: 'of an account that there is not',
      act: (tx) => tx`insert into balances_sealed values (${randomUUID()}, 1, 1, 0, 1, 0, 0)`,
      breaks: ['history'],
      names: () => 'is not the sum of its transfers',
    },
  ],
})

export const HISTORY: readonly Corruption[] = [...SEALED, ...SEALS, ...CHECKPOINTS, ...BALANCES]
