-- The ledger: accounts, two-phase transfers, units. See docs/accounting.md.
-- Invariants: L1 debits = credits per ledger; L2 counters = sums over transfers;
-- L3 no flagged account overdrawn (the CHECKs); L4 a hold ends once (transfers_pending).

create table ledgers (
  id integer primary key,
  tenant text not null,
  currency char(3) not null,
  exponent smallint not null check (exponent between 0 and 4),
  unique (tenant, currency)
);

-- fillfactor 50 and no index on counters keep the hot updates on the page (HOT).
create table accounts (
  ledger integer not null,
  id uuid not null,
  code smallint not null,
  name text collate "C" not null,
  owner text collate "C",
  debits_must_not_exceed_credits boolean not null default false,
  credits_must_not_exceed_debits boolean not null default false,
  frozen boolean not null default false,
  closed boolean not null default false,
  debits_pending bigint not null default 0 check (debits_pending >= 0),
  debits_posted bigint not null default 0 check (debits_posted >= 0),
  credits_pending bigint not null default 0 check (credits_pending >= 0),
  credits_posted bigint not null default 0 check (credits_posted >= 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (ledger, id),
  unique (ledger, name),
  -- The last line of defence for overdraft (L3): pending counts on the spending side.
  constraint accounts_debits_fit
    check (not debits_must_not_exceed_credits or debits_posted + debits_pending <= credits_posted),
  constraint accounts_credits_fit
    check (not credits_must_not_exceed_debits or credits_posted + credits_pending <= debits_posted)
) with (fillfactor = 50);

create index accounts_owner on accounts (owner, code) where owner is not null;

-- Append-only. A confirm, void or expire names its hold in pending_id.
create table transfers (
  ledger integer not null,
  id uuid not null,
  kind text not null check (kind in ('post', 'reserve', 'confirm', 'void', 'expire')),
  debit_account uuid not null,
  credit_account uuid not null check (credit_account <> debit_account),
  amount bigint not null check (amount > 0),
  pending_id uuid,
  -- What it is for, e.g. a payment's id; the audit follows it (L5, L6).
  subject text collate "C" not null,
  unit uuid not null,
  at timestamptz not null default clock_timestamp(),
  xid xid8 not null default pg_current_xact_id(),
  primary key (ledger, id),
  check ((pending_id is null) = (kind in ('post', 'reserve')))
);

create unique index transfers_pending on transfers (ledger, pending_id) where pending_id is not null;
create index transfers_subject on transfers (subject);
create index transfers_debit on transfers (ledger, debit_account, id);
create index transfers_credit on transfers (ledger, credit_account, id);

create function transfers_are_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'transfers are append-only';
end
$$;

create trigger transfers_append_only
  before update or delete or truncate on transfers
  for each statement execute function transfers_are_append_only();

-- Open holds only; a hold's whole life stays in transfers.
create table holds (
  ledger integer not null,
  id uuid not null,
  debit_account uuid not null,
  credit_account uuid not null,
  amount bigint not null check (amount > 0),
  subject text collate "C" not null,
  expires_at timestamptz,
  primary key (ledger, id)
);

create index holds_subject on holds (subject);

-- New spends that were refused: the same id cannot slip through later.
create table refused_transfers (
  ledger integer not null,
  id uuid not null,
  code text not null,
  at timestamptz not null default clock_timestamp(),
  primary key (ledger, id)
);

-- Repeating a unit after a lost COMMIT answer returns the stored result.
create table units (
  id uuid primary key,
  content_hash text not null,
  result json not null,
  at timestamptz not null default clock_timestamp()
);

-- Creates what is missing; what is there stays as it is.
create function open_accounts(p_accounts jsonb) returns void
language sql volatile as $$
  insert into accounts (ledger, id, code, name, owner, debits_must_not_exceed_credits, credits_must_not_exceed_debits)
  select ledger, id, code, name, owner, debits_must_not_exceed_credits, credits_must_not_exceed_debits
  from jsonb_to_recordset(p_accounts) as a(
    ledger integer, id uuid, code smallint, name text, owner text,
    debits_must_not_exceed_credits boolean, credits_must_not_exceed_debits boolean)
  order by ledger, id
  on conflict do nothing
$$;
