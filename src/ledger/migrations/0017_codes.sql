-- Codes that customers show to be paid from: what makes them, and the guesses at them that were wrong.

create table codes (
  device text collate "C" primary key,
  user_id text collate "C" not null,
  -- By which a code names its device: random, and another one whenever the device registers.
  number text collate "C" not null unique check (number ~ '^[0-9]{9}$'),
  -- The secret, under a key of the hub's.
  sealed text not null,
  version integer not null check (version > 0),
  registered_at timestamptz not null,
  -- What was paid by code alone since a payment was last signed on the device: how often, how much on the day of the
  -- last, and when that was.
  untouched_count integer not null default 0 check (untouched_count >= 0),
  untouched_minor bigint not null default 0 check (untouched_minor >= 0),
  untouched_at timestamptz,
  -- When a payment was last signed on the device, as far as it matters here. Not part of the version: it only allows more.
  touched_at timestamptz,
  check ((untouched_count = 0) = (untouched_at is null))
) with (fillfactor = 70);

-- Kept as long as they count (functions/judge_code.sql).
create table code_misses (
  merchant text collate "C" not null,
  -- Null where the number was locked already: it is not locked for longer by that.
  number text collate "C",
  at timestamptz not null
);
create index code_misses_merchant on code_misses (merchant, at);
create index code_misses_number on code_misses (number, at) where number is not null;

grant select on codes to mooring_hub;
-- Everything else of it is written by the ledger's function alone, with the money.
grant update (touched_at) on codes to mooring_hub;
