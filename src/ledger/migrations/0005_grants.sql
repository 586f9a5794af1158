-- One role a process: the hub spends only through apply_units and cannot touch a
-- transfer otherwise; the relay sees the outbox alone.
-- Functions that run as the owner look for tables where the owner put them: a caller's
-- temporary table of the same name must not stand in for `accounts`.
alter function apply_units(jsonb) security definer set search_path = public, pg_temp;
alter function open_accounts(jsonb) security definer set search_path = public, pg_temp;
revoke execute on all functions in schema public from public;
grant usage on schema public to mooring_hub, mooring_relay;
grant execute on function apply_units(jsonb), open_accounts(jsonb) to mooring_hub;
grant select on ledgers, accounts, transfers, holds, units, payments, attempts, rail_callbacks, incidents, sources,
  idempotency, used_jtis, feed_heads, outbox, feed_stream to mooring_hub;
grant insert, update on rail_callbacks, idempotency to mooring_hub;
grant insert on incidents to mooring_hub;
grant select on outbox, feed_stream to mooring_relay;
grant update (published_at, pos) on outbox to mooring_relay;
grant insert, update on feed_stream to mooring_relay;
