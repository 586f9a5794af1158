import type { Query } from '../database.ts'
import { accounts, ledgers } from './accounts.ts'
import { type Finding, LISTED } from './finding.ts'
import { refundReferences } from './refunds.ts'

/** Every row names rows that exist and fit: there are no foreign keys on the hot path. */
export async function references(sql: Query): Promise<Finding> {
  const found = [
    await transfers(sql),
    await units(sql),
    await refused(sql),
    await accounts(sql),
    await ledgers(sql),
    await subjects(sql),
    await refundReferences(sql),
    await sources(sql),
    await plans(sql),
    await rails(sql),
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

/** A spend that was refused for what its accounts were stays refused, and never happens. */
function refused(sql: Query) {
  return sql<{ what: string }[]>`
    select 'transfer ' || r.id || ' was refused (' || r.code || ')'
      || case when t.id is not null then ' and is there' else ', for which none is remembered' end as what
    from refused_transfers r left join transfers t on t.id = r.id
    where t.id is not null or r.code !~ '^(exceeds|account)_|_not_found$'
    order by r.id limit ${LISTED}`
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

/** A payment from a linked account is its owner's, and what goes to the rail names that account. Wallet and phone bill are linked to nothing. */
function sources(sql: Query) {
  return sql<{ what: string }[]>`
    select 'payment ' || p.id || case
        when s.id is null then ' names source ' || p.source_id || ', which does not exist'
        when s.user_id is distinct from p.payer then ' names source ' || s.id || ', which is not its payer''s'
        else ': attempt ' || a.no || ' is for another account than source ' || s.id end as what
    from payments p
    left join sources s on s.id = p.source_id
    left join attempts a on a.payment = p.id
    where p.source_type not in ('wallet', 'operator') and p.source_id is not null
      and (s.user_id is distinct from p.payer
        or (a.payment is not null and (a.rail, a.account, a.account_holder) is distinct from (s.rail, s.account, s.holder)))
    order by 1 limit ${LISTED}`
}

/** A payment that names the plan it was priced by can be captured in part, and refunded, only if that is there. */
function plans(sql: Query) {
  return sql<{ what: string }[]>`
    select 'payment ' || p.id || ' was priced by fee plan ' || p.fee_plan || ', which '
      || case when f.id is null then 'does not exist' else 'is not its merchant''s' end as what
    from payments p left join fee_plans f on f.id = p.fee_plan
    where p.fee_plan is not null and (f.id is null or f.owner is distinct from p.merchant)
    order by p.id limit ${LISTED}`
}

/** What a rail said, and what people are to look at, is of an attempt that was made. */
function rails(sql: Query) {
  return sql<{ what: string }[]>`
    (select 'callback ' || k.event_id || ' of ' || k.rail || ' names attempt ' || k.reference || ', which does not exist' as what
    from rail_callbacks k
    where not exists (select from attempts a where a.rail = k.rail and a.reference = k.reference)
    order by 1 limit ${LISTED})
    union all
    (select 'incident ' || i.id || ' names payment ' || i.payment || ' and attempt ' || coalesce(i.detail ->> 'reference', 'none')
      || ', which do not exist or not together'
    from incidents i
    where not exists (select from attempts a where a.payment = i.payment and a.reference = i.detail ->> 'reference')
    order by 1 limit ${LISTED})
    union all
    (select 'evidence ' || e.id || ' names attempt ' || e.no || ' of payment ' || e.payment || ' as ' || e.reference
      || ', which does not exist or not together'
    from evidence e
    where not exists (
      select from attempts a
      where (a.payment, a.no, a.rail, a.reference, a.ledger) = (e.payment, e.no, e.rail, e.reference, e.ledger))
    order by 1 limit ${LISTED})`
}
