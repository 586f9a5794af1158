-- Codes that payers have typed and that are not on their way yet: few, and looked for all the time.
create index attempts_codes on attempts (updated_at) where state = 'prepared' and step = 'validate';
