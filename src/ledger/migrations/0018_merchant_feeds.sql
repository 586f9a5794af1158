-- Feeds of merchants and of their stores.

-- A feed of theirs is written from when it is first followed: whoever never opens a socket has none, and pays for none.
-- apply_units asks whether a row is here, in a transaction that has its id already; whoever puts one here then waits
-- for all transactions that had theirs (src/payments/followed.ts). A row is never taken away.
create table followed_feeds (
  feed text collate "C" primary key check (feed ~ '^(mer|sto)_'),
  -- Null while a transaction may be under way that did not see the row; from then on every event is in the feed.
  complete_from timestamptz
);
grant select, insert, update (complete_from) on followed_feeds to mooring_hub;
grant select on followed_feeds to mooring_ops;

-- A store's snapshot starts from what is open, however long its history. A merchant's goes by payee.
create index payments_store on payments (store, id desc) where store is not null;
create index payments_store_open on payments (store, id desc)
  where store is not null and status not in ('succeeded', 'failed', 'canceled', 'expired');

-- As of users: a closed merchant's keys and tokens are of no use.
alter table merchants add column status text not null default 'active' check (status in ('active', 'closed'));

-- Under which request a store was made: the same one again, after an answer that was lost, finds it.
alter table stores add column request_key text, add unique (merchant, request_key);
