import { type Corruption, ofTable } from './corruption.ts'

const OUTBOX = ofTable('outbox', {
  altered: [
    {
      what: 'its payment has another state',
      act: (tx, { payments }) => tx`
        update outbox set body = jsonb_set(body::jsonb, '{status}', '"failed"')::json
        where name = 'payment.updated' and body ->> 'id' = ${payments.transferred} and body ->> 'version' = '2'`,
      breaks: ['feeds'],
      names: ({ payments }) => `tells of payment ${payments.transferred} what it is not`,
    },
    {
      what: 'its payment never was of this amount',
      act: (tx, { payments }) => tx`
        update outbox set body = jsonb_set(body::jsonb, '{amount}', '"31"')::json
        where name = 'payment.updated' and body ->> 'id' = ${payments.transferred} and body ->> 'version' = '1'`,
      breaks: ['feeds'],
      names: ({ payments }) => `tells of payment ${payments.transferred} what it is not`,
    },
    {
      what: 'its payment has not come to this version',
      act: (tx, { payments }) => tx`
        update outbox set body = jsonb_set(body::jsonb, '{version}', '3')::json
        where name = 'payment.updated' and body ->> 'id' = ${payments.transferred} and body ->> 'version' = '2'`,
      breaks: ['feeds'],
      names: ({ payments }) => `tells of payment ${payments.transferred} what it is not`,
    },
    {
      what: 'it comes before the first of its feed',
      act: (tx, { payments }) => tx`update outbox set seq = 0 where feed = ${payments.user} and seq = 2`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.user}: its head is`,
    },
    {
      what: 'its payment had another payer',
      act: (tx, { payments }) => tx`
        update outbox set body = jsonb_set(body::jsonb, '{payer}', '"usr_ghost"')::json
        where feed = ${payments.user} and body ->> 'id' = ${payments.transferred} and body ->> 'version' = '2'`,
      breaks: ['feeds'],
      names: ({ payments }) => `tells of payment ${payments.transferred} what it is not`,
    },
    {
      what: 'it tells a merchant of another’s payment',
      act: (tx, { payments }) => tx`
        update outbox o set body = o.body::jsonb || jsonb_build_object('id', p.id, 'kind', p.kind, 'amount', p.amount::text,
          'payee', p.payee, 'payee_name', p.payee_name, 'order_ref', p.order_ref, 'status', p.status,
          'captured_amount', p.captured_amount::text, 'version', p.version)
        from payments p
        where p.id = ${payments.transferred} and o.feed = ${payments.merchant} and o.body ->> 'version' = '1'`,
      breaks: ['feeds'],
      names: ({ payments }) => `tells of payment ${payments.transferred} what it is not`,
    },
    {
      what: 'it is in another’s feed',
      act: (tx, { payments }) => tx`
        update outbox set feed = ${payments.other}, seq = 1000
        where feed = ${payments.user} and body ->> 'id' = ${payments.transferred} and body ->> 'version' = '2'`,
      breaks: ['feeds'],
      names: ({ payments }) => `payment ${payments.transferred} is at version 2, and ${payments.user} was told of 1`,
    },
  ],
  missing: [
    {
      what: 'the first of its feed',
      act: (tx, { payments }) => tx`delete from outbox where feed = ${payments.user} and seq = 1`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.user}: its head is`,
    },
    {
      what: 'one in the middle',
      act: (tx, { payments }) => tx`delete from outbox where feed = ${payments.user} and seq = 2`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.user}: its head is`,
    },
    {
      what: 'the last one',
      act: (tx, { payments }) => tx`
        delete from outbox o
        where feed = ${payments.user} and seq = (select seq from feed_heads h where h.feed = o.feed)`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.user}: its head is`,
    },
  ],
  added: [
    {
      what: 'past the head of its feed',
      act: (tx, { payments }) => tx`
        insert into outbox (id, feed, seq, name, body, at)
        select 'evt_ghost', feed, seq + 1, 'balance.updated', '{}', now() from feed_heads where feed = ${payments.user}`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.user}: its head is`,
    },
    {
      what: 'in a feed that has no head',
      act: (tx) => tx`
        insert into outbox (id, feed, seq, name, body, at) values ('evt_ghost', 'usr_ghost', 1, 'balance.updated', '{}', now())`,
      breaks: ['feeds'],
      names: () => 'feed usr_ghost: its head is null, and it has 1 events from 1 to 1',
    },
    {
      what: 'of a payment that there is not, its feed’s head with it',
      act: async (tx, { payments }) => {
        await tx`update feed_heads set seq = seq + 1 where feed = ${payments.user}`
        await tx`
          insert into outbox (id, feed, seq, name, body, at)
          select 'evt_ghost', feed, seq, 'payment.updated', '{"id":"pay_ghost","version":1}', now()
          from feed_heads where feed = ${payments.user}`
      },
      breaks: ['feeds'],
      names: () => 'event evt_ghost tells of payment pay_ghost which does not exist',
    },
  ],
})

const FEED_HEADS = ofTable('feed_heads', {
  altered: [
    {
      what: 'it runs ahead',
      act: (tx, { payments }) => tx`update feed_heads set seq = seq + 1 where feed = ${payments.user}`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.user}: its head is`,
    },
  ],
  missing: [
    {
      what: 'its feed has events',
      act: (tx, { payments }) => tx`delete from feed_heads where feed = ${payments.user}`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.user}: its head is null`,
    },
  ],
  added: [
    {
      what: 'of a feed without events',
      act: (tx) => tx`insert into feed_heads (feed, seq) values ('usr_ghost', 3)`,
      breaks: ['feeds'],
      names: () => 'feed usr_ghost: its head is 3, and it has 0 events',
    },
  ],
})

const FOLLOWED = ofTable('followed_feeds', {
  altered: [
    {
      what: 'it is said to be whole from before it was followed',
      act: (tx, { payments }) => tx`
        update followed_feeds set complete_from = complete_from - interval '1 day' where feed = ${payments.merchant}`,
      breaks: ['feeds'],
      names: ({ payments }) => `payment ${payments.ordered} is at version 1, and ${payments.merchant} was told of none`,
    },
  ],
  missing: [
    {
      what: 'its feed has events',
      act: (tx, { payments }) => tx`delete from followed_feeds where feed = ${payments.merchant}`,
      breaks: ['feeds'],
      names: ({ payments }) => `feed ${payments.merchant} has events, and nobody is said to follow it`,
    },
  ],
  added: [],
})

const CALLBACKS = ofTable('rail_callbacks', {
  altered: [
    {
      what: 'it is about an attempt that there is not',
      act: (tx) => tx`update rail_callbacks set reference = 'ORDER1'`,
      breaks: ['references'],
      names: ({ payments }) => `callback event-1 of ${payments.rail} names attempt ORDER1, which does not exist`,
    },
  ],
  missing: [],
  added: [
    {
      what: 'from a rail that was never asked',
      act: (tx) => tx`
        insert into rail_callbacks (rail, event_id, reference, body)
        select 'elsewhere', event_id, reference, body from rail_callbacks`,
      breaks: ['references'],
      names: () => 'callback event-1 of elsewhere names attempt',
    },
  ],
})

const INCIDENTS = ofTable('incidents', {
  altered: [
    {
      what: 'it is about another payment than its attempt',
      act: (tx, { payments }) => tx`update incidents set payment = ${payments.settled}`,
      breaks: ['references'],
      names: ({ payments }) => ` names payment ${payments.settled} and attempt`,
    },
  ],
  missing: [],
  added: [
    {
      what: 'about an attempt that there is not',
      act: (tx, { payments }) => tx`
        insert into incidents (id, kind, payment, detail)
        values (gen_random_uuid(), 'contradicting_outcome', ${payments.settled}, '{"reference":"ORDER1"}')`,
      breaks: ['references'],
      names: ({ payments }) => ` names payment ${payments.settled} and attempt ORDER1`,
    },
  ],
})

export const FEEDS: readonly Corruption[] = [...OUTBOX, ...FEED_HEADS, ...FOLLOWED, ...CALLBACKS, ...INCIDENTS]
