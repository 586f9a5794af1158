-- What is asked for by prefix, and what is forgotten by age. The functions that forget: functions/forget.sql.

-- The network its address is in, for a cap of its own: IPv4 by /24, IPv6 by /48. Null where address is, and in rows
-- from before: they are a day old at most, and an hour counts.
alter table enrolments add column address_prefix text collate "C";
create index enrolments_address_prefix on enrolments (address_prefix, created_at) where address_prefix is not null;
-- A number without its last four digits: ten thousand neighbours.
create index enrolments_phone_prefix on enrolments (left(phone, -4), created_at);

-- Both are written in about this order, so that keeping them costs an accept little.
create index idempotency_created on idempotency (created_at);
create index used_jtis_expired on used_jtis (expires_at);

comment on column idempotency.created_at is
  'Once there is an answer, of the answer: it is kept from then on, however long ago the key was first used.';
