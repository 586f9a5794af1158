import { CURRENCIES } from '../../contract/names.ts'
import { NAME_RULES } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { LISTED } from './finding.ts'

const RULES = JSON.stringify(NAME_RULES)
const KNOWN = JSON.stringify(Object.entries(CURRENCIES).map(([currency, { exponent }]) => ({ currency, exponent })))

/**
 * Accounts are what their names say: the id follows from ledger, name and shard, and code, owner and bounds from the
 * name, by the chart. Ledgers that count limits have codes of their own, of which the chart knows nothing.
 */
export function accounts(sql: Query) {
  return sql<{ what: string }[]>`
    with chart as (
      select * from jsonb_to_recordset(${RULES}::text::jsonb)
        as r(code integer, pattern text, owned boolean, bounded boolean, "creditLine" boolean)
    ), named as (
      select a.*, m.name as main_name, l.id as known_ledger, l.tenant, c.code as named_code, c.bounded, c."creditLine",
        case when c.owned then substring(a.name from c.pattern) end as named_owner,
        substr(sha256(convert_to(a.ledger || '/' || a.name || case a.shard when 0 then '' else '#' || a.shard end, 'UTF8')), 1, 16) as digest
      from accounts a
      left join accounts m on m.id = a.main and m.ledger = a.ledger and m.code = a.code and m.shard = 0
      left join ledgers l on l.id = a.ledger
      left join chart c on a.name ~ c.pattern
    ), judged as (
      select id, name, shard, case
        when known_ledger is null then 'is in a ledger that does not exist'
        when main_name is distinct from name then 'is a part of an account that does not exist'
        -- An id is a UUIDv8 over the name (src/ledger/derived-uuid.ts).
        when encode(set_byte(set_byte(digest, 6, 128 | (get_byte(digest, 6) & 15)), 8, 128 | (get_byte(digest, 8) & 63)), 'hex')::uuid <> id
          then 'has the id ' || id || ', which does not follow from its name'
        when tenant <> 'default' then null
        when named_code is distinct from code then 'has the code ' || code || ', which is not that of its name'
        when named_owner is distinct from owner then 'is said to be of ' || coalesce(owner, 'nobody') || ', and its name says otherwise'
        when debits_must_not_exceed_credits <> bounded or credits_must_not_exceed_debits
          then 'is not guarded against overdraft as the chart says'
        when allowance <> 0 and not "creditLine" then 'has a credit line of ' || allowance || ', and the chart has none for it'
        end as what
      from named
    )
    select 'account ' || name || case shard when 0 then '' else '#' || shard end || ' ' || what as what
    from judged where what is not null order by 1 limit ${LISTED}`
}

/** A ledger is in one currency with the decimals of that currency, and so is every payment in it. */
export function ledgers(sql: Query) {
  return sql<{ what: string }[]>`
    select 'ledger ' || l.id || ' counts ' || l.currency || ' with ' || l.exponent || ' decimals, and it has ' || k.exponent as what
    from ledgers l
    join jsonb_to_recordset(${KNOWN}::text::jsonb) as k(currency text, exponent integer) on k.currency = l.currency
    where k.exponent <> l.exponent
    union all (
      select 'payment ' || p.id || ' of ' || p.currency || ' is in ledger ' || p.ledger || ', '
        || case when l.id is null then 'which does not exist' else 'which is in ' || l.currency end
      from payments p left join ledgers l on l.id = p.ledger
      where l.currency is distinct from p.currency
      order by p.id limit ${LISTED}
    )`
}
