-- The whole of the ledger's model: order within history, credit lines, shards, holds that expire.

-- Ids are 128 bits from one space: one column finds the row, also from another ledger's side.
alter table accounts drop constraint accounts_pkey, add primary key (id);
alter table transfers drop constraint transfers_pkey, add primary key (id);
alter table holds drop constraint holds_pkey, add primary key (id);
alter table refused_transfers drop constraint refused_transfers_pkey, add primary key (id);

-- `allowance` is a credit line: how far the flagged side may go beyond the other.
-- A hot account is several rows: `main` is the id of shard 0, and all of them are read as one.
alter table accounts
  add column allowance bigint not null default 0 check (allowance >= 0),
  add column main uuid,
  add column shard smallint not null default 0 check (shard >= 0);
update accounts set main = id;
alter table accounts
  alter column main set not null,
  add check ((shard = 0) = (main = id)),
  drop constraint accounts_ledger_name_key,
  add constraint accounts_name unique (ledger, name, shard),
  drop constraint accounts_debits_fit,
  drop constraint accounts_credits_fit,
  -- The last line of defence for overdraft (L3): pending counts on the spending side.
  add constraint accounts_debits_fit
    check (not debits_must_not_exceed_credits or debits_posted + debits_pending <= credits_posted + allowance),
  add constraint accounts_credits_fit
    check (not credits_must_not_exceed_debits or credits_posted + credits_pending <= debits_posted + allowance);
-- What bounds an account stays as it was opened: all of its history is judged by it (L3, src/ledger/audit/prefixes.ts).
-- For each statement, and only one that names these columns: those of apply_units do not.
create function account_bounds_stay() returns trigger language plpgsql
set search_path = public, pg_temp
as $$
begin
  raise exception 'what bounds an account does not change';
end
$$;
create trigger accounts_bounds_stay
  before update of allowance, debits_must_not_exceed_credits, credits_must_not_exceed_debits on accounts
  for each statement execute function account_bounds_stay();
create index accounts_main on accounts (main, shard) where shard > 0;

-- Drawn after all locks of a call are held: of two transfers that share an account the later one has
-- the higher position, so every prefix of history is a state the books were really in (L3).
create sequence transfers_position;
alter table transfers disable trigger transfers_append_only;
alter table transfers add column position bigint;
update transfers t set position = o.n
from (select id, row_number() over (order by at, xid, id) as n from transfers) o
where o.id = t.id;
select setval('transfers_position', greatest((select max(position) from transfers), 1), (select count(*) > 0 from transfers));
alter table transfers
  alter column position set default nextval('transfers_position'),
  alter column position set not null,
  drop column xid;
alter table transfers enable trigger transfers_append_only;
alter sequence transfers_position owned by transfers.position;
create unique index transfers_position_key on transfers (position);
drop index transfers_pending;
drop index transfers_debit;
drop index transfers_credit;
create unique index transfers_pending on transfers (pending_id) where pending_id is not null;
create index transfers_debit on transfers (debit_account, position);
create index transfers_credit on transfers (credit_account, position);

-- What is held for refunds that have not ended counts as refunded: of two at the same moment one may not fit any more.
alter table payments
  add column refund_reserved bigint not null default 0,
  drop constraint payments_check1,
  add constraint payments_refunds_fit
    check (refund_reserved >= 0 and refunded_amount >= 0 and refund_reserved + refunded_amount <= captured_amount);

create index holds_expiry on holds (expires_at) where expires_at is not null;

-- What every payment writes to is few indexes: a merchant's payments are found by merchant, a payment's
-- transfers by the ones that began them (their ends name those), an event by its place in its feed.
drop index payments_payee;
drop index payments_payee_open;
create index payments_payee on payments (payee, id desc) where merchant is null;
create index payments_payee_open on payments (payee, id desc)
  where merchant is null and status not in ('succeeded', 'failed', 'canceled', 'expired');
drop index transfers_subject;
create index transfers_subject on transfers (subject) where pending_id is null;
alter table outbox drop constraint outbox_pkey, drop constraint outbox_feed_seq_key, add primary key (feed, seq);
