import type { Sql } from '../../src/ledger/index.ts'

/** Rows of one INSERT: keeps a statement's memory and what a rollback would lose small. */
const CHUNK = 1_000_000

/** Accounts that a share of all pairs goes to, one after the other; the rest goes to random wallets. */
export type Busy = { accounts: readonly string[]; share: number }

/**
 * Years of history at once: pairs of reserve and confirm from random wallets, a thousandth of a second a transfer,
 * each with its unit, with time-ordered ids, in order of position; then the counters as
 * the sums of it, so that the books stay true (L2). Written around the triggers, with
 * the indexes made afterwards.
 */
export async function fillHistory(
  owner: Sql,
  rows: number,
  say: (line: string) => void,
  busy: Busy = { accounts: [], share: 0 },
): Promise<void> {
  await owner`set statement_timeout = 0`
  await owner`create temp table wallets as
    select row_number() over (order by id) - 1 as n, id, ledger from accounts where debits_must_not_exceed_credits and code = 2010`
  await owner`analyze wallets`
  const indexes = await owner<{ name: string; definition: string }[]>`
    select c.relname as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid in ('transfers'::regclass) and not i.indisprimary`
  await owner`alter table transfers disable trigger user`
  // What is there already has been there before: times follow positions.
  await owner`update transfers set at = at - make_interval(secs => ${rows / 1_000 + 3_600}::float8)`
  for (const { name } of indexes) await owner`drop index ${owner(name)}`
  for (let from = 0; from < rows; from += CHUNK) {
    await insert(owner, from, Math.min(from + CHUNK, rows), rows, busy)
    say(`${String(Math.min(from + CHUNK, rows))} transfers`)
  }
  for (const { definition } of indexes) await owner.unsafe(definition)
  await owner`alter table transfers enable trigger user`
  await owner`select setval('transfers_position', (select max(position) from transfers))`
  await owner`
    with moved as (
      select account, sum(debit) as debit, sum(credit) as credit
      from (
        select debit_account as account, amount as debit, 0 as credit from transfers where kind = 'confirm'
        union all
        select credit_account, 0, amount from transfers where kind = 'confirm'
      ) m
      group by 1
    )
    update accounts a set debits_posted = debits_posted + m.debit, credits_posted = credits_posted + m.credit
    from moved m where m.account = a.id`
  say('indexes and counters')
}

async function insert(owner: Sql, from: number, to: number, rows: number, busy: Busy): Promise<void> {
  await owner.unsafe(
    `with busy as materialized (
       select n, id::uuid from json_array_elements_text($4::text::json) with ordinality b(id, n)
     ), pairs as materialized (
       -- A thousandth of a second apart, the last one now.
       select i, uuidv7(make_interval(secs => (i - $3) * 0.001)) as hold,
         uuidv7(make_interval(secs => (i - $3 + 1) * 0.001)) as confirm,
         uuidv7(make_interval(secs => (i - $3) * 0.001)) as unit,
         1 + floor(random() * 100000)::bigint as amount,
         floor(random() * c.n)::bigint as payer, 1 + floor(random() * (c.n - 1))::bigint as further, c.n,
         -- Evenly among the others, each busy account in turn.
         case when floor((i / 2 + 1) * $5::float8) > floor((i / 2) * $5::float8)
           then 1 + floor((i / 2) * $5::float8)::bigint % (select count(*) from busy) end as busy,
         clock_timestamp() + make_interval(secs => (i - $3) * 0.001) as at
       from generate_series($1::bigint, $2::bigint - 1, 2) i cross join (select count(*) as n from wallets) c
     ), both_ as (
       select p.*, d.ledger, d.id as debit, coalesce(u.id, c.id) as credit
       from pairs p
       join wallets d on d.n = p.payer
       join wallets c on c.n = (p.payer + p.further) % p.n
       left join busy u on u.n = p.busy
     ), written as (
       insert into transfers (ledger, id, kind, debit_account, credit_account, amount, pending_id, subject, unit, at, position)
       select b.ledger, k.id, k.kind, b.debit, b.credit, b.amount, k.pending,
         'pay_' || left(replace(b.hold::text, '-', ''), 22), k.unit, b.at + k.next * interval '1 ms', b.i + k.next
       from both_ b
       cross join lateral (values (0, 'reserve', b.hold, null::uuid, b.unit), (1, 'confirm', b.confirm, b.hold, b.confirm))
         k(next, kind, id, pending, unit)
       order by b.i, k.next
       returning unit
     )
     insert into units (id, content_hash, result)
     select unit, encode(sha256(uuid_send(unit)), 'base64'), '{"code":"ok"}' from written`,
    // Positions begin after those of the funding.
    [from + 1_000_000, to + 1_000_000, rows + 1_000_000, JSON.stringify(busy.accounts), busy.share],
  )
}
