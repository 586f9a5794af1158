-- Payments that wait for their payer or merchant, and mandates that wait for their bank.

-- What the patrol finds of them: those whose time is over, and those of which something was asked.
create index payments_held_expiry on payments (expires_at)
  where status in ('requires_action', 'requires_capture') and accepted_at is not null;
create index payments_held_asked on payments (updated_at, id)
  where status in ('requires_action', 'requires_capture')
    and (capture_requested is not null or cancel_requested_at is not null);

alter table sources
  -- Ours at the bank: the same reference is the same mandate, however often it is asked about.
  add column mandate_reference text,
  add column inquiries integer,
  -- When its bank is asked again; of a source that requires an action.
  add column next_look_at timestamptz,
  add constraint sources_next_look_at_check check (next_look_at is null or status = 'requires_action');
create index sources_waiting on sources (next_look_at) where status = 'requires_action';
