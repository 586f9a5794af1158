-- Refunds as they are made: what of the tax in our fee comes back with one, and where those stand that are not over.

alter table refunds
  add column fee_tax bigint not null default 0 check (fee_tax >= 0),
  add constraint refunds_tax_check check (fee_tax <= fee),
  -- Whether its workflow has begun can be seen from its attempt.
  drop column started_at;

-- Refunds of one payment that count: what they come to is on the payment.
create index refunds_alive on refunds (payment) where status <> 'failed';
