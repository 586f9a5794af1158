-- Who may speak to the hub: users and their devices, sign-up by one-time
-- password, single-use nonces, merchants and the keys of their servers.
-- Secrets are never here: keys and passwords are stored as keyed hashes, device
-- keys are public.

create table users (
  id text collate "C" primary key,
  -- E.164 with the plus sign: proven by a one-time password at sign-up.
  phone text collate "C" not null unique,
  status text not null default 'active' check (status in ('active', 'closed')),
  created_at timestamptz not null default clock_timestamp()
);

create table devices (
  id text collate "C" primary key,
  user_id text collate "C" not null references users (id),
  name text not null,
  public_key jsonb not null,
  -- RFC 7638 thumbprint of public_key: access tokens are bound to it (RFC 9449 §6.1, cnf.jkt).
  jkt text collate "C" not null,
  status text not null check (status in ('active', 'restricted', 'revoked')),
  restricted_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz,
  -- One device a key and user: a second enrolment of the same key is the same device.
  unique (user_id, jkt),
  check ((status = 'restricted') = (restricted_until is not null))
);

create table enrolments (
  id text collate "C" primary key,
  phone text collate "C" not null,
  address text collate "C",
  device_name text not null,
  public_key jsonb not null,
  jkt text collate "C" not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  -- The operator's name for the password it sent; null until it has.
  authentication_id text,
  -- The operator did not send one: does not count as one of the number's passwords.
  failed_at timestamptz,
  -- Tries begun, counted before the operator is asked, so that parallel guesses share one count.
  tries smallint not null default 0 check (tries between 0 and 5),
  -- While a try is with the operator no other may start; past it the asker is taken for dead.
  checking_until timestamptz,
  used_at timestamptz,
  -- Keyed hash of the password that was right: a repeated verify is told from a new guess.
  otp_hash bytea,
  user_id text collate "C",
  device_id text collate "C",
  check ((used_at is null) = (otp_hash is null)),
  check ((used_at is null) = (device_id is null))
);

create index enrolments_phone on enrolments (phone, created_at);
create index enrolments_address on enrolments (address, created_at) where address is not null;
create index enrolments_created on enrolments (created_at);

-- Using one deletes it: whoever gets the row back is the only one who may.
create table nonces (
  hash bytea primary key,
  expires_at timestamptz not null
);

create index nonces_expired on nonces (expires_at);

create table merchants (
  id text collate "C" primary key,
  name text not null,
  fee_basis_points integer not null check (fee_basis_points between 0 and 10000),
  fee_fixed_minor bigint not null default 0 check (fee_fixed_minor >= 0),
  created_at timestamptz not null default clock_timestamp()
);

create table merchant_keys (
  -- HMAC-SHA256 of the secret key under the pepper: looked up whole, so no comparison leaks a prefix.
  hash bytea primary key check (length(hash) = 32),
  merchant text collate "C" not null references merchants (id),
  -- Its first characters, for people.
  prefix text not null,
  created_at timestamptz not null default clock_timestamp(),
  -- May lie ahead: two keys overlap while one replaces the other.
  revoked_at timestamptz
);

create index merchant_keys_merchant on merchant_keys (merchant);

create table stores (
  id text collate "C" primary key,
  merchant text collate "C" not null references merchants (id),
  name text not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (merchant, name)
);

grant usage on schema public to mooring_hub;
grant select, insert, update on users, devices, enrolments, merchants, merchant_keys, stores to mooring_hub;
grant select, insert on nonces to mooring_hub;
-- Housekeeping only: neither table holds anything of value once it is past.
grant delete on nonces, enrolments to mooring_hub;
