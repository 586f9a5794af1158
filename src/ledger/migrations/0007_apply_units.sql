-- The unit of work as one function over arrays (src/ledger/functions/) takes the place of these.

drop function apply_units(jsonb);
drop function apply_unit(jsonb);
drop function apply_branch(jsonb, jsonb);
drop function apply_transfer(uuid, jsonb);
