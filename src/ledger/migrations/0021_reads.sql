-- Reads that cost what they show, however long a history is.

-- Merchants' payments as 0018 has stores': the open ones start a snapshot.
create index payments_merchant_open on payments (merchant, id desc)
  where merchant is not null and status not in ('succeeded', 'failed', 'canceled', 'expired');

-- What ended so, for lists of one status. A row comes in once, when its payment ends; an open payment's changes write none of them.
create index payments_merchant_ended on payments (merchant, status, id desc)
  where merchant is not null and status in ('succeeded', 'failed', 'canceled', 'expired');
create index payments_payer_ended on payments (payer, status, id desc)
  where payer is not null and status in ('succeeded', 'failed', 'canceled', 'expired');
create index payments_payee_ended on payments (payee, status, id desc)
  where merchant is null and status in ('succeeded', 'failed', 'canceled', 'expired');

-- A user's accounts of any status by when they were linked: the last ones unlinked, and how many there were of late.
create index sources_user on sources (user_id, id desc);
