-- The unit of work. One call applies a batch of units, in order, in one
-- transaction: ledger transfers, payment and attempt transitions, events,
-- idempotency records and single-use jtis commit together or not at all.
--
-- A unit: { id, hash,
--   key?:      { scope, key, hash, complete? }      idempotency record to write with the reply
--   jti?:      { device, jti, expires_at }
--   guard?:    { payment?: { id, version, unexpired?, before_start_by? }, attempt?: { payment, no, states, token? } }
--   transfers: [{ id, ledger, kind, debit, credit, amount, pending, subject }]
--   ok, refused?: { payment?, new_payment?, attempt?, new_attempt?, source?, events?, reply? } }
-- A result: { code, ... }: ok | refused (transfer = its code) | guard_failed | in_flight | busy | replayed (reply)
--   | key_reused | jti_used | conflict | unit_differs.
--
-- Lock order, the same for every call: accounts by (ledger, id), payments, attempts,
-- feed heads. READ COMMITTED: one statement locks, later ones read what the lock protects.
-- What is unique beyond these (a key, a jti, an open order reference, a linked account) is
-- only tried and never waited for: two batches that insert the same of them in different
-- order would deadlock. Whoever comes second at the same moment asks again and then finds
-- what the first wrote. A commit becomes visible before it lets its locks go, so a try that
-- fails may find it already.

create function apply_transfer(p_unit uuid, t jsonb) returns void
language plpgsql volatile
set plan_cache_mode = force_generic_plan
as $$
declare
  v_ledger integer := (t ->> 'ledger')::integer;
  v_id uuid := (t ->> 'id')::uuid;
  v_kind text := t ->> 'kind';
  v_debit uuid := (t ->> 'debit')::uuid;
  v_credit uuid := (t ->> 'credit')::uuid;
  v_amount bigint := (t ->> 'amount')::bigint;
  v_pending uuid := (t ->> 'pending')::uuid;
  v_hold holds;
  v_old transfers;
  v_end text;
begin
  select * into v_old from transfers where ledger = v_ledger and id = v_id;
  if found then
    if v_old.kind <> v_kind then raise exception using errcode = 'MR001', message = 'exists_with_different_kind'; end if;
    if v_old.pending_id is distinct from v_pending then
      raise exception using errcode = 'MR001', message = 'exists_with_different_pending';
    end if;
    if v_amount is not null and v_old.amount <> v_amount then
      raise exception using errcode = 'MR001', message = 'exists_with_different_amount';
    end if;
    if v_pending is null and v_old.debit_account <> v_debit then
      raise exception using errcode = 'MR001', message = 'exists_with_different_debit';
    end if;
    if v_pending is null and v_old.credit_account <> v_credit then
      raise exception using errcode = 'MR001', message = 'exists_with_different_credit';
    end if;
    return;
  end if;

  if v_kind in ('post', 'reserve') then
    if exists (select from refused_transfers where ledger = v_ledger and id = v_id) then
      raise exception using errcode = 'MR001', message = 'id_already_failed';
    end if;
    if v_amount is null or v_amount <= 0 then
      raise exception using errcode = 'MR001', message = 'amount_invalid';
    end if;
    if v_debit = v_credit then
      raise exception using errcode = 'MR001', message = 'accounts_must_differ';
    end if;
    update accounts
    set debits_pending = debits_pending + case when v_kind = 'reserve' then v_amount else 0 end,
        debits_posted = debits_posted + case when v_kind = 'post' then v_amount else 0 end
    where ledger = v_ledger and id = v_debit and not frozen and not closed
      and (not debits_must_not_exceed_credits or debits_posted + debits_pending + v_amount <= credits_posted);
    if not found then
      raise exception using errcode = 'MR001', message = (
        select case when count(*) = 0 then 'debit_account_not_found'
          when bool_or(frozen) then 'account_frozen' when bool_or(closed) then 'account_closed' else 'exceeds_credits' end
        from accounts where ledger = v_ledger and id = v_debit);
    end if;
    update accounts
    set credits_pending = credits_pending + case when v_kind = 'reserve' then v_amount else 0 end,
        credits_posted = credits_posted + case when v_kind = 'post' then v_amount else 0 end
    where ledger = v_ledger and id = v_credit and not frozen and not closed
      and (not credits_must_not_exceed_debits or credits_posted + credits_pending + v_amount <= debits_posted);
    if not found then
      raise exception using errcode = 'MR001', message = (
        select case when count(*) = 0 then 'credit_account_not_found'
          when bool_or(frozen) then 'account_frozen' when bool_or(closed) then 'account_closed' else 'exceeds_debits' end
        from accounts where ledger = v_ledger and id = v_credit);
    end if;
    if v_kind = 'reserve' then
      insert into holds (ledger, id, debit_account, credit_account, amount, subject)
      values (v_ledger, v_id, v_debit, v_credit, v_amount, t ->> 'subject');
    end if;
  else
    -- L4: the row of `holds` is the right to end the hold; who deletes it ends it.
    delete from holds where ledger = v_ledger and id = v_pending returning * into v_hold;
    if not found then
      select kind into v_end from transfers where ledger = v_ledger and pending_id = v_pending;
      raise exception using errcode = 'MR001', message = case v_end
        when 'confirm' then 'pending_already_posted' when 'void' then 'pending_already_voided'
        when 'expire' then 'pending_already_expired' else 'pending_not_found' end;
    end if;
    v_debit := v_hold.debit_account;
    v_credit := v_hold.credit_account;
    v_amount := coalesce(v_amount, v_hold.amount);
    if v_amount > v_hold.amount then
      raise exception using errcode = 'MR001', message = 'exceeds_pending_amount';
    end if;
    -- A hold ends whatever its accounts have become: frozen and closed refuse new spends only.
    update accounts
    set debits_pending = debits_pending - v_hold.amount,
        debits_posted = debits_posted + case when v_kind = 'confirm' then v_amount else 0 end
    where ledger = v_ledger and id = v_debit;
    update accounts
    set credits_pending = credits_pending - v_hold.amount,
        credits_posted = credits_posted + case when v_kind = 'confirm' then v_amount else 0 end
    where ledger = v_ledger and id = v_credit;
  end if;

  insert into transfers (ledger, id, kind, debit_account, credit_account, amount, pending_id, subject, unit)
  values (v_ledger, v_id, v_kind, v_debit, v_credit, v_amount, v_pending, t ->> 'subject', p_unit);
end
$$;

create function apply_branch(u jsonb, b jsonb) returns void
language plpgsql volatile
set plan_cache_mode = force_generic_plan
as $$
declare
  e jsonb;
  v_seq bigint;
  v_body json;
begin
  if b -> 'new_payment' is not null then
    insert into payments select * from jsonb_populate_record(null::payments, b -> 'new_payment')
    on conflict do nothing;
    if not found then raise exception using errcode = 'MR002', message = 'conflict'; end if;
  end if;

  if b -> 'payment' is not null then
    update payments p
    set (status, status_reason, version, captured_amount, payer, payer_fee, source_type, source_id, source_label,
         failure_code, failure_message, updated_at, accepted_at, start_by, started_at)
      = (select r.status, r.status_reason, r.version, r.captured_amount, r.payer, r.payer_fee, r.source_type, r.source_id,
                r.source_label, r.failure_code, r.failure_message, r.updated_at, r.accepted_at, r.start_by, r.started_at
         from jsonb_populate_record(p, b -> 'payment') r)
    where p.id = u -> 'guard' -> 'payment' ->> 'id';
  end if;

  if b -> 'new_attempt' is not null then
    insert into attempts select * from jsonb_populate_record(null::attempts, b -> 'new_attempt');
  end if;

  if b -> 'attempt' is not null then
    update attempts a
    set (state, dispatch_token, dispatched_at, sends, inquiries, next_look_at, failure_code, failure_message,
         evidence, rail_reference, updated_at)
      = (select r.state, r.dispatch_token, r.dispatched_at, r.sends, r.inquiries, r.next_look_at, r.failure_code,
                r.failure_message, r.evidence, r.rail_reference, r.updated_at
         from jsonb_populate_record(a, b -> 'attempt') r)
    where a.payment = u -> 'guard' -> 'attempt' ->> 'payment' and a.no = (u -> 'guard' -> 'attempt' ->> 'no')::smallint;
  end if;

  if b -> 'source' is not null then
    insert into sources select * from jsonb_populate_record(null::sources, b -> 'source')
    on conflict do nothing;
    if not found then raise exception using errcode = 'MR002', message = 'conflict'; end if;
  end if;

  for e in select value from jsonb_array_elements(b -> 'events') loop
    v_body := e -> 'body';
    if e -> 'balance' is not null then
      -- A balance is known only here, under the account's lock.
      select json_build_object(
          'currency', e -> 'balance' ->> 'currency',
          'available', (credits_posted - debits_posted - debits_pending)::text,
          'pending', credits_pending::text)
        into strict v_body
      from accounts
      where ledger = (e -> 'balance' ->> 'ledger')::integer and id = (e -> 'balance' ->> 'account')::uuid;
    end if;
    update feed_heads set seq = seq + 1 where feed = e ->> 'feed' returning seq into strict v_seq;
    insert into outbox (id, feed, seq, name, body, at)
    values (e ->> 'id', e ->> 'feed', v_seq, e ->> 'name', v_body, clock_timestamp());
  end loop;

  if u -> 'key' is not null and b -> 'reply' is not null then
    insert into idempotency (scope, key, content_hash, reply)
    values (u -> 'key' ->> 'scope', u -> 'key' ->> 'key', u -> 'key' ->> 'hash', (b -> 'reply')::json)
    on conflict (scope, key) do update set reply = excluded.reply, lease_until = null
      where idempotency.reply is null;
  end if;
end
$$;

create function apply_unit(u jsonb) returns jsonb
language plpgsql volatile
set plan_cache_mode = force_generic_plan
as $$
declare
  v_id uuid := (u ->> 'id')::uuid;
  v_unit units;
  v_idem idempotency;
  v_payment payments;
  v_attempt attempts;
  g jsonb;
  t jsonb;
  v_result jsonb;
  v_code text;
  v_taken text;
  v_busy boolean := false;
  v_constraint text;
begin
  select * into v_unit from units where id = v_id;
  if found then
    if v_unit.content_hash <> u ->> 'hash' then return '{"code":"unit_differs"}'; end if;
    return v_unit.result::jsonb;
  end if;

  g := u -> 'key';
  if g is not null then
    if not pg_try_advisory_xact_lock(hashtextextended((g ->> 'scope') || ' ' || (g ->> 'key'), 0)) then
      return '{"code":"in_flight"}';
    end if;
    select * into v_idem from idempotency where scope = g ->> 'scope' and key = g ->> 'key';
    if found then
      if v_idem.content_hash <> g ->> 'hash' then return '{"code":"key_reused"}'; end if;
      if v_idem.reply is not null then
        return jsonb_build_object('code', 'replayed', 'reply', v_idem.reply);
      end if;
      -- A lease that is past belongs to nobody; one that runs, to who says `complete`.
      if (g ->> 'complete') is null and v_idem.lease_until > clock_timestamp() then return '{"code":"in_flight"}'; end if;
    end if;
  end if;

  foreach v_taken in array array[
    'jti ' || (u -> 'jti' ->> 'device') || ' ' || (u -> 'jti' ->> 'jti'),
    'order ' || (u -> 'ok' -> 'new_payment' ->> 'merchant') || ' ' || (u -> 'ok' -> 'new_payment' ->> 'order_ref'),
    'source ' || (u -> 'ok' -> 'source' ->> 'user_id') || ' ' || (u -> 'ok' -> 'source' ->> 'bank')
      || ' ' || (u -> 'ok' -> 'source' ->> 'iban')
  ] loop
    if v_taken is not null and not pg_try_advisory_xact_lock(hashtextextended(v_taken, 0)) then
      v_busy := true;
    end if;
  end loop;

  g := u -> 'jti';
  if g is not null and exists (select from used_jtis where device = g ->> 'device' and jti = g ->> 'jti') then
    return '{"code":"jti_used"}';
  end if;
  if v_busy then return '{"code":"busy"}'; end if;

  g := u -> 'guard' -> 'payment';
  if g is not null then
    select * into v_payment from payments where id = g ->> 'id';
    if not found or v_payment.version <> (g ->> 'version')::integer
      or ((g ->> 'unexpired') is not null and v_payment.expires_at <= clock_timestamp())
      or ((g ->> 'before_start_by') is not null and v_payment.start_by <= clock_timestamp())
    then
      return '{"code":"guard_failed"}';
    end if;
  end if;

  g := u -> 'guard' -> 'attempt';
  if g is not null then
    select * into v_attempt from attempts where payment = g ->> 'payment' and no = (g ->> 'no')::smallint;
    if not found or not (g -> 'states' ? v_attempt.state)
      or ((g ->> 'token') is not null and v_attempt.dispatch_token is distinct from (g ->> 'token')::uuid)
    then
      return '{"code":"guard_failed"}';
    end if;
  end if;

  begin
    for t in select value from jsonb_array_elements(u -> 'transfers') loop
      perform apply_transfer(v_id, t);
    end loop;
    perform apply_branch(u, u -> 'ok');
    if u -> 'jti' is not null then
      insert into used_jtis (device, jti, expires_at)
      values (u -> 'jti' ->> 'device', u -> 'jti' ->> 'jti', (u -> 'jti' ->> 'expires_at')::timestamptz);
    end if;
    v_result := '{"code":"ok"}';
  exception
    when sqlstate 'MR001' then v_code := sqlerrm;
    when sqlstate 'MR002' then return '{"code":"conflict"}';
    -- The overdraft CHECKs are never met by the rules above; if one is, it is still a refusal and not a broken batch.
    when check_violation then
      get stacked diagnostics v_constraint = constraint_name;
      if v_constraint not in ('accounts_debits_fit', 'accounts_credits_fit') then raise; end if;
      v_code := case v_constraint when 'accounts_debits_fit' then 'exceeds_credits' else 'exceeds_debits' end;
  end;

  if v_code is not null then
    insert into refused_transfers (ledger, id, code)
    select (x ->> 'ledger')::integer, (x ->> 'id')::uuid, v_code
    from jsonb_array_elements(u -> 'transfers') x
    where x ->> 'kind' in ('post', 'reserve')
      and (v_code like 'exceeds\_%' or v_code like 'account\_%' or v_code like '%\_not\_found')
    on conflict do nothing;
    if u -> 'refused' is not null then perform apply_branch(u, u -> 'refused'); end if;
    v_result := jsonb_build_object('code', 'refused', 'transfer', v_code);
  end if;

  insert into units (id, content_hash, result) values (v_id, u ->> 'hash', v_result::json);
  return v_result;
end
$$;

create function apply_units(p_units jsonb) returns jsonb
language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  u jsonb;
  v_results jsonb := '[]';
begin
  -- A hold's accounts never change: read them unlocked, lock them, then the hold itself decides.
  perform 1
  from accounts a
  join (
    select distinct k.ledger, k.id
    from jsonb_array_elements(p_units) un
    cross join lateral jsonb_array_elements(un -> 'transfers') t
    left join holds h on h.ledger = (t ->> 'ledger')::integer and h.id = (t ->> 'pending')::uuid
    cross join lateral (values
      ((t ->> 'ledger')::integer, coalesce(h.debit_account, (t ->> 'debit')::uuid)),
      ((t ->> 'ledger')::integer, coalesce(h.credit_account, (t ->> 'credit')::uuid))) as k(ledger, id)
    where k.id is not null
  ) k on a.ledger = k.ledger and a.id = k.id
  order by a.ledger, a.id
  for no key update of a;

  perform 1
  from payments p
  join (
    select distinct un -> 'guard' -> 'payment' ->> 'id' as id from jsonb_array_elements(p_units) un
  ) k on p.id = k.id
  order by p.id
  for no key update of p;

  perform 1
  from attempts a
  join (
    select distinct un -> 'guard' -> 'attempt' ->> 'payment' as payment, (un -> 'guard' -> 'attempt' ->> 'no')::smallint as no
    from jsonb_array_elements(p_units) un
  ) k on a.payment = k.payment and a.no = k.no
  order by a.payment, a.no
  for no key update of a;

  insert into feed_heads (feed, seq)
  select distinct e ->> 'feed', 0
  from jsonb_array_elements(p_units) un
  cross join lateral (values (un -> 'ok'), (un -> 'refused')) as br(b)
  cross join lateral jsonb_array_elements(br.b -> 'events') e
  where not exists (select from feed_heads h where h.feed = e ->> 'feed')
  order by 1
  on conflict do nothing;

  perform 1
  from feed_heads h
  join (
    select distinct e ->> 'feed' as feed
    from jsonb_array_elements(p_units) un
    cross join lateral (values (un -> 'ok'), (un -> 'refused')) as br(b)
    cross join lateral jsonb_array_elements(br.b -> 'events') e
  ) k on h.feed = k.feed
  order by h.feed
  for no key update of h;

  for u in select value from jsonb_array_elements(p_units) loop
    v_results := v_results || jsonb_build_array(apply_unit(u));
  end loop;

  -- The hub's clock follows the database's (expiries are decided here).
  return jsonb_build_object('now', extract(epoch from clock_timestamp()) * 1000, 'results', v_results);
end
$$;
