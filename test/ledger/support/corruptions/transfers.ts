import type { SealedBooks, Tampering } from '../tampering.ts'
import { type Corruption, ofTable } from './corruption.ts'

/** So that a row may stand where an index would not let it. */
const without = async (tx: Tampering, index: string) => void (await tx.unsafe(`drop index ${index}`))

const NOBODYS = 'ffffffff-0000-8000-8000-000000000000'

const atRest = (books: SealedBooks) => `transfer ${books.post.id} at position ${String(books.post.position)}`

/** What else is done to a transfer is in tamper.pg.test.ts, column by column. */
const TRANSFER_ROWS = ofTable('transfers', {
  altered: [
    {
      what: 'words that no sum knows of',
      act: (tx, { post }) => tx`update transfers set subject = 'tset' where id = ${post.id}`,
      breaks: ['chain'],
      names: (books) => `${atRest(books)} is not what seal`,
    },
    {
      what: 'an amount',
      act: (tx, { post }) => tx`update transfers set amount = amount + 1 where id = ${post.id}`,
      breaks: ['chain', 'L2', 'history'],
      names: (books) => `${atRest(books)} is not what seal`,
    },
    {
      what: 'a wallet was filled only after it had spent',
      act: (tx, { free, spender }) => tx`
        update transfers set position = ${free.toString()} where id = ${spender.funding}`,
      breaks: ['L3', 'chain'],
      names: () => 'account wallet:spender was overdrawn by 60 at position',
    },
    {
      what: 'a wallet was filled only after something was held of it',
      act: (tx, { free, spender }) => tx`
        update transfers set position = ${free.toString()} where id = ${spender.holderFunding}`,
      breaks: ['L3', 'chain'],
      names: () => 'account wallet:holder was overdrawn by 40 at position',
    },
    {
      what: 'it ends a hold that another has ended',
      act: async (tx, { confirm }) => {
        await without(tx, 'transfers_pending')
        await tx`
          update transfers set pending_id = ${confirm.pending}
          where id = (select id from transfers where kind = 'void' and subject = 'test'
            and amount <> (select amount from transfers where id = ${confirm.pending}) order by position limit 1)`
      },
      breaks: ['L4', 'L2', 'history', 'chain'],
      names: ({ confirm }) => `hold ${String(confirm.pending)} of test: not open and ended 2 times`,
    },
    {
      what: 'it confirms more than was held',
      act: (tx, { confirm }) => tx`
        update transfers set amount = (select h.amount + 1 from transfers h where h.id = ${confirm.pending})
        where id = ${confirm.id}`,
      breaks: ['L4', 'L2', 'history', 'chain'],
      names: ({ confirm }) => `confirm ${confirm.id} does not end the hold it names, ${String(confirm.pending)}`,
    },
    {
      what: 'it voids another amount than was held',
      act: (tx) => tx`
        update transfers set amount = amount - 1
        where id = (select id from transfers where kind = 'void' and amount > 1 order by position limit 1)`,
      breaks: ['L4', 'chain'],
      names: () => 'does not end the hold it names',
    },
    {
      what: 'it confirms from another account than the hold’s',
      act: (tx, { confirm, spender }) => tx`
        update transfers set debit_account = ${spender.holder} where id = ${confirm.id}`,
      breaks: ['L4', 'L2', 'history', 'chain'],
      names: ({ confirm }) => `confirm ${confirm.id} does not end the hold it names, ${String(confirm.pending)}`,
    },
    {
      what: 'it ends a hold that began later',
      act: (tx, { free, spender }) => tx`
        update transfers set position = ${free.toString()} where id = ${spender.hold}`,
      breaks: ['L4', 'chain'],
      names: ({ spender }) => `confirm ${spender.confirm} does not end the hold it names, ${spender.hold}`,
    },
  ],
  missing: [
    {
      what: 'a posting',
      act: (tx, { post }) => tx`delete from transfers where id = ${post.id}`,
      breaks: ['chain', 'L2', 'history'],
      names: ({ post }) => `transfer ${post.id} of seal`,
    },
    {
      what: 'a hold that has ended',
      act: (tx, { spender }) => tx`delete from transfers where id = ${spender.hold}`,
      breaks: ['L4', 'history', 'chain'],
      names: ({ spender }) => `confirm ${spender.confirm} does not end the hold it names, ${spender.hold}`,
    },
  ],
  added: [
    {
      what: 'where a position had stayed empty',
      act: (tx, { post, free }) => tx`
        insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit, at, position)
        select ledger, ${NOBODYS}, kind, debit_account, credit_account, 1, subject, unit, at, ${free.toString()}
        from transfers where id = ${post.id}`,
      breaks: ['chain', 'L2', 'history'],
      names: ({ free }) => `transfer ${NOBODYS} at position ${String(free)} is in no seal: it was inserted`,
    },
  ],
})

const HOLDS = ofTable('holds', {
  altered: [
    {
      what: 'of another amount than was reserved',
      act: (tx, { hold }) => tx`update holds set amount = amount + 1 where id = ${hold.id}`,
      breaks: ['L4'],
      names: ({ hold }) => `hold ${hold.id} of test: open and ended 0 times, and not what was reserved`,
    },
    {
      what: 'nobody reserved it under this id',
      act: (tx, { hold }) => tx`update holds set id = ${NOBODYS} where id = ${hold.id}`,
      breaks: ['L4'],
      names: () => `hold ${NOBODYS} of test: open and ended 0 times`,
    },
    {
      what: 'it runs out while a rail may know of it',
      act: (tx, { payments }) => tx`update holds set expires_at = now() where subject = ${payments.dispatched}`,
      breaks: ['L4'],
      names: ({ payments }) => `of ${payments.dispatched} may expire, and a rail may know of it`,
    },
    ...['debit_account', 'credit_account'].map((side) => ({
      what: `its ${side} does not exist`,
      act: (tx: Tampering, { hold }: SealedBooks) => tx`
        update holds set ${tx(side)} = ${NOBODYS} where id = ${hold.id}`,
      breaks: ['references', 'L4'] as const,
      names: ({ hold, ledger }: SealedBooks) =>
        `hold ${hold.id} names an account that is not in ledger ${String(ledger)}`,
    })),
  ],
  missing: [
    {
      what: 'it has not ended',
      act: (tx, { hold }) => tx`delete from holds where id = ${hold.id}`,
      breaks: ['L4'],
      names: ({ hold }) => `hold ${hold.id} of test: not open and ended 0 times`,
    },
  ],
  added: [
    {
      what: 'one that has ended is open again',
      act: (tx, { confirm }) => tx`
        insert into holds (ledger, id, debit_account, credit_account, amount, subject)
        select ledger, id, debit_account, credit_account, amount, subject from transfers where id = ${confirm.pending}`,
      breaks: ['L4'],
      names: ({ confirm }) => `hold ${String(confirm.pending)} of test: open and ended 1 times`,
    },
  ],
})

const REFUSED = ofTable('refused_transfers', {
  altered: [
    {
      what: 'for a reason for which no refusal is remembered',
      act: (tx, { spender }) => tx`update refused_transfers set code = 'amount_invalid' where id = ${spender.refused}`,
      breaks: ['references'],
      names: ({ spender }) => `transfer ${spender.refused} was refused (amount_invalid), for which none is remembered`,
    },
  ],
  missing: [],
  added: [
    {
      what: 'a transfer that happened',
      act: (tx, { ledger, post }) => tx`
        insert into refused_transfers (ledger, id, code) values (${ledger}, ${post.id}, 'exceeds_credits')`,
      breaks: ['references'],
      names: ({ post }) => `transfer ${post.id} was refused (exceeds_credits) and is there`,
    },
  ],
})

const UNITS = ofTable('units', {
  altered: [
    {
      what: 'it is said to have been refused, and its transfers are there',
      act: (tx, { post }) => tx`
        update units set result = '{"code":"refused","transfer":"exceeds_credits","leg":0}'
        where id = (select unit from transfers where id = ${post.id})`,
      breaks: ['references'],
      names: ({ post }) => `transfer ${post.id} was made by unit`,
    },
  ],
  missing: [
    {
      what: 'transfers name it',
      act: (tx, { post }) => tx`delete from units where id = (select unit from transfers where id = ${post.id})`,
      breaks: ['references'],
      names: ({ post }) => `transfer ${post.id} was made by unit`,
    },
  ],
  added: [],
})

export const TRANSFERS: readonly Corruption[] = [...TRANSFER_ROWS, ...HOLDS, ...REFUSED, ...UNITS]
