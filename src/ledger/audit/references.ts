import { CHART_ROWS } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { type Finding, LISTED } from './finding.ts'

/** Which accounts carry the overdraft flag, by code; a suffix means only those whose name ends so. */
const FLAGS = JSON.stringify(
  CHART_ROWS.map(({ code, flagged }) =>
    typeof flagged === 'string' ? { code, flagged: true, ending: flagged } : { code, flagged, ending: '' },
  ),
)

/**
 * Every row names rows that exist and fit: there are no foreign keys on the hot path. Accounts are as the chart has
 * them, and their ids follow from their names.
 */
export async function references(sql: Query): Promise<Finding> {
  const found = [
    await transfers(sql),
    await units(sql),
    await accounts(sql),
    await subjects(sql),
    await sql<{ what: string }[]>`
      select 'transfer ' || r.id || ' was refused (' || r.code || ') and is there' as what
      from refused_transfers r join transfers t on t.id = r.id limit ${LISTED}`,
  ]
  return { broken: found.flat().map(({ what }) => what) }
}

function transfers(sql: Query) {
  return sql<{ what: string }[]>`
    select k.what || ' ' || k.id || ' names an account that is not in ledger ' || k.ledger as what
    from (
      select 'transfer' as what, id, ledger, debit_account, credit_account from transfers
      union all
      select 'hold', id, ledger, debit_account, credit_account from holds
    ) k
    left join accounts d on d.id = k.debit_account and d.ledger = k.ledger
    left join accounts c on c.id = k.credit_account and c.ledger = k.ledger
    where d.id is null or c.id is null
    limit ${LISTED}`
}

function units(sql: Query) {
  return sql<{ what: string }[]>`
    select 'transfer ' || t.id || ' was made by unit ' || t.unit
      || case when u.id is null then ', which does not exist' else ', which says that it made none' end as what
    from transfers t left join units u on u.id = t.unit
    where u.id is null or u.result ->> 'code' <> 'ok'
    limit ${LISTED}`
}

function accounts(sql: Query) {
  return sql<{ what: string }[]>`
    with chart as (
      select * from jsonb_to_recordset(${FLAGS}::text::jsonb) as c(code integer, flagged boolean, ending text)
    ), named as (
      select a.*, m.name as main_name, l.id as known_ledger, c.flagged, c.ending,
        substr(sha256(convert_to(a.ledger || '/' || a.name || case a.shard when 0 then '' else '#' || a.shard end, 'UTF8')), 1, 16) as digest
      from accounts a
      left join accounts m on m.id = a.main and m.ledger = a.ledger and m.code = a.code and m.shard = 0
      left join ledgers l on l.id = a.ledger
      left join chart c on c.code = a.code
    ), judged as (
      select id, name, shard, case
        when known_ledger is null then 'is in a ledger that does not exist'
        when main_name is distinct from name then 'is a part of an account that does not exist'
        -- An id is a UUIDv8 over the name (src/ledger/derived-uuid.ts).
        when encode(set_byte(set_byte(digest, 6, 128 | (get_byte(digest, 6) & 15)), 8, 128 | (get_byte(digest, 8) & 63)), 'hex')::uuid <> id
          then 'has the id ' || id || ', which does not follow from its name'
        when flagged is not null and debits_must_not_exceed_credits <> (flagged and right(name, length(ending)) = ending)
          then 'is not guarded against overdraft as the chart says'
        end as what
      from named
    )
    select 'account ' || name || case shard when 0 then '' else '#' || shard end || ' ' || what as what
    from judged where what is not null order by 1 limit ${LISTED}`
}

function subjects(sql: Query) {
  return sql<{ what: string }[]>`
    select distinct k.what || ' of payment ' || k.payment || ', which does not exist' as what
    from (
      select 'transfers' as what, subject as payment, ledger from transfers where subject like 'pay\\_%'
      union all
      select 'holds', subject, ledger from holds where subject like 'pay\\_%'
    ) k
    left join payments p on p.id = k.payment
    where p.id is null
    limit ${LISTED}`
}
