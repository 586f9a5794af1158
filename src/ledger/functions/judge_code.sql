-- Whether a code may be taken, and how often wrong ones may be tried: one at a time a merchant and a number, so that
-- guesses at once get no more tries than guesses in turn, over all hubs. The caller has compared the digits already:
-- a number that nobody has is answered, and counted, as a wrong code is.
--
--   right    the code is this device's
--   wrong    it is not, or its number is locked: whoever asks cannot tell which
--   blocked  this merchant has tried too many; in how long it may try again

create or replace function judge_code(
  p_merchant text, p_number text, p_right boolean,
  p_number_misses integer, p_number_window interval,
  p_merchant_misses integer, p_merchant_window interval,
  out verdict text, out retry_after_ms double precision
)
language plpgsql volatile
as $$
declare
  v_now timestamptz;
  v_misses integer;
  v_first timestamptz;
  v_locked boolean;
begin
  -- Always in this order. Each statement below sees what was committed while these waited.
  perform pg_advisory_xact_lock(hashtextextended('codes of ' || p_merchant, 0));
  perform pg_advisory_xact_lock(hashtextextended('codes of number ' || p_number, 0));
  v_now := clock_timestamp();

  select count(*), min(m.at) into v_misses, v_first
  from (
    select at from code_misses where merchant = p_merchant and at > v_now - p_merchant_window
    order by at desc limit p_merchant_misses) m;
  if v_misses >= p_merchant_misses then
    verdict := 'blocked';
    retry_after_ms := extract(epoch from v_first + p_merchant_window - v_now) * 1000;
    return;
  end if;

  select count(*) >= p_number_misses into v_locked
  from code_misses where number = p_number and at > v_now - p_number_window;
  if p_right and not v_locked then
    verdict := 'right';
    return;
  end if;

  insert into code_misses (merchant, number, at) values (p_merchant, case when v_locked then null else p_number end, v_now);
  delete from code_misses
  where merchant = p_merchant and at <= v_now - greatest(p_merchant_window, p_number_window);
  verdict := 'wrong';
end
$$;

alter function judge_code security definer set search_path = public, pg_temp;
revoke execute on function judge_code from public;
grant execute on function judge_code to mooring_hub;
