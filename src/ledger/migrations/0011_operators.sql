-- Operators, their logins, what they decided about payments, and the log of all of it.

-- A person who may decide. Added by the owner alone: the ops service cannot make itself a second operator.
create table operators (
  id text collate "C" primary key check (id ~ '^opr_[0-9A-Za-z]{22}$'),
  name text not null unique check (name ~ '^[a-z][a-z0-9._-]{1,31}$'),
  -- Who it is, by a number that the company gives once: two operators are two people.
  person text not null unique check (person ~ '^[a-z0-9][a-z0-9._-]{1,63}$'),
  -- scrypt, its costs, salt and key.
  password text not null,
  created_at timestamptz not null default clock_timestamp(),
  disabled_at timestamptz
);

-- A logged-in browser or command line; its token is stored hashed.
create table operator_sessions (
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  operator text collate "C" not null references operators,
  created_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);
create index operator_sessions_seen on operator_sessions (seen_at);

-- Logins that were tried, by operator and by address: each is counted before its password is looked at.
create table operator_throttle (
  key text collate "C" primary key check (octet_length(key) <= 200),
  failures integer not null check (failures > 0),
  locked_until timestamptz not null,
  tried_at timestamptz not null default clock_timestamp()
);

-- One decision of one operator, good for a quarter of an hour and for once.
create table approvals (
  id text collate "C" primary key check (id ~ '^apr_[0-9A-Za-z]{22}$'),
  -- A payment, or a refund (rfd_…).
  payment text collate "C" not null,
  action text not null check (action in ('inquire_now', 'resolve_settled', 'resolve_not_moved', 'cancel', 'approve_return')),
  amount bigint not null check (amount > 0),
  currency char(3) not null,
  -- SHA-256 over what the operator saw, hex, and what it was.
  evidence_hash text not null check (evidence_hash ~ '^[0-9a-f]{64}$'),
  evidence jsonb not null,
  reason text not null check (length(btrim(reason)) between 10 and 1000),
  operator text collate "C" not null references operators,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null default clock_timestamp() + interval '15 minutes',
  -- The workflow's update that acted on it.
  consumed_by text,
  consumed_at timestamptz,
  check ((consumed_by is null) = (consumed_at is null))
);
create index approvals_payment on approvals (payment, id);

-- What operators did and what was refused them, each row hashed over the one before.
create table ops_audit (
  no bigint primary key check (no > 0),
  at timestamptz not null,
  kind text not null check (kind ~ '^[a-z_]{1,40}$'),
  -- Name of the operator, or as it was given where nobody is known by it.
  operator text,
  -- What it was about: a payment, an approval, an operator, a namespace.
  subject text,
  -- JSON, as it was written.
  detail text not null,
  previous bytea not null check (octet_length(previous) = 32),
  hash bytea not null unique check (octet_length(hash) = 32)
);

-- Each field by its length in bytes and itself, `-` for none: no two rows are written alike.
create function ops_audit_hash(p_previous bytea, p_no bigint, p_at timestamptz, p_kind text, p_operator text,
  p_subject text, p_detail text) returns bytea
language sql stable set search_path = public, pg_temp as $$
  select sha256(p_previous || convert_to(string_agg(
    case when field is null then '-' else octet_length(convert_to(field, 'UTF8')) || ':' || field end, ',' order by place), 'UTF8'))
  from unnest(array[p_no::text, to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), p_kind, p_operator,
    p_subject, p_detail]) with ordinality as fields (field, place)
$$;

-- The one way into the log. One writer at a time, so that the chain has no fork; held until the transaction ends.
create function append_ops_audit(p_kind text, p_operator text, p_subject text, p_detail text) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  last ops_audit%rowtype;
  next_no bigint;
  now_at timestamptz;
begin
  perform pg_advisory_xact_lock(7215011);
  select * into last from ops_audit order by no desc limit 1;
  next_no := coalesce(last.no, 0) + 1;
  last.hash := coalesce(last.hash, sha256('mooring ops audit'));
  now_at := clock_timestamp();
  insert into ops_audit (no, at, kind, operator, subject, detail, previous, hash)
  values (next_no, now_at, p_kind, p_operator, p_subject, p_detail, last.hash,
    ops_audit_hash(last.hash, next_no, now_at, p_kind, p_operator, p_subject, p_detail));
  return next_no;
end
$$;

create function ops_audit_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'ops_audit is append-only';
end
$$;
create trigger ops_audit_append_only before update or delete or truncate on ops_audit
  for each statement execute function ops_audit_is_append_only();

-- Acts on a decision once: answers `ok` with what was decided and by whom, also when the same update asks again, or why
-- not. p_actions are those that the update stands for, with commas between. A sum above p_two_above needs a second
-- approval of the same decision by another person, which is consumed with it.
create function consume_approval(p_approval text, p_payment text, p_actions text, p_amount bigint, p_currency text,
  p_evidence_hash text, p_by text, p_two_above bigint) returns table (code text, action text, operators text)
language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
  a approvals%rowtype;
  first operators%rowtype;
  second_id text;
  second_name text;
  v_code text := 'ok';
  v_operators text;
begin
  -- All of the payment's, always in one order: two updates that need each other's approval do not wait in a circle.
  perform from approvals x where x.payment = p_payment order by x.id for update;
  select * into a from approvals x where x.id = p_approval and x.payment = p_payment;
  if a.id is not null then
    select * into first from operators o where o.id = a.operator;
  end if;
  if a.id is null then v_code := 'unknown_approval';
  elsif not a.action = any (string_to_array(p_actions, ',')) then v_code := 'other_action';
  elsif a.amount <> p_amount or a.currency <> p_currency then v_code := 'other_amount';
  elsif a.consumed_by = p_by then
    -- The activity runs again; what was seen may have changed by what it did.
    select string_agg(o.name, ' ' order by x.id) into v_operators
    from approvals x join operators o on o.id = x.operator where x.payment = p_payment and x.consumed_by = p_by;
    return query select 'ok', a.action, v_operators;
    return;
  elsif a.consumed_by is not null then v_code := 'approval_used';
  elsif a.expires_at <= clock_timestamp() then v_code := 'approval_expired';
  elsif a.evidence_hash <> p_evidence_hash then v_code := 'evidence_changed';
  elsif first.disabled_at is not null then v_code := 'operator_disabled';
  elsif p_amount > p_two_above then
    select x.id, o.name into second_id, second_name
    from approvals x join operators o on o.id = x.operator
    where x.payment = p_payment and x.action = a.action and x.amount = a.amount and x.currency = a.currency
      and x.evidence_hash = a.evidence_hash and x.consumed_by is null and x.expires_at > clock_timestamp()
      and o.person <> first.person and o.disabled_at is null
    order by x.id limit 1;
    if second_id is null then v_code := 'second_approval_missing'; end if;
  end if;
  if v_code = 'ok' then
    update approvals x set consumed_by = p_by, consumed_at = clock_timestamp()
    where x.id in (a.id, second_id);
    v_operators := concat_ws(' ', first.name, second_name);
  end if;
  perform append_ops_audit(case v_code when 'ok' then 'approval_consumed' else 'consumption_refused' end, first.name,
    p_payment, json_build_object('approval', p_approval, 'action', coalesce(a.action, p_actions), 'amount', p_amount::text,
      'currency', p_currency, 'evidence_hash', p_evidence_hash, 'by', p_by, 'code', v_code, 'operators', v_operators)::text);
  return query select v_code, a.action, v_operators;
end
$$;

grant select on operators, operator_sessions, operator_throttle, approvals, ops_audit to mooring_ops;
grant insert (token_hash, operator), update (seen_at), delete on operator_sessions to mooring_ops;
grant insert, update, delete on operator_throttle to mooring_ops;
-- Neither when it was made nor what becomes of it.
grant insert (id, payment, action, amount, currency, evidence_hash, evidence, reason, operator) on approvals to mooring_ops;
revoke execute on function ops_audit_hash(bytea, bigint, timestamptz, text, text, text, text),
  append_ops_audit(text, text, text, text), ops_audit_is_append_only(),
  consume_approval(text, text, text, bigint, text, text, text, bigint) from public;
grant execute on function append_ops_audit(text, text, text, text) to mooring_ops;
grant execute on function consume_approval(text, text, text, bigint, text, text, text, bigint) to mooring_hub;
