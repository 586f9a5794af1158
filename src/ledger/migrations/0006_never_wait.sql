-- What is unique beyond the key (a jti, an open order reference, a linked account) is tried
-- like the key and never waited for: two batches that insert the same of them in different
-- order would deadlock, and a jti spent over two connections at once would break a batch.
-- Whoever comes second at the same moment asks again and then finds what the first wrote.
-- A commit becomes visible before it lets its locks go, so a try that fails may find it already.

create or replace function apply_unit(u jsonb) returns jsonb
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
      if (g ->> 'complete') is null then return '{"code":"in_flight"}'; end if;
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
  if v_busy then return '{"code":"in_flight"}'; end if;

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
    -- The CHECKs are never met by the rules above; if one is, it is still a refusal and not a broken batch.
    when check_violation then v_code := 'exceeds_credits';
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

-- Functions that run as the owner look for tables where the owner put them: a caller's
-- temporary table of the same name must not stand in for `accounts`.
alter function apply_units(jsonb) set search_path = public, pg_temp;
alter function open_accounts(jsonb) set search_path = public, pg_temp;
