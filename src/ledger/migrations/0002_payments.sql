-- Payments, attempts at rails, idempotency, feeds and the outbox, and the one
-- function through which all of them and the ledger change together.

create table payments (
  id text collate "C" not null,
  ledger integer not null,
  kind text not null check (kind in ('purchase', 'transfer', 'topup', 'withdrawal')),
  status text not null check (status in ('requires_confirmation', 'requires_action', 'processing',
    'requires_capture', 'succeeded', 'failed', 'canceled', 'expired')),
  status_reason text check (status_reason in ('awaiting_rail', 'needs_operator')),
  version integer not null check (version > 0),
  amount bigint not null check (amount > 0),
  currency char(3) not null,
  fee bigint not null default 0 check (fee >= 0 and fee < amount),
  payer_fee bigint not null default 0 check (payer_fee >= 0),
  captured_amount bigint not null default 0 check (captured_amount >= 0),
  refunded_amount bigint not null default 0,
  payer text collate "C",
  payee text collate "C" not null,
  payee_name text not null,
  merchant text collate "C",
  store text collate "C",
  source_type text check (source_type in ('wallet', 'bank', 'operator', 'mobile_money')),
  source_id text collate "C",
  source_label text,
  capture_method text not null default 'automatic' check (capture_method in ('automatic', 'manual')),
  order_ref text,
  description text,
  failure_code text,
  failure_message text,
  metadata jsonb not null default '{}',
  -- The 128-bit token of a dynamic QR code: who shows it may see the payment while it has no payer.
  qr_token text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz,
  -- Set at acceptance: past start_by with nothing dispatched the payment expires.
  accepted_at timestamptz,
  start_by timestamptz,
  -- Set by the workflow's first step; until then the sweeper may start it.
  started_at timestamptz,
  primary key (id, ledger),
  check (refunded_amount >= 0 and refunded_amount <= captured_amount),
  check (status <> 'succeeded' or captured_amount > 0),
  check (status_reason is null or status = 'processing')
) with (fillfactor = 70);

create index payments_payer on payments (payer, id desc) where payer is not null;
create index payments_payee on payments (payee, id desc);
-- A phone's snapshot starts from what is open, however long its history.
create index payments_payer_open on payments (payer, id desc)
  where status not in ('succeeded', 'failed', 'canceled', 'expired');
create index payments_payee_open on payments (payee, id desc)
  where status not in ('succeeded', 'failed', 'canceled', 'expired');
create index payments_merchant on payments (merchant, id desc) where merchant is not null;
create index payments_merchant_order on payments (merchant, order_ref, id desc) where order_ref is not null;
create unique index payments_open_order on payments (merchant, order_ref)
  where order_ref is not null and status in ('requires_confirmation', 'requires_action', 'processing', 'requires_capture');
create index payments_open_expiry on payments (expires_at) where status in ('requires_confirmation', 'requires_action');
create index payments_not_started on payments (accepted_at) where status = 'processing' and started_at is null;
create index payments_processing on payments (updated_at) where status = 'processing';

-- One intent at a rail. One money-relevant call each so far: its journal is the row itself.
create table attempts (
  payment text collate "C" not null,
  no smallint not null,
  ledger integer not null,
  rail text not null,
  operation text not null check (operation in ('collect', 'payOut')),
  reference text collate "C" not null,
  uetr uuid not null,
  amount bigint not null check (amount > 0),
  currency char(3) not null,
  account_iban text not null,
  account_holder text not null,
  mandate_id text,
  mandate_signed_on text,
  description text not null,
  state text not null check (state in ('prepared', 'dispatched', 'settled', 'declined', 'pending', 'unknown', 'not_sent', 'not_found')),
  -- The fence: only the holder of the token may send (payments.md, rule 7).
  dispatch_token uuid,
  dispatched_at timestamptz,
  sends smallint not null default 0,
  inquiries smallint not null default 0,
  next_look_at timestamptz,
  failure_code text,
  failure_message text,
  evidence jsonb,
  rail_reference text,
  updated_at timestamptz not null,
  primary key (payment, no, ledger),
  unique (rail, reference),
  check ((state = 'prepared') or dispatch_token is not null)
) with (fillfactor = 70);

create index attempts_open on attempts (rail, next_look_at) where state in ('dispatched', 'pending', 'unknown');

-- What a rail told us by itself, verified, before anyone acts on it.
create table rail_callbacks (
  rail text not null,
  event_id text not null,
  reference text collate "C" not null,
  body bytea not null,
  received_at timestamptz not null default clock_timestamp(),
  times integer not null default 1,
  primary key (rail, event_id)
);

-- Evidence that contradicts a recorded outcome: never flips it, always seen by people.
create table incidents (
  id uuid primary key,
  kind text not null,
  payment text collate "C" not null,
  detail jsonb not null,
  at timestamptz not null default clock_timestamp(),
  unique (kind, payment, detail)
);

-- Linked accounts and their mandates.
create table sources (
  id text collate "C" primary key,
  user_id text collate "C" not null,
  type text not null check (type in ('bank')),
  rail text not null,
  bank text not null,
  iban text not null,
  holder text not null,
  currency char(3) not null,
  label text not null,
  status text not null check (status in ('active', 'requires_action', 'revoked')),
  mandate_id text,
  mandate_signed_on text,
  created_at timestamptz not null
);

create unique index sources_account on sources (user_id, bank, iban) where status <> 'revoked';

create table idempotency (
  scope text collate "C" not null,
  key text collate "C" not null,
  content_hash text not null,
  -- Null while a command that speaks to a rail first is still running, under a lease.
  reply json,
  lease_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  primary key (scope, key),
  check ((reply is null) = (lease_until is not null))
);

create table used_jtis (
  device text collate "C" not null,
  jti text collate "C" not null,
  expires_at timestamptz not null,
  primary key (device, jti)
);

create table feed_heads (feed text collate "C" primary key, seq bigint not null) with (fillfactor = 50);

create table outbox (
  id text collate "C" primary key,
  feed text collate "C" not null,
  seq bigint not null,
  name text not null,
  body json not null,
  at timestamptz not null,
  published_at timestamptz,
  pos bigint,
  unique (feed, seq)
);

create index outbox_unpublished on outbox (id) where published_at is null;

-- Which incarnation of the JetStream stream the relay publishes to.
create table feed_stream (
  singleton boolean primary key default true check (singleton),
  epoch text not null,
  stream_created_at timestamptz not null,
  last_sequence bigint not null default 0
);
