import { type Corruption, ofTable } from './corruption.ts'

const ROWS = ofTable('refunds', {
  altered: [
    {
      what: 'one that succeeded is said to have failed',
      act: (tx, { refunds }) => tx`
        update refunds set status = 'failed', failure_code = 'declined_by_rail' where id = ${refunds.credited}`,
      breaks: ['L5', 'feeds'],
      names: ({ refunds }) => `refund ${refunds.credited} of 40 is failed: held 0, posted 40`,
    },
    {
      what: 'one at a rail is said to have succeeded',
      act: (tx, { refunds }) => tx`update refunds set status = 'succeeded' where id = ${refunds.dispatched}`,
      breaks: ['L6', 'L5', 'feeds'],
      names: ({ refunds }) => `refund ${refunds.dispatched}: it is succeeded, and its call at the rail is unresolved`,
    },
    {
      what: 'it holds another amount',
      act: (tx, { refunds }) => tx`update refunds set amount = amount + 1 where id = ${refunds.dispatched}`,
      breaks: ['L5', 'L6', 'feeds'],
      names: ({ refunds }) => `refund ${refunds.dispatched} of 301 is processing: held 300, posted 0`,
    },
    {
      what: 'one that waits for funds, and holds them',
      act: (tx, { refunds }) => tx`update refunds set status = 'pending_funds' where id = ${refunds.dispatched}`,
      breaks: ['L5', 'L6', 'feeds'],
      names: ({ refunds }) => `refund ${refunds.dispatched} of 300 is pending_funds: held 300, posted 0`,
    },
    {
      what: 'a fee that never came back',
      act: (tx, { refunds }) => tx`update refunds set fee = fee + 1 where id = ${refunds.settled}`,
      breaks: ['L5'],
      names: ({ refunds }) =>
        `refund ${refunds.settled} of 100 is succeeded: held 0, posted 100, with 1 of our fee where 2 belongs`,
    },
    {
      what: 'of another payment',
      act: (tx, { refunds }) => tx`update refunds set payment = ${refunds.ofBank} where id = ${refunds.credited}`,
      breaks: ['L5', 'L6', 'feeds'],
      names: ({ refunds }) => `payment ${refunds.ofWallet} says that 0 and 40 is being and was refunded`,
    },
    {
      what: 'of another merchant',
      act: (tx, { refunds }) => tx`update refunds set merchant = 'mer_mallory' where id = ${refunds.credited}`,
      breaks: ['references', 'L5'],
      names: ({ refunds }) =>
        `refund ${refunds.credited} is of another merchant, currency or ledger than payment ${refunds.ofWallet}`,
    },
    {
      what: 'a version that nobody was told of',
      act: (tx, { refunds }) => tx`update refunds set version = version + 1 where id = ${refunds.settled}`,
      breaks: ['feeds'],
      names: ({ refunds, payments }) => `refund ${refunds.settled} is at version 3, and ${payments.user} was told of 2`,
    },
    {
      what: 'words that its payer was told otherwise',
      act: (tx, { refunds }) => tx`
        update refunds set status_reason = 'needs_operator' where id = ${refunds.dispatched}`,
      breaks: ['feeds'],
      names: ({ refunds }) => `tells of refund ${refunds.dispatched} what it is not`,
    },
  ],
  missing: [
    {
      what: 'it was credited to a wallet',
      act: (tx, { refunds }) => tx`delete from refunds where id = ${refunds.credited}`,
      breaks: ['references', 'L5', 'feeds'],
      names: ({ refunds }) => `transfers of refund ${refunds.credited}, which does not exist`,
    },
    {
      what: 'it holds money',
      act: (tx, { refunds }) => tx`delete from refunds where id = ${refunds.dispatched}`,
      breaks: ['references', 'L5', 'L6', 'feeds'],
      names: ({ refunds }) => `holds of refund ${refunds.dispatched}, which does not exist`,
    },
    {
      what: 'its rail declined it',
      act: (tx, { refunds }) => tx`delete from refunds where id = ${refunds.declined}`,
      breaks: ['L6', 'references', 'feeds'],
      names: ({ refunds }) => `refund ${refunds.declined}: its attempt is there and it is not`,
    },
  ],
  added: [
    {
      what: 'one that moved nothing and is said to have succeeded',
      act: (tx, { refunds }) => tx`
        insert into refunds select (jsonb_populate_record(r, '{"id":"rfd_ghost"}')).* from refunds r
        where id = ${refunds.credited}`,
      breaks: ['L5', 'feeds'],
      names: () => 'refund rfd_ghost of 40 is succeeded: held 0, posted 0',
    },
    {
      what: 'one that waits for funds and counts nowhere',
      act: (tx, { refunds }) => tx`
        insert into refunds select (jsonb_populate_record(r, '{"id":"rfd_ghost","status":"pending_funds"}')).*
        from refunds r where id = ${refunds.credited}`,
      breaks: ['L5', 'feeds'],
      names: ({ refunds }) =>
        `payment ${refunds.ofWallet} says that 0 and 40 is being and was refunded, and its refunds come to 40 and 40`,
    },
    {
      what: 'one that is on its way to a rail, without an attempt there',
      act: (tx, { refunds }) => tx`
        insert into refunds select (jsonb_populate_record(r, '{"id":"rfd_ghost","status":"processing"}')).*
        from refunds r where id = ${refunds.settled}`,
      breaks: ['L6', 'L5', 'feeds'],
      names: () => 'refund rfd_ghost: it is processing and has no attempt at the rail it goes back to',
    },
    {
      what: 'of no payment',
      act: (tx, { refunds }) => tx`
        insert into refunds select (jsonb_populate_record(r, '{"id":"rfd_ghost","payment":"pay_ghost"}')).*
        from refunds r where id = ${refunds.declined}`,
      breaks: ['references'],
      names: () => 'refund rfd_ghost is of payment pay_ghost, which does not exist',
    },
  ],
})

/** What refunds have of the rows of others. */
const AROUND: readonly Corruption[] = [
  {
    table: 'payments',
    done: 'altered',
    what: 'it forgets that a refund is on its way',
    act: (tx, { refunds }) => tx`update payments set refund_reserved = 0 where id = ${refunds.ofBank}`,
    breaks: ['L5'],
    names: ({ refunds }) =>
      `payment ${refunds.ofBank} says that 0 and 100 is being and was refunded, and its refunds come to 300 and 100`,
  },
  {
    table: 'attempts',
    done: 'altered',
    what: 'of another amount than its refund',
    act: (tx, { refunds }) => tx`update attempts set amount = amount + 1 where payment = ${refunds.declined}`,
    breaks: ['L6'],
    names: ({ refunds }) => `refund ${refunds.declined}: its attempt is of another amount, currency or ledger`,
  },
  {
    table: 'attempts',
    done: 'altered',
    what: 'under another reference than its refund’s',
    act: (tx, { refunds }) => tx`update attempts set reference = 'ORDER2' where payment = ${refunds.dispatched}`,
    breaks: ['L6'],
    names: ({ refunds }) => `refund ${refunds.dispatched}: its attempt ORDER2 is not the one it makes`,
  },
  {
    table: 'attempts',
    done: 'altered',
    what: 'declined, and the refund was posted',
    act: (tx, { refunds }) => tx`update attempts set state = 'declined' where payment = ${refunds.settled}`,
    breaks: ['L6', 'L7'],
    names: ({ refunds }) => `payment ${refunds.settled} (succeeded): settled at the rail 0, posted -100`,
  },
  {
    table: 'attempts',
    done: 'altered',
    what: 'it gives back another collect',
    act: (tx, { refunds }) => tx`
      update attempts set original = original || '{"reference":"OTHER"}' where payment = ${refunds.declined}`,
    breaks: ['L6'],
    names: ({ refunds }) => `refund ${refunds.declined}: it gives back what no attempt of its payment collected`,
  },
  {
    table: 'attempts',
    done: 'missing',
    what: 'its refund was posted',
    act: (tx, { refunds }) => tx`delete from attempts where payment = ${refunds.settled}`,
    breaks: ['L6', 'L7'],
    names: ({ refunds }) => `refund ${refunds.settled}: it is succeeded and has no attempt at the rail it goes back to`,
  },
  {
    table: 'attempts',
    done: 'added',
    what: 'of a refund that stays in our books',
    act: (tx, { refunds }) => tx`
      insert into attempts select (jsonb_populate_record(a, jsonb_build_object('payment', ${refunds.credited}::text,
        'reference', substr(${refunds.credited}, 5) || 'RF01', 'amount', 40))).*
      from attempts a where payment = ${refunds.declined}`,
    breaks: ['L6'],
    names: ({ refunds }) => `refund ${refunds.credited}: it has an attempt and nothing to do with a rail`,
  },
  {
    table: 'transfers',
    done: 'altered',
    what: 'a refund that went to somebody else',
    act: (tx, { refunds, payments }) => tx`
      update transfers set credit_account = (select id from accounts where name = ${`wallet:${payments.other}`})
      where subject = ${refunds.credited}`,
    breaks: ['L5', 'L2', 'history', 'chain'],
    names: ({ payments }) => `moves money of wallet:${payments.other}, which is no party to it`,
  },
]

export const REFUNDS: readonly Corruption[] = [...ROWS, ...AROUND]
