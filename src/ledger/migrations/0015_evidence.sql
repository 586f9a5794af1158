-- What rails say about attempts that have their outcome, before anything is done with it, and what was made of it.

create table evidence (
  -- Follows from what was said, so that the same twice is once (src/payments/evidence.ts).
  id uuid primary key,
  rail text not null,
  reference text not null,
  -- The payment or refund that the attempt serves.
  payment text collate "C" not null,
  no smallint not null,
  ledger integer not null,
  -- `look`: the rail said only that there is something to see; `unclear`: it was authentic and nothing we may act upon.
  kind text not null check (kind in ('settled', 'declined', 'not_found', 'returned', 'look', 'unclear')),
  via text not null check (via in ('answer', 'inquiry', 'callback', 'operator')),
  -- What the rail calls it, or its words where it gave it no name.
  rail_id text not null,
  -- Of a return what came back, else the attempt's.
  amount bigint not null check (amount > 0),
  reason text,
  -- Of a return: the customer claims it back.
  disputed boolean not null default false,
  body jsonb not null,
  heard_at timestamptz not null default clock_timestamp(),

  -- The rail was asked whether it is so: how often, and what it answered.
  asks smallint not null default 0,
  ask_at timestamptz,
  answer text check (answer in ('settled', 'declined', 'not_found', 'returned', 'wrong_code')),
  -- When the patrol makes sure that somebody is at work on it.
  next_look_at timestamptz not null default clock_timestamp() + interval '10 seconds',

  state text not null default 'open' check (state in ('open', 'needs_operator', 'done')),
  result text check (result in ('posted', 'suspended', 'broken', 'unpostable', 'known', 'agreed', 'refuted', 'decided')),
  -- What was posted for it.
  moved bigint check (moved > 0),
  ended_at timestamptz,
  check ((state = 'open') = (result is null)),
  check (case when result in ('posted', 'suspended', 'broken') then moved is not null when result = 'decided' then true else moved is null end)
);
create index evidence_attempt on evidence (payment, no);
create index evidence_waits on evidence (next_look_at) where state <> 'done';

comment on column returns.evidence_id is 'The evidence, whose id follows from the rail''s own.';

grant select on evidence to mooring_hub, mooring_ops;
-- What was made of it is written by the ledger's function alone, with the money.
grant insert, update (asks, ask_at, answer, next_look_at) on evidence to mooring_hub;
