-- Forgets what nobody can need any more, some rows at a time; answers how many went. The hub has no other way to delete
-- from these tables, and how old is old stands here, by this database's clock, which hubs go by as well.
--
--   R1 A stored answer is there for 7 days, ever the same. What a client may build on is 24 hours (protocol.md).
--   R2 A key whose command still runs is never taken away, nor one whose lease ended less than 7 days ago.
--   R3 A used jti is there until a day after its row's own end, which lies past the end of its signature: by the time it
--      goes, the signature has long been refused for its age.
--   R4 So no late sending moves money by itself. A phone's is refused for its signature. Signed anew it is a new order of
--      its user, but for a payment that it would confirm, which is on its way or has ended: clients that keep orders do
--      not send them anew once the 24 hours are over. A merchant's, which nobody signs, finds a payment in the state it
--      is in by then; a refund anew takes no more than is left to refund.
--   R5 Nobody waits. Rows that another call holds are passed over, and who asks for a row that is being deleted reads it
--      still; a key is only inserted by who has read that there is none.

create or replace function forget_answers(p_rows integer) returns integer
language plpgsql volatile
as $$
declare
  -- A variable, for the index: the clock itself would be asked anew for every row.
  v_before timestamptz := clock_timestamp() - interval '7 days';
  v_count integer;
begin
  with old as materialized (
    select scope, key, reply is null as leased
    from idempotency
    where created_at < v_before and (reply is not null or lease_until < v_before)
    order by created_at limit p_rows
    for update skip locked
  )
  delete from idempotency i using old
  where i.scope = old.scope and i.key = old.key
    -- A key without an answer may get one at this moment, from a unit that has read its row: apply_units holds this lock.
    and (not old.leased or pg_try_advisory_xact_lock(hashtextextended(old.scope || ' ' || old.key, 0)));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

create or replace function forget_jtis(p_rows integer) returns integer
language plpgsql volatile
as $$
declare
  v_before timestamptz := clock_timestamp() - interval '1 day';
  v_count integer;
begin
  with old as materialized (
    select device, jti from used_jtis where expires_at < v_before
    order by expires_at limit p_rows
    for update skip locked
  )
  delete from used_jtis u using old where u.device = old.device and u.jti = old.jti;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

alter function forget_answers security definer set search_path = public, pg_temp;
alter function forget_jtis security definer set search_path = public, pg_temp;
revoke execute on function forget_answers, forget_jtis from public;
grant execute on function forget_answers, forget_jtis to mooring_hub;
