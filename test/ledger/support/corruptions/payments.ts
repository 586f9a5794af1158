import { type Corruption, ofTable } from './corruption.ts'

const PAYMENT_ROWS = ofTable('payments', {
  altered: [
    {
      what: 'one that succeeded is said to have failed',
      act: (tx, { payments }) => tx`update payments set status = 'failed' where id = ${payments.transferred}`,
      breaks: ['L5', 'feeds'],
      names: ({ payments }) => `payment ${payments.transferred} of 30 is failed: held 0, posted 30`,
    },
    {
      what: 'it captured another amount than was posted',
      act: (tx, { payments }) => tx`
        update payments set captured_amount = captured_amount - 1 where id = ${payments.transferred}`,
      breaks: ['L5', 'feeds'],
      names: ({ payments }) =>
        `payment ${payments.transferred} of 30 is succeeded: held 0, posted 30, which is not what this state has posted`,
    },
    {
      what: 'it is of another amount than is held',
      act: (tx, { payments }) => tx`update payments set amount = amount + 1 where id = ${payments.processing}`,
      breaks: ['L5', 'feeds'],
      names: ({ payments }) =>
        `payment ${payments.processing} of 21 is processing: held 20, posted 0, which is not what this state holds`,
    },
    {
      what: 'a fee that was never posted',
      act: (tx, { payments }) => tx`update payments set fee = 3 where id = ${payments.transferred}`,
      breaks: ['L5'],
      names: ({ payments }) =>
        `payment ${payments.transferred}: posted for wallet:${payments.other} 30 where 27 belongs, for fees 0 where 3 belongs`,
    },
    {
      what: 'a fee that is not in the hold',
      act: (tx, { payments }) => tx`update payments set fee = 3 where id = ${payments.processing}`,
      breaks: ['L5'],
      names: ({ payments }) =>
        `payment ${payments.processing}: held for wallet:${payments.other} 20 where 17 belongs, for fees 0 where 3 belongs`,
    },
    {
      what: 'a payer’s fee that is not held',
      act: (tx, { payments }) => tx`update payments set payer_fee = 2 where id = ${payments.processing}`,
      breaks: ['L5'],
      names: ({ payments }) =>
        `payment ${payments.processing} of 20 is processing: held 20, posted 0, which is not what this state holds`,
    },
    {
      what: 'a payer’s fee that was never posted',
      act: (tx, { payments }) => tx`update payments set payer_fee = 2 where id = ${payments.transferred}`,
      breaks: ['L5'],
      names: ({ payments }) =>
        `payment ${payments.transferred} of 30 is succeeded: held 0, posted 30, which is not what this state has posted`,
    },
    {
      what: 'it is processing and was never accepted',
      act: (tx, { payments }) => tx`update payments set accepted_at = null where id = ${payments.processing}`,
      breaks: ['L5'],
      names: ({ payments }) =>
        `payment ${payments.processing} of 20 is processing: held 20, posted 0, which no payment is before it was accepted`,
    },
    {
      what: 'it went to somebody else',
      act: (tx, { payments }) => tx`update payments set payee = 'usr_mallory' where id = ${payments.transferred}`,
      breaks: ['L5', 'feeds'],
      names: ({ payments }) => `moves money of wallet:${payments.other}, which is no party to it`,
    },
    {
      what: 'it came from somebody else',
      act: (tx, { payments }) => tx`update payments set payer = 'usr_mallory' where id = ${payments.processing}`,
      breaks: ['L5', 'feeds'],
      names: ({ payments }) => `moves money of wallet:${payments.user}, which is no party to it`,
    },
    {
      what: 'a version that nobody was told of',
      act: (tx, { payments }) => tx`update payments set version = version + 1 where id = ${payments.transferred}`,
      breaks: ['feeds'],
      names: ({ payments }) => `payment ${payments.transferred} is at version 3, and ${payments.other} was told of 2`,
    },
    {
      what: 'words that its payer was told otherwise',
      act: (tx, { payments }) => tx`update payments set description = 'gift' where id = ${payments.transferred}`,
      breaks: ['feeds'],
      names: ({ payments }) => `tells of payment ${payments.transferred} what it is not`,
    },
    {
      what: 'from the wallet, and it has an attempt at a rail',
      act: (tx, { payments }) => tx`update payments set source_type = 'wallet' where id = ${payments.dispatched}`,
      breaks: ['L6'],
      names: ({ payments }) => `attempt 1 of payment ${payments.dispatched}: its payment has nothing to do with a rail`,
    },
    {
      what: 'from a linked account that is not its payer’s',
      act: (tx, { payments }) =>
        tx`update payments set source_id = ${payments.source}, payer = payee where id = ${payments.declined}`,
      breaks: ['references', 'L5', 'feeds'],
      names: ({ payments }) => `payment ${payments.declined} names source ${payments.source}, which is not its payer's`,
    },
  ],
  missing: [
    {
      what: 'it holds money',
      act: (tx, { payments }) => tx`delete from payments where id = ${payments.processing}`,
      breaks: ['references', 'feeds'],
      names: ({ payments }) => `holds of payment ${payments.processing}, which does not exist`,
    },
    {
      what: 'it has ended',
      act: (tx, { payments }) => tx`delete from payments where id = ${payments.transferred}`,
      breaks: ['references', 'feeds'],
      names: ({ payments }) => `transfers of payment ${payments.transferred}, which does not exist`,
    },
    {
      what: 'it was told of',
      act: (tx, { payments }) => tx`delete from payments where id = ${payments.transferred}`,
      breaks: ['feeds', 'references'],
      names: ({ payments }) => `tells of payment ${payments.transferred} which does not exist`,
    },
    {
      what: 'it was at a rail',
      act: (tx, { payments }) => tx`delete from payments where id = ${payments.declined}`,
      breaks: ['L6', 'references', 'feeds'],
      names: ({ payments }) => `attempt 1 of payment ${payments.declined}: its payment does not exist`,
    },
  ],
  added: [
    {
      what: 'one that moved nothing and is said to have succeeded',
      act: (tx, { payments }) => tx`
        insert into payments select (jsonb_populate_record(p, '{"id":"pay_ghost"}')).* from payments p
        where id = ${payments.transferred}`,
      breaks: ['L5', 'feeds'],
      names: () => 'payment pay_ghost of 30 is succeeded: held 0, posted 0',
    },
    {
      what: 'one that moved nothing and says so',
      act: (tx, { payments }) => tx`
        insert into payments select (jsonb_populate_record(p, '{"id":"pay_ghost","status":"failed","captured_amount":0}')).*
        from payments p where id = ${payments.transferred}`,
      breaks: ['feeds'],
      names: ({ payments }) => `payment pay_ghost is at version 2, and ${payments.user} was told of none`,
    },
    {
      what: 'one for a rail, without an attempt there',
      act: (tx, { payments }) => tx`
        insert into payments select (jsonb_populate_record(p, '{"id":"pay_ghost"}')).* from payments p
        where id = ${payments.declined}`,
      breaks: ['L6', 'feeds'],
      names: () => 'payment pay_ghost (failed) was accepted for a rail and has no attempt there',
    },
  ],
})

const ATTEMPTS = ofTable('attempts', {
  altered: [
    {
      what: 'unresolved, and its payment has failed',
      act: (tx, { payments }) => tx`update attempts set state = 'unknown' where payment = ${payments.declined}`,
      breaks: ['L5'],
      names: ({ payments }) =>
        `payment ${payments.declined} of 50 is failed: held 0, posted 0, and its call at the rail is unresolved`,
    },
    {
      what: 'declined, and it was posted',
      act: (tx, { payments }) => tx`update attempts set state = 'declined' where payment = ${payments.paidOut}`,
      breaks: ['L6', 'L7'],
      names: ({ payments }) => `payment ${payments.paidOut} (succeeded): settled at the rail 0, posted -100`,
    },
    {
      what: 'settled, and nothing was posted',
      act: (tx, { payments }) => tx`update attempts set state = 'settled' where payment = ${payments.declined}`,
      breaks: ['L6'],
      names: ({ payments }) => `payment ${payments.declined} (failed): settled at the rail -50, posted 0`,
    },
    {
      what: 'of another amount than its payment',
      act: (tx, { payments }) => tx`update attempts set amount = amount + 1 where payment = ${payments.settled}`,
      breaks: ['L6', 'L7'],
      names: ({ payments }) => `payment ${payments.settled} (succeeded): settled at the rail 1001, posted 1000`,
    },
    {
      what: 'of another amount than its payment, and it was declined',
      act: (tx, { payments }) => tx`update attempts set amount = amount + 1 where payment = ${payments.declined}`,
      breaks: ['L6'],
      names: ({ payments }) =>
        `attempt 1 of payment ${payments.declined}: it is of another amount, currency or ledger than its payment`,
    },
    {
      what: 'the other way than its payment',
      act: (tx, { payments }) => tx`
        update attempts set operation = 'collect', reference = replace(reference, 'PO01', 'CO01')
        where payment = ${payments.declined}`,
      breaks: ['L6', 'references'],
      names: ({ payments }) => `attempt 1 of payment ${payments.declined}: it goes the other way than its payment`,
    },
    {
      what: 'under another reference than its payment’s',
      act: (tx, { payments }) => tx`update attempts set reference = 'ORDER1' where payment = ${payments.dispatched}`,
      breaks: ['L6'],
      names: ({ payments }) =>
        `attempt 1 of payment ${payments.dispatched}: its reference ORDER1 is not that of its payment`,
    },
    {
      what: 'by another rail than the one it stands in clearing for',
      act: (tx, { payments }) => tx`update attempts set rail = 'elsewhere' where payment = ${payments.paidOut}`,
      breaks: ['L7', 'L5'],
      names: ({ payments }) =>
        `clearing:${payments.rail} stands at KES 5.45: in transit KES 10.00, matched and broken KES -3.55`,
    },
    {
      what: 'to another account than its payer linked',
      act: (tx, { payments }) => tx`
        update attempts set account = 'DE75512108001245126199' where payment = ${payments.settled}`,
      breaks: ['references'],
      names: ({ payments }) =>
        `payment ${payments.settled}: attempt 1 is for another account than source ${payments.source}`,
    },
  ],
  missing: [
    {
      what: 'its payment was accepted for a rail',
      act: (tx, { payments }) => tx`delete from attempts where payment = ${payments.dispatched}`,
      breaks: ['L6'],
      names: ({ payments }) =>
        `payment ${payments.dispatched} (processing) was accepted for a rail and has no attempt there`,
    },
  ],
  added: [
    {
      what: 'a second one that settled as well',
      act: (tx, { payments }) => tx`
        insert into attempts select (jsonb_populate_record(a,
          jsonb_build_object('no', 2, 'reference', replace(a.reference, 'PO01', 'PO02')))).*
        from attempts a where payment = ${payments.paidOut}`,
      breaks: ['L6', 'L7'],
      names: ({ payments }) => `payment ${payments.paidOut} (succeeded): settled at the rail -200, posted -100`,
    },
    {
      what: 'a third one without a second',
      act: (tx, { payments }) => tx`
        insert into attempts select (jsonb_populate_record(a,
          jsonb_build_object('no', 3, 'reference', replace(a.reference, 'PO01', 'PO03')))).*
        from attempts a where payment = ${payments.declined}`,
      breaks: ['L6'],
      names: ({ payments }) => `attempt 3 of payment ${payments.declined}: one before it is missing`,
    },
  ],
})

const SOURCES = ofTable('sources', {
  altered: [
    {
      what: 'it stands for another account than was collected from',
      act: (tx, { payments }) => tx`
        update sources set account = 'DE75512108001245126199' where id = ${payments.source}`,
      breaks: ['references'],
      names: ({ payments }) =>
        `payment ${payments.settled}: attempt 1 is for another account than source ${payments.source}`,
    },
  ],
  missing: [
    {
      what: 'somebody has paid from it',
      act: (tx, { payments }) => tx`delete from sources where id = ${payments.source}`,
      breaks: ['references'],
      names: ({ payments }) => `payment ${payments.settled} names source ${payments.source}, which does not exist`,
    },
  ],
  added: [],
})

const FEE_PLANS = ofTable('fee_plans', {
  altered: [],
  missing: [
    {
      what: 'a payment was priced by it',
      act: (tx, { payments }) => tx`update payments set fee_plan = 'fpl_gone' where id = ${payments.processing}`,
      breaks: ['references'],
      names: ({ payments }) => `payment ${payments.processing} was priced by fee plan fpl_gone, which does not exist`,
    },
  ],
  added: [],
})

export const PAYMENTS: readonly Corruption[] = [...PAYMENT_ROWS, ...ATTEMPTS, ...SOURCES, ...FEE_PLANS]
