-- The hub executes the ledger's functions and reads no more of it than it needs: the balances of
-- accounts and the holds of a payment. History is the operators' and the owner's.
revoke select on transfers, units from mooring_hub;

-- A function is executable by everyone unless someone says otherwise: from here on someone must say who may.
alter default privileges revoke execute on functions from public;
revoke execute on all functions in schema public from public;
