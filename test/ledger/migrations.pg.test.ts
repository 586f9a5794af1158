import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { makeIds } from '../../src/domain/ids.ts'
import { audit, makeLedger, migrate, openDatabase, type Sql } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { ROOT } from '../../tools/paths.ts'
import { SCHEMA_FILE, schemaListing } from '../../tools/schema/listing.ts'
import { testDatabase } from '../support/run-servers.ts'
import { fillLanded, LANDED, spendWhatALaterTransactionCredits } from './support/landed.ts'

const ids = makeIds(Date.now, randomBytes)
const written = readFileSync(join(ROOT, SCHEMA_FILE), 'utf8')
const files = readdirSync(join(ROOT, 'src/ledger/migrations')).toSorted()
const functions = readdirSync(join(ROOT, 'src/ledger/functions')).map((name) => `functions/${name}`)

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** A database and its pools, gone after the test. */
async function database(options: { empty?: boolean } = {}) {
  const made = await testDatabase(options)
  ends.push(() => made.drop())
  const pool = (role: 'mooring_owner' | 'mooring_hub', connections = 1): Sql => {
    const sql = openDatabase({ url: made.url(role), name: `test-${role}`, connections })
    ends.push(() => sql.end({ timeout: 1 }))
    return sql
  }
  return { owner: pool('mooring_owner'), pool }
}

describe('the schema', () => {
  test('that the migrations make is the one written down', async () => {
    const { owner } = await database()
    expect(await schemaListing(owner), 'run node_modules/.bin/node tools/schema.ts').toBe(written)
  })

  test.each([
    ['a column', 'alter table holds add column note text'],
    ['a default', 'alter table accounts alter column frozen set default true'],
    ['a column that may be null', 'alter table holds alter column subject drop not null'],
    ['a constraint less', 'alter table accounts drop constraint accounts_debits_fit'],
    ['an index less', 'drop index transfers_pending'],
    ['a trigger switched off', 'alter table transfers disable trigger transfers_append_only'],
    ['a grant', 'grant update (amount) on holds to mooring_hub'],
    ['a grant to everyone', 'grant select on units to public'],
    [
      'another source',
      'create or replace function transfers_are_append_only() returns trigger language plpgsql as $$begin return null; end$$',
    ],
    ['a function that runs as its caller', 'alter function apply_units security invoker'],
    ['a search path less', 'alter function apply_units reset search_path'],
    ['a sequence that skips', 'alter sequence transfers_position cache 10'],
    ['a default privilege', 'alter default privileges grant execute on functions to public'],
  ])('is not the same with %s', async (_what, statement) => {
    const { owner } = await database()
    await owner.unsafe(statement)
    expect(await schemaListing(owner)).not.toBe(written)
  })
})

describe('migrations', () => {
  test('are numbered, each number once', () => {
    expect(files.filter((name) => !/^\d{4}_[a-z_]+\.sql$/.test(name))).toEqual([])
    expect(new Set(files.map((name) => name.slice(0, 4))).size).toBe(files.length)
  })

  test('are applied once, whoever begins at the same moment', async () => {
    const { owner, pool } = await database({ empty: true })
    const applied = await Promise.all([migrate(owner), migrate(pool('mooring_owner')), migrate(pool('mooring_owner'))])
    expect(applied.flat().toSorted()).toEqual([...files, ...functions].toSorted())
    expect(await migrate(owner)).toEqual([])
    expect(await schemaListing(owner)).toBe(written)
  })

  test('go forward only: one that changed after it was applied is refused by name', async () => {
    const { owner } = await database()
    await owner`update migrations set checksum = 'of another text' where name = ${files[2] ?? ''}`
    await expect(migrate(owner)).rejects.toThrow(`migration ${files[2] ?? ''} was changed after it was applied`)
  })

  test('take what one of them has moved elsewhere for the same, and replace a function that has changed', async () => {
    const { owner } = await database()
    const before = '50096cea5d9d4698c367de2763073fe6e876f03a1e95c0161f5453f55bd0ea04'
    await owner`update migrations set checksum = ${before} where name = '0007_apply_units.sql'`
    await owner`update migrations set checksum = 'of an older text' where name = 'functions/apply_units.sql'`
    await owner`alter function apply_units security invoker`
    expect(await migrate(owner)).toEqual(['functions/apply_units.sql'])
    expect(await schemaListing(owner)).toBe(written)
    expect(await migrate(owner)).toEqual([])
  })

  test('number what was there in the order in which accounts changed, not in which transactions began', async () => {
    const { owner, pool } = await database({ empty: true })
    await migrate(owner, { through: LANDED })
    const [early, late, holder] = [pool('mooring_hub'), pool('mooring_hub'), pool('mooring_owner')]
    const { spent, credited } = await spendWhatALaterTransactionCredits({ owner, early, late, holder })
    const [began] = await owner`
      select (select xid from transfers where id = ${spent}) < (select xid from transfers where id = ${credited}) as first`
    expect(began).toEqual({ first: true })

    await migrate(owner)
    const order = await owner<{ id: string }[]>`
      select id from transfers where id in ${owner([spent, credited])} order by position`
    expect(order.map(({ id }) => id)).toEqual([credited, spent])
  })

  test('bring the filled database of an earlier release up to this one, with everything in it', async () => {
    const { owner, pool } = await database({ empty: true })
    expect(await migrate(owner, { through: LANDED })).toEqual(files.filter((name) => name.slice(0, 4) <= LANDED))
    const hubs = [pool('mooring_hub'), pool('mooring_hub')]
    const books = await fillLanded(owner, hubs)
    const counters = () => owner`
      select id, debits_pending, debits_posted, credits_pending, credits_posted from accounts order by id`
    const before = {
      transfers: await owner<{ id: string }[]>`select id from transfers order by id`,
      counters: await counters(),
      holds: await owner`select id, debit_account, credit_account, amount, subject from holds order by id`,
    }
    expect(before.holds).toHaveLength(books.open.length * 2 + 1)

    await migrate(owner)
    expect(await schemaListing(owner)).toBe(written)
    // Positions run from 1 without a gap, and within a unit in the order it was applied.
    const positions = await owner<
      { id: string; position: bigint }[]
    >`select id, position from transfers order by position`
    expect(positions.map(({ id }) => id).toSorted()).toEqual(before.transfers.map(({ id }) => id).toSorted())
    expect(positions.map(({ position }) => position)).toEqual(positions.map((_, i) => BigInt(i + 1)))
    const turned = await owner`
      select e.id from transfers e join transfers l on l.unit = e.unit and l.at > e.at and l.position < e.position
      union all
      select e.id from transfers e join transfers h on h.id = e.pending_id and h.position > e.position`
    expect([...turned]).toEqual([])
    expect(await counters()).toEqual(before.counters)
    expect(await owner`select id, debit_account, credit_account, amount, subject from holds order by id`).toEqual(
      before.holds,
    )
    expect((await audit(owner)).breaches).toEqual([])

    const [hub] = hubs
    const ledger = makeLedger({ sql: hub ?? owner, log: makeLog({ name: 'test', level: 'silent' }) })
    // What was answered before is answered the same; what was refused stays refused.
    expect(await ledger.apply(books.answered.unit)).toEqual(books.answered.result)
    expect(await ledger.apply({ id: ids.uuid(), transfers: [books.refused], ok: {} })).toMatchObject({
      code: 'refused',
      transfer: 'id_already_failed',
    })

    // Half of the open payments succeed, the others fail, and the loose hold is posted in part.
    const transfer = (kind: 'confirm' | 'void', pending: string, subject: string) => ({
      id: ids.uuid(),
      ledger: books.book,
      kind,
      pending,
      subject,
    })
    const ended = await Promise.all([
      ...books.open.map(({ id, amount, holds, told }, i) => {
        const succeeds = i % 2 === 0
        const payment = succeeds
          ? ({ status: 'succeeded', version: 2, captured_amount: amount.toString() } as const)
          : ({ status: 'failed', version: 2, captured_amount: '0' } as const)
        return ledger.apply({
          id: ids.uuid(),
          guard: { payment: { id, version: 1 } },
          transfers: holds.map((hold) => transfer(succeeds ? 'confirm' : 'void', hold, id)),
          ok: { payment, events: [told(payment)] },
        })
      }),
      ledger.apply({
        id: ids.uuid(),
        transfers: [{ ...transfer('confirm', books.loose, 'test'), amount: '400' }],
        ok: {},
      }),
    ])
    expect(ended.map((result) => result.code)).toEqual(ended.map(() => 'ok'))
    expect([...(await owner`select id from holds`)]).toEqual([])
    expect((await audit(owner)).breaches).toEqual([])

    // Old and new together: no wallet is overdrawn at any position of its history (L3).
    const overdrawn = await owner`
      with moves as (
        select t.position, a.id as account,
          case when t.kind in ('post', 'confirm') and t.credit_account = a.id then t.amount else 0 end as gained,
          case when t.debit_account <> a.id then 0
            when t.kind in ('post', 'reserve') then t.amount
            when t.kind = 'confirm' then t.amount - h.amount
            else -h.amount end as taken
        from transfers t
        left join transfers h on h.id = t.pending_id
        join accounts a on a.id in (t.debit_account, t.credit_account) and a.debits_must_not_exceed_credits
      ), standing as (
        select account, position, sum(gained - taken) over (partition by account order by position) as available from moves
      )
      select * from standing where available < 0`
    expect([...overdrawn]).toEqual([])
  })
})
