-- Creates what is missing; what is there stays as it is. A further row of an account is born frozen or closed as the
-- account is: under a lock on its first row, which whoever freezes or closes the account changes as well. That row must
-- be there, or given beside it. Each of the three reads what the one before it waited for.
create or replace function open_accounts(p_accounts jsonb) returns void
language sql volatile
set search_path = public, pg_temp
as $$
  insert into accounts (ledger, id, main, shard, code, name, owner, debits_must_not_exceed_credits,
    credits_must_not_exceed_debits, allowance)
  select ledger, id, id, 0, code, name, owner, debits_must_not_exceed_credits,
    credits_must_not_exceed_debits, coalesce(allowance, 0)
  from jsonb_to_recordset(p_accounts) as a(
    ledger integer, id uuid, shard smallint, code smallint, name text, owner text,
    debits_must_not_exceed_credits boolean, credits_must_not_exceed_debits boolean, allowance bigint)
  where coalesce(shard, 0) = 0
  order by id
  on conflict do nothing;

  select from accounts m
  where m.id in (select a.main from jsonb_to_recordset(p_accounts) as a(main uuid, shard smallint) where a.shard > 0)
  order by m.id
  for share of m;

  insert into accounts (ledger, id, main, shard, code, name, owner, debits_must_not_exceed_credits,
    credits_must_not_exceed_debits, allowance, frozen, closed)
  select a.ledger, a.id, a.main, a.shard, a.code, a.name, a.owner, a.debits_must_not_exceed_credits,
    a.credits_must_not_exceed_debits, coalesce(a.allowance, 0), m.frozen, m.closed
  from jsonb_to_recordset(p_accounts) as a(
    ledger integer, id uuid, main uuid, shard smallint, code smallint, name text, owner text,
    debits_must_not_exceed_credits boolean, credits_must_not_exceed_debits boolean, allowance bigint)
  join accounts m on m.id = a.main
  where a.shard > 0
  order by a.id
  on conflict do nothing;
$$;
alter function open_accounts(jsonb) security definer;
