-- Three kinds of rails: accounts that are phone numbers, intents of several calls, refunds and returns.

alter table payments
  -- What the payer is asked for, and what happened after the end (protocol.md, Payment object).
  add column next_action jsonb,
  add column recovery jsonb,
  add column dispute jsonb,
  -- Asked of a payment that is held: its rail is told by the workflow.
  add column capture_requested bigint,
  add column cancel_requested_at timestamptz,
  add constraint payments_capture_check check (capture_requested > 0 and capture_requested <= amount),
  drop constraint payments_check3,
  -- A held payment waits for its rail as well: the answer to a capture, or to a cancellation.
  add constraint payments_status_reason_check2 check (status_reason is null or status in ('processing', 'requires_capture')),
  add constraint payments_next_action_check check (next_action is null or status = 'requires_action');

-- IBAN or phone number, whichever the rail has; whose name it is, where the rail asks for one.
alter table attempts rename column account_iban to account;
alter table attempts alter column account_holder drop not null;
alter table sources rename column iban to account;
alter table sources alter column holder drop not null;
alter table sources drop constraint sources_type_check;
alter table sources add constraint sources_type_check check (type in ('bank', 'mobile_money'));

alter table attempts
  -- Which call of the intent the row's state is of. The row is that call's journal; those before it are in attempt_calls.
  add column step text not null default 'submit',
  -- What the rail wants of the payer before the next step.
  add column asks text check (asks in ('code')),
  -- What the payer typed, until it was sent.
  add column input text,
  -- The rail's own ids, as its connector left them.
  add column memo jsonb,
  add column merchant text,
  add column merchant_name text,
  -- Of a refund: what it gives back.
  add column original jsonb,
  add constraint attempts_step_check check (step in ('submit', 'prepare', 'validate', 'confirm', 'cancel')),
  drop constraint attempts_operation_check,
  add constraint attempts_operation_check check (operation in ('collect', 'payOut', 'refund')),
  add constraint attempts_original_check check ((operation = 'refund') = (original is not null));

comment on column attempts.payment is 'The payment, or the refund (rfd_…), that the intent serves.';

-- Calls of an intent that another call followed, as they ended: what money was asked of a rail can be read from
-- these and the attempt's own row together.
create table attempt_calls (
  payment text collate "C" not null,
  no smallint not null,
  ledger integer not null,
  -- In order, from 1.
  call smallint not null,
  step text not null,
  state text not null,
  dispatch_token uuid,
  dispatched_at timestamptz,
  sends smallint not null,
  inquiries smallint not null,
  evidence jsonb,
  failure_code text,
  ended_at timestamptz not null default clock_timestamp(),
  primary key (payment, no, call, ledger)
);

create function keep_attempt_call() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  insert into attempt_calls (payment, no, ledger, call, step, state, dispatch_token, dispatched_at, sends, inquiries,
    evidence, failure_code)
  select old.payment, old.no, old.ledger, coalesce(max(call), 0) + 1, old.step, old.state, old.dispatch_token,
    old.dispatched_at, old.sends, old.inquiries, old.evidence, old.failure_code
  from attempt_calls where payment = old.payment and no = old.no;
  return null;
end
$$;
create trigger keep_attempt_call after update of step on attempts
  for each row when (old.step is distinct from new.step) execute function keep_attempt_call();

create table refunds (
  id text collate "C" not null,
  ledger integer not null,
  payment text collate "C" not null,
  merchant text collate "C" not null,
  amount bigint not null check (amount > 0),
  currency char(3) not null,
  -- What of our fee goes back with it.
  fee bigint not null default 0 check (fee >= 0 and fee <= amount),
  reason text,
  status text not null check (status in ('processing', 'pending_funds', 'succeeded', 'failed')),
  status_reason text check (status_reason in ('awaiting_rail', 'needs_operator')),
  version integer not null check (version > 0),
  failure_code text,
  failure_message text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- Set by the workflow's first step.
  started_at timestamptz,
  primary key (id, ledger),
  check (status_reason is null or status = 'processing'),
  check ((failure_code is not null) = (status = 'failed'))
);
create index refunds_payment on refunds (payment, id desc);
create index refunds_merchant on refunds (merchant, id desc);
create index refunds_open on refunds (updated_at) where status in ('processing', 'pending_funds');

-- Money that came back after its attempt had settled, each return once.
create table returns (
  rail text not null,
  evidence_id text not null,
  payment text collate "C" not null,
  no smallint not null,
  ledger integer not null,
  amount bigint not null check (amount > 0),
  reason text not null,
  at timestamptz not null,
  primary key (rail, evidence_id)
);
create index returns_payment on returns (payment);

grant select on refunds, returns, attempt_calls to mooring_hub, mooring_ops;
