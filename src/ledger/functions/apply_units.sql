-- The unit of work, decided in memory and written as sets. One call applies a batch of
-- units, in order, in one transaction: ledger transfers, payment and attempt transitions,
-- events, idempotency records and single-use jtis commit together or not at all.
--
-- 1 Lock, always in one order: accounts by id, payments, attempts; then try keys and names.
--   READ COMMITTED: one statement locks, later ones read what the locks protect.
-- 2 Decide, unit by unit, on arrays of what was read: each unit sees what those before it did,
--   at about a microsecond a rule. There is one path for every batch, so nothing is decided twice.
-- 3 Write: one statement a table, whatever the size of the batch. Feed heads are last in the order of locks and
--   nothing is decided by them, so they are waited for only here, before anything is inserted.
--
-- src/ledger/batch.ts makes the arguments: rows that units name several times are given once and
-- referred to by ordinal (from 1). A unit: its id's ordinal, its hash, its first and last leg, and the rest as JSON.
-- JSON comes as lines, one text a line (JSON escapes line ends within strings); an empty line is none.
-- What is unique beyond the locked rows (a key, a jti, an open order reference, a linked account) is
-- only tried and never waited for: two batches that insert the same of them in different order would
-- deadlock. Whoever comes second at the same moment asks again and then finds what the first wrote.
-- An insert that meets a row it did not see raises 23505 (src/ledger/sqlstate.ts): the same units are sent again
-- and see it. `on conflict` would look for every row in every unique index before it is written, and write it twice.
-- A migration that adds columns to its tables adds them to src/ledger/columns.ts and to what is set here.

create or replace function apply_units(
  p_unit_ids uuid[],
  p_units integer[], p_unit_hash text[], p_unit_first integer[], p_unit_last integer[], p_unit_rest text,
  p_accounts uuid[],
  p_flagged integer[],
  p_transfers uuid[],
  p_leg_unit integer[], p_leg_transfer integer[], p_leg_ledger integer[], p_leg_kind text[],
  p_leg_debit integer[], p_leg_credit integer[], p_leg_amount bigint[], p_leg_pending integer[], p_leg_up_to boolean[],
  p_leg_expires_at timestamptz[], p_leg_subject text[],
  p_payments text[],
  p_attempt_payment text[], p_attempt_no smallint[],
  p_key_scope text[], p_key text[],
  p_taken text[],
  p_feeds text[],
  p_event_id text[], p_event_feed integer[], p_event_name text[], p_event_account integer[], p_event_currency text[],
  p_event_body integer[],
  p_bodies text
) returns json
language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  r record;
  u jsonb;
  b jsonb;
  g jsonb;
  v_now timestamptz;
  v_count bigint;
  v_rest jsonb[] := string_to_array(p_unit_rest, E'\n', '')::jsonb[];
  -- Bodies of events and replies.
  v_bodies text[] := string_to_array(p_bodies, E'\n');
  -- How many transfers legs end; those that were holds before anything was locked, and their accounts.
  v_ends integer;
  v_holds integer[]; v_hold_accounts uuid[]; v_hold_places integer[];
  -- Rows of holds that end.
  v_gone integer := 0;

  -- Accounts by ordinal: those the legs name, then those of the holds they end, then all rows of those whose flags change.
  v_accounts uuid[] := p_accounts;
  a_ledger integer[];
  -- Whose row each is, where flags change.
  a_main uuid[];
  a_dp bigint[]; a_dd bigint[]; a_cp bigint[]; a_cc bigint[];
  a_allowance bigint[];
  a_debits_fit boolean[]; a_credits_fit boolean[];
  a_frozen boolean[]; a_closed boolean[];
  -- Where each row stands: locked, it stays there until this call writes it.
  a_tid tid[];
  a_moved boolean[];

  -- Transfers by ordinal, those that exist and those this call makes.
  x_kind text[]; x_debit integer[]; x_credit integer[]; x_amount bigint[]; x_pending uuid[];
  -- The leg that made it, where this call did.
  x_leg integer[];
  x_failed boolean[];
  -- Those that another call decides about this very moment; null where there are none, as nearly always.
  x_elsewhere boolean[];
  -- Their life as holds: open now, how ended, and whether a row of `holds` stands for them.
  h_open boolean[]; h_ended text[]; h_row boolean[];
  h_debit integer[]; h_credit integer[]; h_amount bigint[]; h_expires_at timestamptz[]; h_subject text[]; h_ledger integer[];
  h_tid tid[];

  -- What each leg moved: null until it has.
  l_moved bigint[]; l_debit integer[]; l_credit integer[];

  k_hash text[]; k_reply text[]; k_lease timestamptz[]; k_stood boolean[]; k_write boolean[];
  t_got boolean[]; t_used boolean[];
  n_hash text[]; n_result text[]; n_write boolean[];
  -- Rows as they are to be, and whether they were there: several changes of one payment are folded.
  m_version integer[]; m_expires_at timestamptz[]; m_start_by timestamptz[];
  m_row payments[]; m_stood boolean[]; m_moved boolean[];
  s_state text[]; s_token uuid[];
  s_row attempts[]; s_stood boolean[]; s_moved boolean[];
  -- Events a feed gets, and the last number it had before them; an event's place among them.
  f_events integer[]; f_seq bigint[]; v_feeds integer[];
  e_place integer[]; e_balance json[];
  v_sources jsonb[] := '{}';
  v_linked jsonb[] := '{}';
  v_devices jsonb[] := '{}';
  v_pins jsonb[] := '{}';
  v_refunds jsonb[] := '{}';
  v_returns jsonb[] := '{}';
  v_evidence jsonb[] := '{}';
  v_codes jsonb[] := '{}';
  v_jtis jsonb[] := '{}';
  v_failed_ids uuid[] := '{}'; v_failed_ledgers integer[] := '{}'; v_failed_codes text[] := '{}';

  v_results text[] := '{}';
  v_result text;
  v_code text;
  v_at integer;
  v_amounts jsonb;
  v_missing bigint; v_last_up_to integer;
  v_unit integer; v_first integer; v_last integer; v_hash text;
  i integer; j integer; n integer; x integer; p integer; d integer; c integer;
  v_kind text; v_ledger integer; v_amount bigint; v_known boolean; v_moves boolean;
begin
  -- A hold's accounts never change: read them unlocked, lock them, then the hold itself decides.
  if p_leg_pending is not null then
    select count(*), array_agg(k.n) filter (where h.id is not null),
      array_agg(h.debit_account) filter (where h.id is not null) || array_agg(h.credit_account) filter (where h.id is not null)
    into v_ends, v_holds, v_hold_accounts
    from (select distinct l.n from unnest(p_leg_pending) l(n) where l.n is not null) k
    left join holds h on h.id = p_transfers[k.n];
  end if;
  if v_holds is not null then
    v_accounts := v_accounts || array(select unnest(v_hold_accounts) except select unnest(p_accounts));
    -- Where each stands among them: by sorting, for array_position looks through all of them for each.
    v_hold_places := array(
      select w.place
      from (
        select u.slot, max(u.place) over (partition by u.id) as place
        from (
          select a.id, a.n as place, null::bigint as slot from unnest(v_accounts) with ordinality a(id, n)
          union all
          select h.id, null, h.n from unnest(v_hold_accounts) with ordinality h(id, n)
        ) u
      ) w
      where w.slot is not null order by w.slot);
  end if;
  -- An account is frozen and closed as a whole: as above, its rows are read, locked, and looked for again.
  if p_flagged is not null then
    v_accounts := v_accounts || array(
      select a.id
      from unnest(p_flagged) k(n)
      join accounts f on f.id = p_accounts[k.n]
      cross join lateral (select f.main as id union all select s.id from accounts s where s.main = f.main and s.shard > 0) a
      except select unnest(v_accounts));
  end if;
  n := cardinality(v_accounts);
  if n > 0 then
    a_ledger := array_fill(null::integer, array[n]);
    a_dp := array_fill(0::bigint, array[n]); a_dd := a_dp; a_cp := a_dp; a_cc := a_dp; a_allowance := a_dp;
    a_frozen := array_fill(false, array[n]);
    a_closed := a_frozen; a_debits_fit := a_frozen; a_credits_fit := a_frozen; a_moved := a_frozen;
    a_tid := array_fill(null::tid, array[n]);
    for r in
      select k.n, a.ctid, a.*
      from unnest(v_accounts) with ordinality k(id, n)
      join accounts a on a.id = k.id
      order by a.id
      for no key update of a
    loop
      a_ledger[r.n] := r.ledger;
      a_tid[r.n] := r.ctid;
      a_dp[r.n] := r.debits_pending; a_dd[r.n] := r.debits_posted;
      a_cp[r.n] := r.credits_pending; a_cc[r.n] := r.credits_posted;
      a_allowance[r.n] := r.allowance;
      a_debits_fit[r.n] := r.debits_must_not_exceed_credits; a_credits_fit[r.n] := r.credits_must_not_exceed_debits;
      a_frozen[r.n] := r.frozen; a_closed[r.n] := r.closed;
    end loop;
  end if;
  if p_flagged is not null then
    a_main := array(
      select a.main from unnest(v_accounts) with ordinality k(id, n) left join accounts a on a.id = k.id order by k.n);
    -- Its first row is locked: from here on none is born (open_accounts).
    if exists (
      select from unnest(p_flagged) k(n)
      cross join lateral (
        select a_main[k.n] as id union all select s.id from accounts s where s.main = a_main[k.n] and s.shard > 0) a
      where a.id <> all (v_accounts))
    then
      raise exception using errcode = '40001', message = 'an account got another row while it was being locked';
    end if;
  end if;

  n := cardinality(p_payments);
  if n > 0 then
    m_version := array_fill(null::integer, array[n]);
    m_expires_at := array_fill(null::timestamptz, array[n]);
    m_start_by := m_expires_at;
    m_row := array_fill(null::payments, array[n]);
    m_stood := array_fill(false, array[n]);
    m_moved := m_stood;
    for r in
      select k.n, m.version, m.expires_at, m.start_by, m as row
      from unnest(p_payments) with ordinality k(id, n)
      join payments m on m.id = k.id
      order by m.id
      for no key update of m
    loop
      m_version[r.n] := r.version; m_expires_at[r.n] := r.expires_at; m_start_by[r.n] := r.start_by;
      m_row[r.n] := r.row; m_stood[r.n] := true;
    end loop;
  end if;

  n := cardinality(p_attempt_no);
  if n > 0 then
    s_state := array_fill(null::text, array[n]);
    s_token := array_fill(null::uuid, array[n]);
    s_row := array_fill(null::attempts, array[n]);
    s_stood := array_fill(false, array[n]);
    s_moved := s_stood;
    for r in
      select k.n, a.state, a.dispatch_token, a as row
      from unnest(p_attempt_payment) with ordinality k(payment, n)
      join attempts a on a.payment = k.payment and a.no = p_attempt_no[k.n]
      order by a.payment, a.no
      for no key update of a
    loop
      s_state[r.n] := r.state; s_token[r.n] := r.dispatch_token;
      s_row[r.n] := r.row; s_stood[r.n] := true;
    end loop;
  end if;

  n := cardinality(p_feeds);
  if n > 0 then
    f_events := array_fill(0, array[n]);
    e_place := array_fill(null::integer, array[cardinality(p_event_id)]);
    e_balance := array_fill(null::json, array[cardinality(p_event_id)]);
  end if;

  -- Everything that is waited for is ours now: what is read from here on stands until commit. By its locks this
  -- transaction has its id, before it takes the time: that is how times of history are decided (0008).
  v_now := clock_timestamp();

  n := cardinality(p_unit_ids);
  n_hash := array_fill(null::text, array[n]); n_result := n_hash; n_write := array_fill(false, array[n]);
  for r in
    select k.n, s.content_hash, s.result
    from unnest(p_unit_ids) with ordinality k(id, n) join units s on s.id = k.id
  loop
    n_hash[r.n] := r.content_hash; n_result[r.n] := r.result;
  end loop;

  if p_taken is not null then
    select array_agg(pg_try_advisory_xact_lock(hashtextextended(k.name, 0)) order by k.n) into t_got
    from unnest(p_taken) with ordinality k(name, n);
    t_used := array_fill(false, array[cardinality(p_taken)]);
  end if;
  n := cardinality(p_key);
  if n > 0 then
    k_hash := array_fill(null::text, array[n]);
    k_reply := k_hash;
    k_lease := array_fill(null::timestamptz, array[n]);
    k_write := array_fill(false, array[n]);
    k_stood := k_write;
    for r in
      select k.n, pg_try_advisory_xact_lock(hashtextextended(p_key_scope[k.n] || ' ' || k.key, 0)) as got
      from unnest(p_key) with ordinality k(key, n)
    loop
      -- Unlocked: in another's hands this moment.
      if not r.got then k_hash[r.n] := ''; end if;
    end loop;
    for r in
      select k.n, s.content_hash, s.reply, s.lease_until
      from unnest(p_key) with ordinality k(key, n)
      join idempotency s on s.scope = p_key_scope[k.n] and s.key = k.key
    loop
      if k_hash[r.n] is null then
        k_hash[r.n] := r.content_hash; k_reply[r.n] := r.reply; k_lease[r.n] := r.lease_until;
        k_stood[r.n] := true;
      end if;
    end loop;
  end if;

  n := cardinality(p_transfers);
  if n > 0 then
    x_kind := array_fill(null::text, array[n]); h_ended := x_kind; h_subject := x_kind;
    x_debit := array_fill(null::integer, array[n]);
    x_credit := x_debit; x_leg := x_debit; h_debit := x_debit; h_credit := x_debit;
    h_ledger := x_debit;
    x_amount := array_fill(null::bigint, array[n]); h_amount := x_amount;
    x_pending := array_fill(null::uuid, array[n]);
    h_expires_at := array_fill(null::timestamptz, array[n]);
    h_tid := array_fill(null::tid, array[n]);
    x_failed := array_fill(false, array[n]); h_open := x_failed; h_row := x_failed;
    -- An id is moved or refused, and the two are written to different tables: where two calls share no account, only
    -- this keeps the one from writing the first and the other the second. Tried before either is read.
    for r in
      select k.n from unnest(p_leg_transfer) k(n)
      where not pg_try_advisory_xact_lock(uuid_hash_extended(p_transfers[k.n], 0))
    loop
      x_elsewhere := coalesce(x_elsewhere, x_failed);
      x_elsewhere[r.n] := true;
    end loop;
    for r in
      select k.n, t.kind, t.debit_account, t.credit_account, t.amount, t.pending_id, f.id is not null as failed
      from unnest(p_leg_transfer) k(n)
      left join transfers t on t.id = p_transfers[k.n]
      left join refused_transfers f on f.id = p_transfers[k.n]
      where t.id is not null or f.id is not null
    loop
      x_failed[r.n] := r.failed;
      x_kind[r.n] := r.kind; x_amount[r.n] := r.amount; x_pending[r.n] := r.pending_id;
      -- 0: an account no leg of this batch names, so it differs from any.
      x_debit[r.n] := coalesce(array_position(v_accounts, r.debit_account), 0);
      x_credit[r.n] := coalesce(array_position(v_accounts, r.credit_account), 0);
    end loop;
    v_count := 0;
    for r in
      select k.n, v_hold_places[k.i] as debit, v_hold_places[k.i + cardinality(v_holds)] as credit, h.ctid, h.*
      from unnest(v_holds) with ordinality k(n, i)
      join holds h on h.id = p_transfers[k.n]
    loop
      v_count := v_count + 1;
      h_open[r.n] := true; h_row[r.n] := true; h_tid[r.n] := r.ctid;
      h_debit[r.n] := r.debit; h_credit[r.n] := r.credit;
      h_amount[r.n] := r.amount; h_expires_at[r.n] := r.expires_at; h_subject[r.n] := r.subject; h_ledger[r.n] := r.ledger;
    end loop;
    if v_count < v_ends then
      if exists (
        select from unnest(p_leg_pending) k(n) join holds h on h.id = p_transfers[k.n] where not h_open[k.n])
      then
        raise exception using errcode = '40001', message = 'a hold was placed while its accounts were being locked';
      end if;
      for r in
        select k.n, t.kind from unnest(p_leg_pending) k(n) join transfers t on t.pending_id = p_transfers[k.n]
        where not h_open[k.n]
      loop
        h_ended[r.n] := r.kind;
      end loop;
    end if;
  end if;
  n := cardinality(p_leg_kind);
  if n > 0 then
    l_moved := array_fill(null::bigint, array[n]);
    l_debit := array_fill(null::integer, array[n]);
    l_credit := l_debit;
  end if;

  for v_unit in 1 .. cardinality(p_units) loop
    u := v_rest[v_unit];
    n := p_units[v_unit];
    v_hash := p_unit_hash[v_unit];
    v_first := p_unit_first[v_unit];
    v_last := p_unit_last[v_unit];
    v_code := null;
    v_amounts := null;
    v_missing := null;
    v_last_up_to := null;

    -- Said before, here or by an earlier call: the stored result, for the same content only.
    if n_hash[n] is not null then
      v_results := v_results
        || case when n_hash[n] = v_hash then n_result[n] else '{"code":"unit_differs"}' end;
      continue;
    end if;

    -- What the unit asks of the world before it moves anything; most of a batch asks little.
    v_result := null;
    if u is not null then
      g := u -> 'key';
      if g is not null then
        i := (g ->> 'k')::integer;
        v_result := case
          when k_hash[i] is null then null
          when k_hash[i] = '' then '{"code":"in_flight"}'
          when k_hash[i] <> g ->> 'hash' then '{"code":"key_reused"}'
          when k_reply[i] is not null then '{"code":"replayed","reply":' || k_reply[i] || '}'
          -- A lease that is past belongs to nobody; one that runs, to who says `complete`.
          when g -> 'complete' is null and k_lease[i] > v_now then '{"code":"in_flight"}'
        end;
      end if;

      -- A commit becomes visible before it lets its locks go: a try that failed may find it already.
      g := u -> 'jti';
      if v_result is null and g is not null then
        if t_used[(g ->> 't')::integer]
          or exists (select from used_jtis where device = g ->> 'device' and jti = g ->> 'jti')
        then
          v_result := '{"code":"jti_used"}';
        end if;
      end if;
      g := u -> 'taken';
      if v_result is null and g is not null then
        for i in 0 .. jsonb_array_length(g) - 1 loop
          if not t_got[(g ->> i)::integer] then v_result := '{"code":"busy"}'; end if;
        end loop;
      end if;

      g := u -> 'guard' -> 'payment';
      if v_result is null and g is not null then
        i := (g ->> 'm')::integer;
        if m_version[i] is distinct from (g ->> 'version')::integer
          or (g -> 'unexpired' is not null and m_expires_at[i] <= v_now)
          or (g -> 'before_start_by' is not null and m_start_by[i] <= v_now)
        then
          v_result := '{"code":"guard_failed"}';
        end if;
      end if;
      g := u -> 'guard' -> 'attempt';
      if v_result is null and g is not null then
        i := (g ->> 's')::integer;
        if s_state[i] is null or not (g -> 'states' ? s_state[i])
          or (g -> 'token' is not null and s_token[i] is distinct from (g ->> 'token')::uuid)
        then
          v_result := '{"code":"guard_failed"}';
        end if;
      end if;

      -- A linked account's row is not locked but its name is ours; changed by this batch already, it is asked about again.
      g := u -> 'guard' -> 'source';
      if v_result is null and g is not null then
        if t_used[(u ->> 'change_t')::integer] then
          v_result := '{"code":"busy"}';
        elsif not exists (select from sources where id = g ->> 'id' and g -> 'states' ? status) then
          v_result := '{"code":"guard_failed"}';
        end if;
      end if;

      -- A device and a PIN likewise.
      g := u -> 'guard' -> 'device';
      if v_result is null and g is not null then
        if t_used[(u ->> 'device_t')::integer] then
          v_result := '{"code":"busy"}';
        elsif not exists (select from devices where id = g ->> 'id' and g -> 'states' ? status) then
          v_result := '{"code":"guard_failed"}';
        end if;
      end if;
      g := u -> 'guard' -> 'pin';
      if v_result is null and g is not null then
        if t_used[(u ->> 'pin_t')::integer] then
          v_result := '{"code":"busy"}';
        elsif coalesce((select version from pins where user_id = g ->> 'user'), 0) <> (g ->> 'version')::integer then
          v_result := '{"code":"guard_failed"}';
        end if;
      end if;
      -- What makes a device's codes: its row is not locked either, but its device's name and its number are ours.
      g := u -> 'guard' -> 'code';
      if v_result is null and g is not null then
        if t_used[(u ->> 'code_t')::integer] then
          v_result := '{"code":"busy"}';
        elsif coalesce((select version from codes where device = g ->> 'device'), 0) <> (g ->> 'version')::integer then
          v_result := '{"code":"guard_failed"}';
        elsif u -> 'number_t' is not null and (t_used[(u ->> 'number_t')::integer] or exists (
          select from codes where number = u -> 'ok' -> 'code' ->> 'number' and device <> g ->> 'device'))
        then
          v_result := '{"code":"conflict"}';
        end if;
      end if;

      -- What may not exist twice. Names this batch has used itself are remembered in t_used.
      g := u -> 'ok' -> 'new_payment';
      if v_result is null and g is not null then
        if m_version[(u ->> 'new_m')::integer] is not null then
          v_result := '{"code":"conflict"}';
        elsif u -> 'order_t' is not null then
          if t_used[(u ->> 'order_t')::integer] or exists (
            select from payments
            where merchant = g ->> 'merchant' and order_ref = g ->> 'order_ref'
              and status in ('requires_confirmation', 'requires_action', 'processing', 'requires_capture'))
          then
            v_result := '{"code":"conflict"}';
          end if;
        end if;
      end if;
      g := u -> 'ok' -> 'source';
      if v_result is null and g is not null then
        if t_used[(u ->> 'source_t')::integer]
          or exists (select from sources where id = g ->> 'id')
          or exists (
            select from sources
            where user_id = g ->> 'user_id' and bank = g ->> 'bank' and account = g ->> 'account' and status <> 'revoked')
        then
          v_result := '{"code":"conflict"}';
        end if;
      end if;
      if v_result is not null then
        v_results := v_results || v_result;
        continue;
      end if;
      v_missing := (u ->> 'total')::bigint;
    end if;

    -- The transfers: one linked group, in order.
    for i in v_first .. v_last loop
      v_at := i;
      x := p_leg_transfer[i];
      v_kind := p_leg_kind[i];
      v_amount := p_leg_amount[i];
      p := p_leg_pending[i];

      -- Known by its id: the same content changes nothing.
      if x_kind[x] is not null then
        j := x_leg[x];
        if j is not null then
          x_debit[x] := coalesce(l_debit[j], p_leg_debit[j]);
          x_credit[x] := coalesce(l_credit[j], p_leg_credit[j]);
          x_amount[x] := l_moved[j];
          x_pending[x] := p_transfers[p_leg_pending[j]];
        end if;
        v_code := case
          when x_kind[x] <> v_kind then 'exists_with_different_kind'
          when p is not null and x_pending[x] is distinct from p_transfers[p] then 'exists_with_different_pending'
          when v_amount is not null and not p_leg_up_to[i] and x_amount[x] <> v_amount then 'exists_with_different_amount'
          when p_leg_up_to[i] and x_amount[x] > v_amount then 'exists_with_different_amount'
          -- A confirm without an amount is of the whole hold.
          when v_kind = 'confirm' and v_amount is null
            and x_amount[x] <> coalesce(l_moved[x_leg[p]], (select t.amount from transfers t where t.id = p_transfers[p]))
            then 'exists_with_different_amount'
          when p is null and x_debit[x] <> p_leg_debit[i] then 'exists_with_different_debit'
          when p is null and x_credit[x] <> p_leg_credit[i] then 'exists_with_different_credit'
        end;
        exit when v_code is not null;
        if p_leg_up_to[i] then
          v_missing := v_missing - x_amount[x];
          v_last_up_to := i;
        end if;
        v_amounts := coalesce(v_amounts, '{}') || jsonb_build_object(p_transfers[x], x_amount[x]::text);
        continue;
      end if;

      if x_failed[x] then
        v_code := 'id_already_failed';
        exit;
      end if;
      if x_elsewhere[x] then
        raise exception using errcode = '40001', message = 'a transfer of this id is being decided elsewhere';
      end if;
      if p is null then
        v_ledger := p_leg_ledger[i];
        d := p_leg_debit[i];
        c := p_leg_credit[i];
        v_code := case
          when v_amount is null or v_amount <= 0 or (p_leg_up_to[i] and v_missing is null) then 'amount_invalid'
          when d = c then 'accounts_must_differ'
          when a_ledger[d] is null then 'debit_account_not_found'
          when a_ledger[c] is null then 'credit_account_not_found'
          when a_ledger[d] <> v_ledger or a_ledger[c] <> v_ledger then 'different_ledgers'
          when a_frozen[d] then 'account_frozen'
          when a_closed[d] then 'account_closed'
          when a_frozen[c] then 'account_frozen'
          when a_closed[c] then 'account_closed'
        end;
        exit when v_code is not null;
        if p_leg_up_to[i] then
          v_last_up_to := i;
          v_amount := least(v_amount, v_missing);
          if a_debits_fit[d] then v_amount := least(v_amount, a_cc[d] + a_allowance[d] - a_dd[d] - a_dp[d]); end if;
          -- Nothing to be had here: the leg is left out.
          continue when v_amount <= 0;
        end if;
        v_code := case
          when a_debits_fit[d] and a_dd[d] + a_dp[d] + v_amount > a_cc[d] + a_allowance[d] then 'exceeds_credits'
          when a_credits_fit[c] and a_cc[c] + a_cp[c] + v_amount > a_dd[c] + a_allowance[c] then 'exceeds_debits'
        end;
        exit when v_code is not null;
        a_moved[d] := true; a_moved[c] := true;
        if v_kind = 'post' then
          a_dd[d] := a_dd[d] + v_amount;
          a_cc[c] := a_cc[c] + v_amount;
        else
          a_dp[d] := a_dp[d] + v_amount;
          a_cp[c] := a_cp[c] + v_amount;
          h_open[x] := true;
        end if;
        if p_leg_up_to[i] then
          v_missing := v_missing - v_amount;
          v_amounts := coalesce(v_amounts, '{}') || jsonb_build_object(p_transfers[x], v_amount::text);
        end if;
      else
        -- L4: a hold ends once; its accounts' locks are ours, so nobody else can end it now.
        if not h_open[p] then
          v_code := case h_ended[p]
            when 'confirm' then 'pending_already_posted' when 'void' then 'pending_already_voided'
            when 'expire' then 'pending_already_expired' else 'pending_not_found' end;
          exit;
        end if;
        j := x_leg[p];
        if j is not null then
          -- Placed earlier in this batch.
          h_ledger[p] := p_leg_ledger[j]; h_debit[p] := p_leg_debit[j]; h_credit[p] := p_leg_credit[j];
          h_amount[p] := l_moved[j]; h_expires_at[p] := p_leg_expires_at[j]; h_subject[p] := p_leg_subject[j];
        end if;
        d := h_debit[p];
        c := h_credit[p];
        l_debit[i] := d;
        l_credit[i] := c;
        if v_kind = 'confirm' then
          v_amount := coalesce(v_amount, h_amount[p]);
          v_code := case
            when h_expires_at[p] <= v_now then 'pending_already_expired'
            when v_amount <= 0 then 'amount_invalid'
            when v_amount > h_amount[p] then 'exceeds_pending_amount'
          end;
        else
          v_amount := h_amount[p];
          if v_kind = 'expire' and h_subject[p] <> p_leg_subject[i] then
            -- It is the leg's payment that is locked, so that no attempt of it begins now.
            raise exception 'a hold is to expire for another payment than its own';
          end if;
          if v_kind = 'expire' and (
            h_expires_at[p] is null or h_expires_at[p] > v_now
            -- A rail may know of it: what this batch decided about its attempts counts before what is stored.
            or exists (
              select from unnest(p_attempt_payment, s_state) k(payment, state)
              where k.payment = h_subject[p] and k.state in ('prepared', 'dispatched', 'pending', 'unknown'))
            or exists (
              select from attempts a
              where a.payment = h_subject[p] and a.state in ('prepared', 'dispatched', 'pending', 'unknown')
                and not exists (
                  select from unnest(p_attempt_payment, p_attempt_no) k(payment, no)
                  where k.payment = a.payment and k.no = a.no)))
          then
            v_code := 'hold_in_use';
          end if;
        end if;
        exit when v_code is not null;
        -- A hold ends whatever its accounts have become: frozen and closed refuse new spends only.
        a_moved[d] := true; a_moved[c] := true;
        a_dp[d] := a_dp[d] - h_amount[p];
        a_cp[c] := a_cp[c] - h_amount[p];
        if v_kind = 'confirm' then
          a_dd[d] := a_dd[d] + v_amount;
          a_cc[c] := a_cc[c] + v_amount;
        end if;
        h_open[p] := false;
        h_ended[p] := v_kind;
        if h_row[p] then v_gone := v_gone + 1; end if;
      end if;
      l_moved[i] := v_amount;
      x_kind[x] := v_kind;
      x_leg[x] := i;
    end loop;
    if v_code is null and v_last_up_to is not null and v_missing <> 0 then
      v_at := v_last_up_to;
      v_code := 'exceeds_credits';
    end if;

    -- Freezing and closing, under the same locks. Nothing is changed before all are allowed.
    if u is not null and v_code is null and u -> 'flags' is not null then
      for i in 0 .. jsonb_array_length(u -> 'flags') - 1 loop
        g := u -> 'flags' -> i;
        d := (g ->> 'a')::integer;
        v_code := case
          when a_ledger[d] is null then 'debit_account_not_found'
          when g ->> 'set' = 'close' and exists (
            select from unnest(a_main, a_dp, a_cp) k(main, dp, cp) where k.main = a_main[d] and (k.dp > 0 or k.cp > 0))
            then 'account_has_holds'
        end;
        v_at := v_last + 1 + i;
        exit when v_code is not null;
      end loop;
      if v_code is null then
        for i in 0 .. jsonb_array_length(u -> 'flags') - 1 loop
          g := u -> 'flags' -> i;
          d := (g ->> 'a')::integer;
          foreach j in array array_positions(a_main, a_main[d]) loop
            a_moved[j] := true;
            case g ->> 'set'
              when 'freeze' then a_frozen[j] := true;
              when 'unfreeze' then a_frozen[j] := false;
              when 'close' then a_closed[j] := true;
              when 'reopen' then a_closed[j] := false;
            end case;
          end loop;
        end loop;
      end if;
    end if;

    if v_code is null then
      v_result := case when v_amounts is null then '{"code":"ok"}' else '{"code":"ok","amounts":' || v_amounts::text || '}' end;
    else
      -- All or nothing: take back what the legs before it moved, the last one first.
      for i in reverse v_last .. v_first loop
        continue when l_moved[i] is null;
        x := p_leg_transfer[i]; p := p_leg_pending[i]; v_amount := l_moved[i];
        d := coalesce(l_debit[i], p_leg_debit[i]);
        c := coalesce(l_credit[i], p_leg_credit[i]);
        if p is null then
          if p_leg_kind[i] = 'post' then
            a_dd[d] := a_dd[d] - v_amount;
            a_cc[c] := a_cc[c] - v_amount;
          else
            a_dp[d] := a_dp[d] - v_amount;
            a_cp[c] := a_cp[c] - v_amount;
            h_open[x] := false;
          end if;
        else
          a_dp[d] := a_dp[d] + h_amount[p];
          a_cp[c] := a_cp[c] + h_amount[p];
          if p_leg_kind[i] = 'confirm' then
            a_dd[d] := a_dd[d] - v_amount;
            a_cc[c] := a_cc[c] - v_amount;
          end if;
          h_open[p] := true;
          h_ended[p] := null;
          if h_row[p] then v_gone := v_gone - 1; end if;
        end if;
        l_moved[i] := null;
        x_kind[x] := null;
        x_leg[x] := null;
      end loop;
      i := v_at - v_first;
      v_result := '{"code":"refused","transfer":"' || v_code || '","leg":' || i || '}';
      -- A new spend that was refused stays refused: the same id cannot slip through later. One that is there is not new:
      -- its group may be refused at it all the same.
      if v_at <= v_last and p_leg_pending[v_at] is null and x_kind[p_leg_transfer[v_at]] is null
        and (v_code like 'exceeds\_%' or v_code like 'account\_%' or v_code like '%\_not\_found')
      then
        x := p_leg_transfer[v_at];
        x_failed[x] := true;
        v_failed_ids := v_failed_ids || p_transfers[x];
        v_failed_ledgers := v_failed_ledgers || p_leg_ledger[v_at];
        v_failed_codes := v_failed_codes || v_code;
      end if;
    end if;

    -- The branch.
    b := null;
    if u is not null then
      b := u -> case when v_code is null then 'ok' else 'refused' end;
      if v_code is null and u -> 'jti' is not null then
        v_jtis := v_jtis || (u -> 'jti');
        t_used[(u -> 'jti' ->> 't')::integer] := true;
      end if;
    end if;
    if b is not null then
      g := b -> 'new_payment';
      if g is not null then
        i := (u ->> 'new_m')::integer;
        m_row[i] := jsonb_populate_record(null::payments, g);
        m_moved[i] := true;
        m_version[i] := (g ->> 'version')::integer;
        m_expires_at[i] := (g ->> 'expires_at')::timestamptz;
        m_start_by[i] := (g ->> 'start_by')::timestamptz;
        if u -> 'order_t' is not null then t_used[(u ->> 'order_t')::integer] := true; end if;
      end if;
      g := b -> 'payment';
      if g is not null then
        i := (u -> 'guard' -> 'payment' ->> 'm')::integer;
        m_row[i] := jsonb_populate_record(m_row[i], g);
        m_moved[i] := true;
        if g -> 'version' is not null then m_version[i] := (g ->> 'version')::integer; end if;
        if g -> 'expires_at' is not null then m_expires_at[i] := (g ->> 'expires_at')::timestamptz; end if;
        if g -> 'start_by' is not null then m_start_by[i] := (g ->> 'start_by')::timestamptz; end if;
      end if;
      g := b -> 'new_attempt';
      if g is not null then
        i := (u ->> 'new_s')::integer;
        s_row[i] := jsonb_populate_record(null::attempts, g);
        s_moved[i] := true;
        s_state[i] := g ->> 'state';
        s_token[i] := (g ->> 'dispatch_token')::uuid;
      end if;
      g := b -> 'attempt';
      if g is not null then
        i := (u -> 'guard' -> 'attempt' ->> 's')::integer;
        s_row[i] := jsonb_populate_record(s_row[i], g);
        s_moved[i] := true;
        if g -> 'state' is not null then s_state[i] := g ->> 'state'; end if;
        if g -> 'dispatch_token' is not null then s_token[i] := (g ->> 'dispatch_token')::uuid; end if;
      end if;
      -- A refund, a return and evidence change under the lock of their payment, by which they are guarded.
      if b -> 'refund' is not null then v_refunds := v_refunds || (b -> 'refund'); end if;
      if b -> 'return' is not null then v_returns := v_returns || (b -> 'return'); end if;
      if b -> 'evidence' is not null then v_evidence := v_evidence || (b -> 'evidence'); end if;
      if b -> 'source' is not null then
        v_sources := v_sources || (b -> 'source');
        t_used[(u ->> 'source_t')::integer] := true;
      end if;
      if b -> 'source_change' is not null then
        v_linked := v_linked || (b -> 'source_change' || jsonb_build_object('id', u -> 'guard' -> 'source' -> 'id'));
        t_used[(u ->> 'change_t')::integer] := true;
      end if;
      if b -> 'device_change' is not null then
        v_devices := v_devices || (b -> 'device_change' || jsonb_build_object('id', u -> 'guard' -> 'device' -> 'id'));
        t_used[(u ->> 'device_t')::integer] := true;
      end if;
      if b -> 'pin' is not null then
        v_pins := v_pins || (b -> 'pin' || jsonb_build_object('user_id', u -> 'guard' -> 'pin' -> 'user'));
        t_used[(u ->> 'pin_t')::integer] := true;
      end if;
      if b -> 'code' is not null then
        v_codes := v_codes || (b -> 'code' || jsonb_build_object('device', u -> 'guard' -> 'code' -> 'device'));
        t_used[(u ->> 'code_t')::integer] := true;
        t_used[(u ->> 'number_t')::integer] := true;
      end if;
      if b -> 'reply' is not null and u -> 'key' is not null then
        i := (u -> 'key' ->> 'k')::integer;
        k_hash[i] := u -> 'key' ->> 'hash';
        -- A refused transfer may have a reply of its own.
        k_reply[i] := v_bodies[coalesce(b -> 'replies' ->> v_code, b ->> 'reply')::integer];
        k_lease[i] := null;
        k_write[i] := true;
      end if;
      g := b -> 'events';
      if g is not null then
        for i in (g ->> 0)::integer .. (g ->> 1)::integer loop
          j := p_event_feed[i];
          f_events[j] := f_events[j] + 1;
          e_place[i] := f_events[j];
          d := p_event_account[i];
          if d is not null then
            if a_ledger[d] is null then raise exception 'an event tells the balance of an account that does not exist'; end if;
            -- A balance is known only here, under the account's lock.
            e_balance[i] := json_build_object('currency', p_event_currency[i],
              'available', (a_cc[d] - a_dd[d] - a_dp[d])::text, 'pending', a_cp[d]::text);
          end if;
        end loop;
      end if;
    end if;

    n_hash[n] := v_hash;
    n_result[n] := v_result;
    n_write[n] := true;
    v_results := v_results || v_result;
  end loop;

  -- Write. Accounts first, feed heads next: nothing below them can wait for a lock that we do not hold already.
  if true = any (a_moved) then
    update accounts a
    set debits_pending = a_dp[k.n], debits_posted = a_dd[k.n], credits_pending = a_cp[k.n], credits_posted = a_cc[k.n],
      frozen = a_frozen[k.n], closed = a_closed[k.n]
    from unnest(a_tid) with ordinality k(tid, n)
    where a_moved[k.n] and a.ctid = k.tid and a.id = v_accounts[k.n];
    get diagnostics v_count = row_count;
    if v_count <> cardinality(array_positions(a_moved, true)) then raise exception 'a locked account is not where it was'; end if;
  end if;

  if p_feeds is not null then
    -- A feed of a merchant or a store is written once it is followed (0018). It is looked for by a transaction that has
    -- its id: whoever began to follow it without this one seeing so waits until this one has ended.
    perform pg_current_xact_id();
    v_feeds := array(
      select k.n from unnest(p_feeds) with ordinality k(feed, n)
      where f_events[k.n] > 0
        and (k.feed !~ '^(mer|sto)_' or exists (select from followed_feeds w where w.feed = k.feed))
      order by k.feed);
  end if;
  if cardinality(v_feeds) > 0 then
    f_seq := array_fill(null::bigint, array[cardinality(p_feeds)]);
    i := 0;
    -- One row for each, in the order they were given: by feed, as everybody locks them.
    for r in
      insert into feed_heads as h (feed, seq)
      select p_feeds[k.n], f_events[k.n] from unnest(v_feeds) with ordinality k(n, ordinal) order by k.ordinal
      on conflict (feed) do update set seq = h.seq + excluded.seq
      returning h.feed, h.seq
    loop
      i := i + 1;
      j := v_feeds[i];
      if r.feed <> p_feeds[j] then raise exception 'feeds are answered in another order than they were asked in'; end if;
      f_seq[j] := r.seq - f_events[j];
    end loop;
  end if;

  if v_gone > 0 then
    delete from holds h
    using unnest(v_holds) k(n)
    where h_row[k.n] and not h_open[k.n] and h.ctid = h_tid[k.n] and h.id = p_transfers[k.n];
    get diagnostics v_count = row_count;
    if v_count <> v_gone then raise exception 'a hold that was to end is not there'; end if;
  end if;

  if p_leg_kind is not null then
    insert into transfers (ledger, id, kind, debit_account, credit_account, amount, pending_id, subject, unit, at)
    select coalesce(h_ledger[p_leg_pending[k.n]], p_leg_ledger[k.n]), p_transfers[p_leg_transfer[k.n]], p_leg_kind[k.n],
      v_accounts[coalesce(l_debit[k.n], p_leg_debit[k.n])], v_accounts[coalesce(l_credit[k.n], p_leg_credit[k.n])], k.moved,
      p_transfers[p_leg_pending[k.n]], p_leg_subject[k.n], p_unit_ids[p_leg_unit[k.n]], v_now
    from unnest(l_moved) with ordinality k(moved, n)
    where k.moved is not null
    order by k.n;
  end if;

  if 'reserve' = any (p_leg_kind) then
    insert into holds (ledger, id, debit_account, credit_account, amount, subject, expires_at)
    select p_leg_ledger[k.n], p_transfers[p_leg_transfer[k.n]], v_accounts[p_leg_debit[k.n]], v_accounts[p_leg_credit[k.n]],
      k.moved, p_leg_subject[k.n], p_leg_expires_at[k.n]
    from unnest(l_moved) with ordinality k(moved, n)
    where p_leg_kind[k.n] = 'reserve' and k.moved is not null and h_open[p_leg_transfer[k.n]];
  end if;

  if cardinality(v_failed_ids) > 0 then
    insert into refused_transfers (ledger, id, code)
    select k.ledger, k.id, k.code from unnest(v_failed_ledgers, v_failed_ids, v_failed_codes) k(ledger, id, code)
    order by k.id
    on conflict do nothing;
  end if;

  -- What is set is what src/ledger/columns.ts lets a unit say.
  if true = any (m_moved) then
    update payments m
    set status = k.status, status_reason = k.status_reason, version = k.version, fee = k.fee,
      captured_amount = k.captured_amount, refund_reserved = k.refund_reserved, refunded_amount = k.refunded_amount,
      capture_requested = k.capture_requested, cancel_requested_at = k.cancel_requested_at,
      next_action = k.next_action, recovery = k.recovery, dispute = k.dispute,
      payer = k.payer, payer_fee = k.payer_fee, source_type = k.source_type, source_id = k.source_id,
      source_label = k.source_label, failure_code = k.failure_code, failure_message = k.failure_message,
      updated_at = k.updated_at, expires_at = k.expires_at, accepted_at = k.accepted_at, start_by = k.start_by,
      started_at = k.started_at
    from unnest(m_row) with ordinality k
    where m_stood[k.ordinality] and m_moved[k.ordinality] and m.id = k.id;

    insert into payments
    select new.* from unnest(array(
      select m_row[k.n] from generate_subscripts(m_row, 1) k(n) where m_moved[k.n] and not m_stood[k.n]
      order by p_payments[k.n])) new;
  end if;

  if true = any (s_moved) then
    update attempts a
    set step = k.step, state = k.state, asks = k.asks, input = k.input, memo = k.memo, dispatch_token = k.dispatch_token, dispatched_at = k.dispatched_at, sends = k.sends,
      inquiries = k.inquiries, next_look_at = k.next_look_at, failure_code = k.failure_code,
      failure_message = k.failure_message, evidence = k.evidence, rail_reference = k.rail_reference,
      updated_at = k.updated_at
    from unnest(s_row) with ordinality k
    where s_stood[k.ordinality] and s_moved[k.ordinality] and a.payment = k.payment and a.no = k.no;

    insert into attempts
    select new.* from unnest(array(
      select s_row[k.n] from generate_subscripts(s_row, 1) k(n) where s_moved[k.n] and not s_stood[k.n]
      order by p_attempt_payment[k.n], p_attempt_no[k.n])) new;
  end if;

  if cardinality(v_sources) > 0 then
    insert into sources
    select w.* from unnest(v_sources) k(body) cross join lateral jsonb_populate_record(null::sources, k.body) w;
  end if;

  if cardinality(v_linked) > 0 then
    update sources s set status = w.status, mandate_id = w.mandate_id, mandate_signed_on = w.mandate_signed_on,
      inquiries = w.inquiries, next_look_at = w.next_look_at
    from unnest(v_linked) k(body) cross join lateral jsonb_populate_record(null::sources, k.body) w
    where s.id = w.id;
  end if;

  -- Nobody who holds one of these rows waits for anything of ours (src/identity, revoke_device).
  if cardinality(v_devices) > 0 then
    update devices d set status = w.status, restricted_until = w.restricted_until
    from unnest(v_devices) k(body) cross join lateral jsonb_populate_record(null::devices, k.body) w
    where d.id = w.id;
  end if;
  if cardinality(v_pins) > 0 then
    insert into pins (user_id, secret, version, set_at)
    select w.user_id, w.secret, w.version, v_now
    from unnest(v_pins) k(body) cross join lateral jsonb_populate_record(null::pins, k.body) w
    on conflict (user_id) do update set secret = excluded.secret, version = excluded.version, set_at = excluded.set_at,
      failures = 0, locked_until = null;
  end if;

  if cardinality(v_refunds) > 0 then
    -- Each says the whole row: of several changes the last is what it is now.
    insert into refunds
    select w.* from (
      select distinct on (k.body ->> 'id') k.body from unnest(v_refunds) with ordinality k(body, n)
      order by k.body ->> 'id', k.n desc) last
    cross join lateral jsonb_populate_record(null::refunds, last.body) w
    on conflict (id, ledger) do update set status = excluded.status, status_reason = excluded.status_reason,
      version = excluded.version, failure_code = excluded.failure_code, failure_message = excluded.failure_message,
      updated_at = excluded.updated_at;
  end if;
  if cardinality(v_returns) > 0 then
    insert into returns
    select w.* from unnest(v_returns) k(body) cross join lateral jsonb_populate_record(null::returns, k.body) w;
  end if;

  if cardinality(v_evidence) > 0 then
    update evidence e set state = w.state, result = w.result, moved = w.moved, ended_at = v_now
    from unnest(v_evidence) k(body) cross join lateral jsonb_populate_record(null::evidence, k.body) w
    where e.id = w.id;
  end if;

  if cardinality(v_codes) > 0 then
    insert into codes (device, user_id, number, sealed, version, registered_at, untouched_count, untouched_minor, untouched_at)
    select w.device, w.user_id, w.number, w.sealed, w.version, w.registered_at, w.untouched_count, w.untouched_minor,
      w.untouched_at
    from unnest(v_codes) k(body) cross join lateral jsonb_populate_record(null::codes, k.body) w
    on conflict (device) do update set user_id = excluded.user_id, number = excluded.number, sealed = excluded.sealed,
      version = excluded.version, registered_at = excluded.registered_at, untouched_count = excluded.untouched_count,
      untouched_minor = excluded.untouched_minor, untouched_at = excluded.untouched_at;
  end if;

  if cardinality(v_feeds) > 0 then
    insert into outbox (id, feed, seq, name, body, at)
    select p_event_id[k.n], p_feeds[p_event_feed[k.n]], f_seq[p_event_feed[k.n]] + k.place, p_event_name[k.n],
      coalesce(e_balance[k.n], v_bodies[p_event_body[k.n]]::json), v_now
    from unnest(e_place) with ordinality k(place, n)
    where k.place is not null and f_seq[p_event_feed[k.n]] is not null;
  end if;

  if true = any (k_write) then
    -- Kept from now on: its lease may be an old one that was taken over.
    update idempotency i set reply = k_reply[k.n]::json, lease_until = null, created_at = v_now
    from unnest(p_key) with ordinality k(key, n)
    where k_write[k.n] and k_stood[k.n] and i.scope = p_key_scope[k.n] and i.key = k.key;
    insert into idempotency (scope, key, content_hash, reply)
    select p_key_scope[k.n], k.key, k_hash[k.n], k_reply[k.n]::json
    from unnest(p_key) with ordinality k(key, n)
    where k_write[k.n] and not k_stood[k.n]
    order by p_key_scope[k.n], k.key;
  end if;
  if cardinality(v_jtis) > 0 then
    insert into used_jtis (device, jti, expires_at)
    select k.body ->> 'device', k.body ->> 'jti', (k.body ->> 'expires_at')::timestamptz from unnest(v_jtis) k(body);
  end if;

  insert into units (id, content_hash, result, at)
  select k.id, n_hash[k.n], n_result[k.n]::json, v_now
  from unnest(p_unit_ids) with ordinality k(id, n)
  where n_write[k.n]
  order by k.id;
  if cardinality(v_results) <> cardinality(p_units) then raise exception 'each unit is answered once'; end if;

  -- The hub's clock follows the database's (expiries are decided here).
  return ('{"now":' || (extract(epoch from clock_timestamp()) * 1000)::text || ',"results":['
    || array_to_string(v_results, ',') || ']}')::json;
end
$$;

alter function apply_units security definer set search_path = public, pg_temp;
revoke execute on function apply_units from public;
grant execute on function apply_units to mooring_hub;
