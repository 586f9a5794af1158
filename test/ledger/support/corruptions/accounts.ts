import { randomUUID } from 'node:crypto'
import type { SealedBooks, Tampering } from '../tampering.ts'
import { type Corruption, ofTable } from './corruption.ts'

/** Seven more of each, and what debits exceed credits by then, posted and pending. */
const COUNTERS = [
  ['debits_posted', '7', '0'],
  ['credits_posted', '-7', '0'],
  ['debits_pending', '0', '7'],
  ['credits_pending', '0', '-7'],
] as const

const LEDGERS = ofTable('ledgers', {
  altered: [
    {
      what: 'it counts with other decimals than its currency has',
      act: (tx, { ledger }) => tx`update ledgers set exponent = 0 where id = ${ledger}`,
      breaks: ['references'],
      names: ({ ledger }) => `ledger ${String(ledger)} counts KES with 0 decimals, and it has 2`,
    },
    {
      what: 'it is in another currency than its payments',
      act: (tx, { ledger }) => tx`update ledgers set currency = 'USD' where id = ${ledger}`,
      breaks: ['references'],
      names: ({ ledger, payments }) =>
        `payment ${payments.settled} of KES is in ledger ${String(ledger)}, which is in USD`,
    },
  ],
  missing: [
    {
      what: 'it is gone, and its accounts are not',
      act: (tx, { ledger }) => tx`delete from ledgers where id = ${ledger}`,
      breaks: ['references'],
      names: () => 'account cash:bank:trust is in a ledger that does not exist',
    },
  ],
  added: [],
})

const ACCOUNT_ROWS = ofTable('accounts', {
  altered: [
    ...COUNTERS.map(([counter, posted, pending]) => ({
      what: `${counter} were counted more than those of its counterparts`,
      act: (tx: Tampering) => tx`update accounts set ${tx(counter)} = ${tx(counter)} + 7 where name = 'cash:bank:own'`,
      breaks: ['L1', 'L2'] as const,
      names: ({ ledger }: SealedBooks) =>
        `ledger ${String(ledger)}: debits exceed credits by ${posted} posted, ${pending} pending`,
    })),
    ...['posted', 'pending'].map((counter) => ({
      what: `both sides were counted 7 too many, ${counter}`,
      act: (tx: Tampering) => tx`
        update accounts set ${tx(`debits_${counter}`)} = ${tx(`debits_${counter}`)} + 7,
          ${tx(`credits_${counter}`)} = ${tx(`credits_${counter}`)} + 7 where name = 'cash:bank:own'`,
      breaks: ['L2'] as const,
      names: () => 'account cash:bank:own: counters',
    })),
    {
      what: 'the money that stands for what customers are owed is counted as ours',
      act: (tx, { cash }) => tx`update accounts set code = 3010 where id = ${cash}`,
      breaks: ['L8', 'L6', 'L7', 'references'],
      names: ({ ledger }) => `ledger ${String(ledger)}: customers are owed`,
    },
    {
      what: 'it has another code than its name stands for',
      act: (tx) => tx`update accounts set code = 2030 where name = 'wallet:spender'`,
      breaks: ['references'],
      names: () => 'account wallet:spender has the code 2030, which is not that of its name',
    },
    {
      what: 'it has lost its guard against overdraft',
      act: (tx) => tx`update accounts set debits_must_not_exceed_credits = false where name = 'wallet:spender'`,
      breaks: ['references'],
      names: () => 'account wallet:spender is not guarded against overdraft as the chart says',
    },
    {
      what: 'it was given a credit line',
      act: (tx) => tx`update accounts set allowance = 500 where name = 'wallet:spender'`,
      breaks: ['references'],
      names: () => 'account wallet:spender has a credit line of 500, and the chart has none for it',
    },
    {
      what: 'it is another user’s',
      act: (tx) => tx`update accounts set owner = 'mallory' where name = 'wallet:spender'`,
      breaks: ['references'],
      names: () => 'account wallet:spender is said to be of mallory, and its name says otherwise',
    },
    {
      what: 'it has another name than the one its id follows from',
      act: (tx) => tx`update accounts set name = 'wallet:mallory', owner = 'mallory' where name = 'wallet:spender'`,
      breaks: ['references'],
      names: ({ spender }) =>
        `account wallet:mallory has the id ${spender.wallet}, which does not follow from its name`,
    },
    {
      what: 'a row of an account stands for one that does not exist',
      act: (tx) => tx`
        update accounts set main = ${randomUUID()}
        where id = (select id from accounts where shard > 0 order by name, shard limit 1)`,
      breaks: ['references'],
      names: () => 'is a part of an account that does not exist',
    },
  ],
  missing: [
    {
      what: 'transfers name it',
      act: (tx, { cash }) => tx`delete from accounts where id = ${cash}`,
      breaks: ['L2', 'L1', 'L7', 'L8', 'references'],
      names: ({ cash }) => `account ${cash} (no such account)`,
    },
  ],
  added: [
    {
      what: 'one whose id somebody made up',
      act: (tx, { ledger }) => tx`
        insert into accounts (ledger, id, main, code, name, owner, debits_must_not_exceed_credits)
        select ${ledger}, id, id, 2010, 'wallet:ghost', 'ghost', true from (select ${randomUUID()}::uuid as id) k`,
      breaks: ['references'],
      names: () => 'account wallet:ghost has the id',
    },
    {
      what: 'one with money in it',
      act: (tx, { ledger }) => tx`
        insert into accounts (ledger, id, main, code, name, owner, debits_must_not_exceed_credits, credits_posted)
        select ${ledger}, id, id, 2010, 'wallet:ghost', 'ghost', true, 700 from (select ${randomUUID()}::uuid as id) k`,
      breaks: ['L2', 'L1', 'L8', 'references'],
      names: () => 'account wallet:ghost: counters 0/0/0/700, transfers sum to 0/0/0/0',
    },
  ],
})

export const ACCOUNTS: readonly Corruption[] = [...LEDGERS, ...ACCOUNT_ROWS]
