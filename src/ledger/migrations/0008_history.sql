-- History that can be proved and read fast: a hash chain over what has been posted, and balances on the way.
-- All of it is written behind the hot path by one writer, from transfers that nothing can change or precede any more.

-- How far history is decided and sealed. One row.
create table sealed (
  singleton boolean primary key default true check (singleton),
  -- Every transfer up to here is in a seal.
  position bigint not null default 0,
  -- Every position up to here is committed, or was drawn by a transaction that failed and stays empty for ever.
  decided bigint not null default 0,
  -- Every position up to `candidate` was drawn by a transaction older than `candidate_xid`.
  candidate bigint not null default 0,
  candidate_xid xid8,
  -- Of every transfer at this time or before it is known whether it was committed.
  decided_at timestamptz not null default '-infinity',
  -- Every transfer at this time or before is of a transaction older than `candidate_xid`.
  candidate_at timestamptz not null default '-infinity',
  check (position <= decided and decided <= candidate)
);
insert into sealed default values;

-- The chain, one a ledger: hash = sha256(hash before || ledger || no || first_position || last_position || count ||
-- at || entries), integers in network order (4, 8, 8, 8, 4 bytes), `at` as 8 bytes of microseconds since 2000. What
-- a ledger's first block follows is 32 zero bytes.
create table seals (
  ledger integer not null,
  no bigint not null check (no > 0),
  first_position bigint not null,
  last_position bigint not null check (last_position >= first_position),
  count integer not null check (count between 1 and 256),
  -- In order of position, for each transfer: its id (16 bytes) and its digest (16 bytes, see seal_transfers).
  entries bytea not null check (length(entries) = 32 * count),
  hash bytea not null check (length(hash) = 32),
  at timestamptz not null,
  primary key (ledger, no)
);

-- Where an account stood after every 256th of its lines: a balance as of any position is one of these rows
-- and fewer than 256 lines. A line is one side of a transfer.
create table balance_checkpoints (
  account uuid not null,
  position bigint not null,
  lines bigint not null check (lines > 0),
  debits_pending bigint not null,
  debits_posted bigint not null,
  credits_pending bigint not null,
  credits_posted bigint not null,
  primary key (account, position)
);

-- Where each account stands as of sealed.position: what the sealer adds to.
create table balances_sealed (
  account uuid primary key,
  -- Of its last line.
  position bigint not null,
  lines bigint not null,
  debits_pending bigint not null,
  debits_posted bigint not null,
  credits_pending bigint not null,
  credits_posted bigint not null
) with (fillfactor = 50);

create function history_is_append_only() returns trigger language plpgsql
set search_path = public, pg_temp
as $$
begin
  raise exception '% is append-only', tg_table_name;
end
$$;
create trigger seals_append_only
  before update or delete or truncate on seals
  for each statement execute function history_is_append_only();
create trigger balance_checkpoints_append_only
  before update or delete or truncate on balance_checkpoints
  for each statement execute function history_is_append_only();

-- Seals what is decided and not sealed yet, at most p_limit transfers; whoever calls, one at a time. Answers what it
-- did, and how many positions are decided and wait for the next call; no row where another is at it.
--
-- What is decided: positions are drawn by transactions that have a transaction id by then (apply_units holds row locks).
-- This call reads the last position drawn and only then gets an id of its own, so whoever drew up to there is older.
-- Once a later snapshot shows nobody that old running, every position up to there is committed or empty for ever.
-- (A snapshot's xmax would not do in its place: it is one above the last transaction that ended, and one that began
-- after that and runs still is not below it.)
-- Times are decided so too: a transaction has an id by the time it gives its transfers, so one that is not older than
-- this call's id gives a later time than this call has read. No limit on statements would do in its place:
-- statement_timeout is disarmed before the commit, which takes as long as the disk does.
-- Where nothing happens there are two writes in five seconds, so that times go on being decided.
create function seal_transfers(p_limit integer, out transfers integer, out blocks integer, out upto bigint, out waiting bigint)
returns setof record
language plpgsql volatile
security definer
set search_path = public, pg_temp
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  s sealed;
  v_last bigint;
  v_to bigint;
  v_candidate_xid xid8;
  v_ripe boolean;
  v_idle boolean;
  v_due boolean;
  v_ledger integer;
  v_no bigint;
  v_hash bytea;
  v_at timestamptz;
  b record;
begin
  if pg_current_xact_id_if_assigned() is not null then
    raise exception 'seal_transfers must be the first to write in its transaction';
  end if;
  if p_limit is null or p_limit < 1 then raise exception 'p_limit must be positive'; end if;
  if not pg_try_advisory_xact_lock(hashtextextended('mooring: seal_transfers', 0)) then return; end if;

  select k.* into s from sealed k;
  v_at := clock_timestamp();
  select case when q.is_called then q.last_value else 0 end into v_last from transfers_position q;
  transfers := 0;
  blocks := 0;
  upto := s.position;
  waiting := 0;
  v_candidate_xid := s.candidate_xid;
  v_ripe := v_candidate_xid is null or pg_snapshot_xmin(pg_current_snapshot()) >= v_candidate_xid;
  v_idle := s.position >= v_last;
  v_due := not v_idle or v_at not between s.candidate_at and s.candidate_at + interval '5 seconds';
  if v_idle and not (v_ripe and (v_due or s.decided_at < s.candidate_at)) then
    -- Nothing was drawn since: nothing is written, not even a transaction id is used.
    return next;
    return;
  end if;

  if v_ripe then
    s.decided := s.candidate;
    s.decided_at := s.candidate_at;
    if v_due then
      s.candidate := v_last;
      s.candidate_at := v_at;
      -- After v_last and v_at were read, and not before.
      v_candidate_xid := pg_current_xact_id();
    end if;
  end if;

  select max(k.position), count(*) into v_to, transfers
  from (
    select t.position from transfers t where t.position > s.position and t.position <= s.decided
    order by t.position limit p_limit
  ) k;
  if transfers < p_limit then v_to := s.decided; end if;

  if transfers > 0 then
    for b in
      select r.ledger, r.block, min(r.position) as first_position, max(r.position) as last_position, count(*)::integer as count,
        string_agg(uuid_send(r.id) || substr(sha256(convert_to(r.row, 'UTF8')), 1, 16), ''::bytea order by r.position) as entries
      from (
        select t.ledger, t.position, t.id,
          (row_number() over (partition by t.ledger order by t.position) - 1) / 256 as block,
          -- Every column; the one that is free text comes last and the others hold no bar: two different rows
          -- have two different texts. src/ledger/history/verify.ts makes it again.
          concat_ws('|', t.position, t.ledger, t.id, t.kind, t.debit_account, t.credit_account, t.amount,
            coalesce(t.pending_id::text, '-'), t.unit, extract(epoch from t.at), t.subject) as row
        from transfers t
        where t.position > s.position and t.position <= v_to
      ) r
      group by r.ledger, r.block
      order by r.ledger, r.block
    loop
      if v_ledger is distinct from b.ledger then
        v_ledger := b.ledger;
        select e.no, e.hash into v_no, v_hash from seals e where e.ledger = b.ledger order by e.no desc limit 1;
        if not found then
          v_no := 0;
          v_hash := decode(repeat('00', 32), 'hex');
        end if;
      end if;
      v_no := v_no + 1;
      v_hash := sha256(v_hash || int4send(b.ledger) || int8send(v_no) || int8send(b.first_position)
        || int8send(b.last_position) || int4send(b.count) || timestamptz_send(v_at) || b.entries);
      insert into seals (ledger, no, first_position, last_position, count, entries, hash, at)
      values (b.ledger, v_no, b.first_position, b.last_position, b.count, b.entries, v_hash, v_at);
      blocks := blocks + 1;
    end loop;

    with lines as materialized (
      select l.*
      from transfers t
      cross join lateral (
        -- A hold is looked up where one is named: joined, all of history would be hashed for it. One that somebody
        -- took away must not stop the sealing: the audit names it (L4).
        select case t.kind when 'reserve' then t.amount when 'post' then 0
            else -coalesce((select h.amount from transfers h where h.id = t.pending_id), 0) end as pending,
          case when t.kind in ('post', 'confirm') then t.amount else 0 end as posted
        offset 0
      ) m
      cross join lateral (values
        (t.debit_account, t.position, m.pending, m.posted, 0::bigint, 0::bigint),
        (t.credit_account, t.position, 0, 0, m.pending, m.posted)
      ) l(account, position, dp, dd, cp, cc)
      where t.position > s.position and t.position <= v_to
    ), sums as (
      select account, max(position) as position, count(*) as lines, sum(dp)::bigint as dp, sum(dd)::bigint as dd,
        sum(cp)::bigint as cp, sum(cc)::bigint as cc
      from lines group by account
    ), moved as (
      insert into balances_sealed as k
        (account, position, lines, debits_pending, debits_posted, credits_pending, credits_posted)
      select * from sums
      on conflict (account) do update set position = excluded.position, lines = k.lines + excluded.lines,
        debits_pending = k.debits_pending + excluded.debits_pending,
        debits_posted = k.debits_posted + excluded.debits_posted,
        credits_pending = k.credits_pending + excluded.credits_pending,
        credits_posted = k.credits_posted + excluded.credits_posted
      returning *
    ), passing as (
      -- Where each was before, of those that pass a 256th line now.
      select m.account, m.lines - u.lines as lines, m.debits_pending - u.dp as dp, m.debits_posted - u.dd as dd,
        m.credits_pending - u.cp as cp, m.credits_posted - u.cc as cc
      from moved m join sums u on u.account = m.account
      where m.lines / 256 > (m.lines - u.lines) / 256
    )
    insert into balance_checkpoints
      (account, position, lines, debits_pending, debits_posted, credits_pending, credits_posted)
    select account, position, lines, dp, dd, cp, cc
    from (
      select p.account, l.position, p.lines + row_number() over w as lines,
        p.dp + sum(l.dp) over w as dp, p.dd + sum(l.dd) over w as dd,
        p.cp + sum(l.cp) over w as cp, p.cc + sum(l.cc) over w as cc
      from passing p join lines l on l.account = p.account
      window w as (partition by p.account order by l.position)
    ) r
    where r.lines % 256 = 0;
  end if;

  update sealed k set position = v_to, decided = s.decided, candidate = s.candidate, candidate_xid = v_candidate_xid,
    decided_at = s.decided_at, candidate_at = s.candidate_at
  where (k.position, k.decided_at, k.candidate_at) is distinct from (v_to, s.decided_at, s.candidate_at);
  upto := v_to;
  waiting := s.decided - v_to;
  return next;
end
$$;

-- An account's counters as they were once everything up to p_position had happened; p_position is not above
-- sealed.position, since what is above may still gain transfers.
create function balance_at(p_account uuid, p_position bigint,
  out debits_pending bigint, out debits_posted bigint, out credits_pending bigint, out credits_posted bigint)
language plpgsql stable
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  v_from bigint;
begin
  select k.position, k.debits_pending, k.debits_posted, k.credits_pending, k.credits_posted
  into v_from, debits_pending, debits_posted, credits_pending, credits_posted
  from balances_sealed k where k.account = p_account and k.position <= p_position;
  if found then return; end if;

  select k.position, k.debits_pending, k.debits_posted, k.credits_pending, k.credits_posted
  into v_from, debits_pending, debits_posted, credits_pending, credits_posted
  from balance_checkpoints k
  where k.account = p_account and k.position <= p_position order by k.position desc limit 1;
  if not found then v_from := 0; end if;

  select coalesce(debits_pending, 0) + coalesce(sum(m.pending) filter (where m.debit), 0),
    coalesce(debits_posted, 0) + coalesce(sum(m.posted) filter (where m.debit), 0),
    coalesce(credits_pending, 0) + coalesce(sum(m.pending) filter (where not m.debit), 0),
    coalesce(credits_posted, 0) + coalesce(sum(m.posted) filter (where not m.debit), 0)
  into debits_pending, debits_posted, credits_pending, credits_posted
  from (
    select l.debit,
      case l.kind when 'reserve' then l.amount when 'post' then 0
        else -(select h.amount from transfers h where h.id = l.pending_id) end as pending,
      case when l.kind in ('post', 'confirm') then l.amount else 0 end as posted
    from (
      select true as debit, t.kind, t.amount, t.pending_id from transfers t
      where t.debit_account = p_account and t.position > v_from and t.position <= p_position
      union all
      select false, t.kind, t.amount, t.pending_id from transfers t
      where t.credit_account = p_account and t.position > v_from and t.position <= p_position
    ) l
  ) m;
end
$$;

-- The position of the last sealed transfer that was posted at p_at or before; 0 where there is none. Positions and
-- times follow each other but for calls that ran at the same moment, so halving finds the neighbourhood: so many
-- transfers before and after, however many positions between them stayed empty.
create function position_at(p_at timestamptz) returns bigint
language plpgsql stable
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
  v_low bigint := 0;
  v_sealed bigint := (select k.position from sealed k);
  v_high bigint := v_sealed;
  v_middle bigint;
  v_at timestamptz;
  v_found bigint;
begin
  while v_low < v_high loop
    v_middle := v_low + (v_high - v_low + 1) / 2;
    select t.at into v_at from transfers t where t.position <= v_middle order by t.position desc limit 1;
    if not found or v_at <= p_at then v_low := v_middle; else v_high := v_middle - 1; end if;
  end loop;
  select max(n.position) into v_found
  from (
    (select t.position, t.at from transfers t where t.position <= v_low order by t.position desc limit 2000)
    union all
    (select t.position, t.at from transfers t where t.position > v_low and t.position <= v_sealed
      order by t.position limit 2000)
  ) n
  where n.at <= p_at;
  return coalesce(v_found, 0);
end
$$;

-- Whether a transfer that waits to be sealed was posted at p_at or before. Asked of the index of positions: few wait,
-- while the planner takes them for a third of all history, which it would then read from end to end.
create function unsealed_at(p_at timestamptz) returns boolean
language plpgsql stable
set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
begin
  return exists (select from transfers t where t.position > (select k.position from sealed k) and t.at <= p_at);
end
$$;

-- Operators read what happened with money, and may ask for sealing; they write nothing.
grant usage on schema public to mooring_ops;
grant select on ledgers, accounts, transfers, holds, refused_transfers, units, payments, attempts, rail_callbacks,
  incidents, sources, feed_heads, outbox, feed_stream, sealed, seals, balance_checkpoints, balances_sealed to mooring_ops;
-- The last position drawn: a watermark beyond it was moved.
grant select on sequence transfers_position to mooring_ops;
revoke execute on function history_is_append_only(), seal_transfers(integer), balance_at(uuid, bigint),
  position_at(timestamptz), unsealed_at(timestamptz) from public;
grant execute on function seal_transfers(integer) to mooring_hub, mooring_ops;
grant execute on function balance_at(uuid, bigint), position_at(timestamptz), unsealed_at(timestamptz) to mooring_ops;
