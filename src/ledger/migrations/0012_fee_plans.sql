-- What a merchant, or a payer by kind of payment, pays us: versions that never change. A payment names the one it was
-- priced with, so a plan that is changed changes no payment, and a capture in part is priced by the same again.
create table fee_plans (
  id text collate "C" primary key,
  -- A merchant's id, or `payer:` and the kind of payment.
  owner text collate "C" not null,
  -- The newest of its owner is in force.
  version integer not null check (version > 0),
  basis_points integer not null check (basis_points between 0 and 10000),
  fixed_minor bigint not null default 0 check (fixed_minor >= 0),
  minimum_minor bigint not null default 0 check (minimum_minor >= 0),
  cap_minor bigint check (cap_minor >= minimum_minor),
  -- A tax contained in the fee.
  tax_authority text,
  tax_basis_points integer check (tax_basis_points between 1 and 10000),
  on_refund text not null default 'kept' check (on_refund in ('kept', 'proportional')),
  created_at timestamptz not null default clock_timestamp(),
  unique (owner, version),
  check ((tax_authority is null) = (tax_basis_points is null))
);

create function fee_plans_are_append_only() returns trigger language plpgsql
set search_path = public, pg_temp
as $$
begin
  raise exception 'a fee plan does not change: add the next version';
end
$$;
create trigger fee_plans_append_only before update or delete or truncate on fee_plans
  for each statement execute function fee_plans_are_append_only();

insert into fee_plans (id, owner, version, basis_points, fixed_minor)
select 'fpl_' || substr(id, strpos(id, '_') + 1), id, 1, fee_basis_points, fee_fixed_minor from merchants;
-- The release before still reads these of merchants it knows; nothing writes them any more.
alter table merchants alter column fee_basis_points drop not null;

-- Null where nobody but the payer pays for it, and of payments older than this column: those were priced without a tax.
alter table payments add column fee_plan text collate "C";

grant select on fee_plans to mooring_hub, mooring_ops;
