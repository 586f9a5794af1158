-- Trust in phones: PINs, devices that are approved and revoked, and limits that a new device lowers.

create table pins (
  user_id text collate "C" primary key references users (id),
  -- scrypt, its costs, salt and key, over the PIN's keyed hash: without the hub's pepper no guess can be tried.
  secret text not null,
  -- Raised with each new PIN: who replaces it says which one they knew.
  version integer not null check (version > 0),
  -- Guesses since the last right one, each counted before it is judged.
  failures integer not null default 0 check (failures >= 0),
  -- No guess is judged before.
  locked_until timestamptz,
  set_at timestamptz not null default clock_timestamp()
);

-- Low limits hold at least until then: after a new device, and after a new SIM card. Null: the full ones.
alter table users add column low_limits_until timestamptz;
create index users_low_limits on users (low_limits_until) where low_limits_until is not null;

create index devices_user on devices (user_id, created_at);

-- One event of a feed outside a unit of the ledger: last in a transaction, like feed heads in apply_units.
create function tell_feed(p_feed text, p_id text, p_name text, p_body text) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  v_seq bigint;
begin
  insert into feed_heads as h (feed, seq) values (p_feed, 1)
  on conflict (feed) do update set seq = h.seq + 1
  returning h.seq into v_seq;
  insert into outbox (id, feed, seq, name, body, at) values (p_id, p_feed, v_seq, p_name, p_body::json, clock_timestamp());
  return v_seq;
end
$$;

-- An operator shuts a device out: row, event and log as one. Answers `revoked`, `revoked_before` or `unknown`.
create function revoke_device(p_device text, p_event text, p_operator text, p_reason text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  v_device devices%rowtype;
begin
  -- As apply_units takes a device's name (src/ledger/batch.ts): whoever approves it meanwhile decides anew.
  perform pg_advisory_xact_lock(hashtextextended('device ' || p_device, 0));
  select * into v_device from devices where id = p_device for no key update;
  if v_device.id is null then return 'unknown'; end if;
  if v_device.status = 'revoked' then return 'revoked_before'; end if;
  update devices set status = 'revoked', restricted_until = null where id = p_device;
  perform append_ops_audit('device_revoked', p_operator, p_device,
    json_build_object('user', v_device.user_id, 'reason', p_reason)::text);
  perform tell_feed(v_device.user_id, p_event, 'device.revoked', json_build_object(
    'id', v_device.id, 'name', v_device.name,
    'created_at', to_char(v_device.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'last_seen_at', to_char(v_device.last_seen_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'status', 'revoked')::text);
  return 'revoked';
end
$$;

grant select on pins to mooring_hub;
-- A PIN itself is set by the ledger's function, with the signature and the answer.
grant update (failures, locked_until) on pins to mooring_hub;
grant select on users, devices to mooring_ops;
revoke execute on function tell_feed(text, text, text, text), revoke_device(text, text, text, text) from public;
grant execute on function tell_feed(text, text, text, text) to mooring_hub;
grant execute on function revoke_device(text, text, text, text) to mooring_ops;
