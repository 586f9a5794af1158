import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cashAccount, walletAccount } from '../../src/domain/accounting/index.ts'
import { makeIds } from '../../src/domain/ids.ts'
import { ensureLedger, makeAccountBook, makeLedger, openDatabase, type Sql } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { DATABASE_ROLES, type DatabaseRole } from '../../tools/servers/postgres/roles.ts'
import { testDatabase } from '../support/run-servers.ts'

/** What a role may do with a table, tried out statement by statement; an update of some columns names them. */
type Verb = 'select' | 'insert' | 'update' | `update(${string})` | 'delete' | 'truncate'
type Serving = Exclude<DatabaseRole, 'mooring_owner'>
type Rights = Partial<Record<Serving, Verb[]>>

/** Operators read what happened with money; what the hub may do besides is said here. */
const read = (...hub: Verb[]): Rights => ({
  mooring_ops: ['select'],
  ...(hub.length === 0 ? {} : { mooring_hub: hub }),
})
const hub = (...verbs: Verb[]): Rights => ({ mooring_hub: verbs })
const nobody: Rights = {}

/** Every table, and who may do what with it. The owner may all and serves nobody. */
const TABLES: Readonly<Record<string, Rights>> = {
  // The ledger: changed by its functions alone.
  ledgers: read('select'),
  accounts: read('select'),
  holds: read('select'),
  transfers: read(),
  refused_transfers: read(),
  units: read(),
  // Its history, sealed: written by seal_transfers alone.
  sealed: read(),
  seals: read(),
  balance_checkpoints: read(),
  balances_sealed: read(),
  // What changes in one unit with it.
  payments: read('select'),
  attempts: read('select'),
  attempt_calls: read('select'),
  refunds: read('select'),
  returns: read('select'),
  sources: read('select'),
  used_jtis: hub('select'),
  feed_heads: read('select'),
  followed_feeds: read('select', 'insert', 'update(complete_from)'),
  idempotency: hub('select', 'insert', 'update'),
  outbox: { ...read('select'), mooring_relay: ['select', 'update(published_at,pos)'] },
  feed_stream: { ...read('select'), mooring_relay: ['select', 'insert', 'update'] },
  // What is written down beside it.
  rail_callbacks: read('select', 'insert', 'update'),
  incidents: read('select', 'insert'),
  // What payments are priced by.
  fee_plans: read('select'),
  evidence: read('select', 'insert', 'update(asks,ask_at,answer,next_look_at)'),
  // What makes customers' codes, and the guesses at them.
  codes: hub('select', 'update(touched_at)'),
  code_misses: nobody,
  // Who may speak to the hub.
  users: read('select', 'insert', 'update'),
  devices: read('select', 'insert', 'update'),
  // A PIN is set by the ledger's function; guesses at it are counted.
  pins: hub('select', 'update(failures,locked_until)'),
  enrolments: hub('select', 'insert', 'update', 'delete'),
  nonces: hub('select', 'insert', 'delete'),
  merchants: hub('select', 'insert', 'update'),
  merchant_keys: hub('select', 'insert', 'update'),
  stores: hub('select', 'insert', 'update'),
  // Operators and what they decide. The owner adds them; the hub consumes by its function.
  operators: read(),
  operator_sessions: { mooring_ops: ['select', 'insert', 'update(seen_at)', 'delete'] },
  operator_throttle: { mooring_ops: ['select', 'insert', 'update', 'delete'] },
  approvals: { mooring_ops: ['select', 'insert'] },
  ops_audit: read(),
  migrations: nobody,
}

/** Every function, and who may execute it. */
const FUNCTIONS: Readonly<Record<string, Serving[]>> = {
  apply_units: ['mooring_hub'],
  open_accounts: ['mooring_hub'],
  judge_code: ['mooring_hub'],
  forget_answers: ['mooring_hub'],
  forget_jtis: ['mooring_hub'],
  transfers_are_append_only: [],
  account_bounds_stay: [],
  fee_plans_are_append_only: [],
  keep_attempt_call: [],
  seal_transfers: ['mooring_hub', 'mooring_ops'],
  balance_at: ['mooring_ops'],
  position_at: ['mooring_ops'],
  unsealed_at: ['mooring_ops'],
  history_is_append_only: [],
  append_ops_audit: ['mooring_ops'],
  tell_feed: ['mooring_hub'],
  revoke_device: ['mooring_ops'],
  consume_approval: ['mooring_hub'],
  ops_audit_hash: [],
  ops_audit_is_append_only: [],
}

const SERVING = DATABASE_ROLES.filter((role) => role !== 'mooring_owner')
const DENIED = '42501'
const ids = makeIds(Date.now, randomBytes)

let database: Awaited<ReturnType<typeof testDatabase>>
let owner: Sql
const pools = new Map<Serving, Sql>()

function as(role: Serving): Sql {
  const pool = pools.get(role)
  if (pool === undefined) throw new Error(`nobody is connected as ${role}`)
  return pool
}

beforeAll(async () => {
  database = await testDatabase()
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  for (const role of SERVING) {
    pools.set(role, openDatabase({ url: database.url(role), name: `test-${role}`, connections: 1 }))
  }
})

afterAll(async () => {
  await Promise.all([owner, ...pools.values()].map((sql) => sql.end({ timeout: 1 })))
  await database.drop()
})

const UNDONE = new Error('undone')

/** Whether the role may run this statement at all; what it would have done is undone. */
async function may(sql: Sql, statement: string): Promise<boolean> {
  try {
    await sql.begin(async (tx) => {
      await tx.unsafe(statement)
      throw UNDONE
    })
  } catch (error) {
    // Any other error came after the permission to try.
    return error === UNDONE || !(error instanceof postgres.PostgresError && error.code === DENIED)
  }
  return true
}

async function rights(role: Serving, table: string, columns: readonly string[]): Promise<Verb[]> {
  const sql = as(role)
  const found: Verb[] = []
  if (await may(sql, `select from "${table}" limit 1`)) found.push('select')
  // No row, so that no default is asked for: who may not draw a position may insert into transfers all the same.
  if (await may(sql, `insert into "${table}" select where false`)) found.push('insert')
  const updatable: string[] = []
  for (const column of columns) {
    if (await may(sql, `update "${table}" set "${column}" = default`)) updatable.push(column)
  }
  if (updatable.length === columns.length) found.push('update')
  else if (updatable.length > 0) found.push(`update(${updatable.join(',')})`)
  if (await may(sql, `delete from "${table}"`)) found.push('delete')
  if (await may(sql, `truncate "${table}" cascade`)) found.push('truncate')
  return found
}

describe('tables', () => {
  async function tables(): Promise<{ name: string; columns: string[] }[]> {
    const rows = await owner<{ name: string; columns: string }[]>`
      select c.relname as name, json_agg(a.attname order by a.attnum)::text as columns
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
      group by 1 order by 1`
    return rows.map(({ name, columns }) => ({
      name,
      columns: columns.slice(1, -1).replaceAll(/["\s]/g, '').split(','),
    }))
  }

  test('each has a decision about who may do what with it', async () => {
    expect((await tables()).map(({ name }) => name)).toEqual(Object.keys(TABLES).toSorted())
  })

  test.each(SERVING)('%s may do with each what was decided, and nothing else', async (role) => {
    const found: Record<string, Verb[]> = {}
    for (const { name, columns } of await tables()) found[name] = await rights(role, name, columns)
    expect(found).toEqual(Object.fromEntries(Object.entries(TABLES).map(([name, of]) => [name, of[role] ?? []])))
  })

  test('nothing is granted to everyone, nor may be passed on', async () => {
    const loose = await owner`
      select c.relname, g.privilege_type from pg_class c cross join lateral aclexplode(c.relacl) g
      where c.relnamespace = 'public'::regnamespace and (g.grantee = 0 or (g.is_grantable and g.grantee <> c.relowner))`
    expect([...loose]).toEqual([])
  })

  test('no serving role draws a position by itself', async () => {
    for (const role of SERVING) {
      expect([role, await may(as(role), `select nextval('transfers_position')`)]).toEqual([role, false])
    }
  })
})

describe('functions', () => {
  test('each has a decision about who may execute it, and each role may execute just those', async () => {
    const rows = await owner<{ name: string; roles: string }[]>`
      select p.proname as name, coalesce(string_agg(r.rolname, ' ' order by r.rolname), '') as roles
      from pg_proc p
      left join pg_roles r on r.rolname in ${owner(SERVING)} and has_function_privilege(r.oid, p.oid, 'execute')
      where p.pronamespace = 'public'::regnamespace group by p.oid, 1 order by 1`
    const decided = Object.entries(FUNCTIONS).toSorted(([a], [b]) => (a < b ? -1 : 1))
    expect(rows.map(({ name, roles }) => [name, roles])).toEqual(
      decided.map(([name, roles]) => [name, roles.join(' ')]),
    )
  })

  test('one that is made later is executable by nobody until someone says so', async () => {
    await owner`create function made_later() returns integer language sql return 1`
    try {
      for (const role of SERVING) expect(await may(as(role), 'select made_later()')).toBe(false)
    } finally {
      await owner`drop function made_later()`
    }
  })

  test('those that run as the owner look for tables where the owner put them', async () => {
    const rows = await owner<{ name: string; path: string | null }[]>`
      select p.proname as name, (select c from unnest(p.proconfig) c where c like 'search_path=%') as path
      from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef`
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter(({ path }) => path !== 'search_path=public, pg_temp')).toEqual([])
  })

  test('a temporary table of the caller does not stand in for one of the ledger', async () => {
    const sql = as('mooring_hub')
    const { id: book } = await ensureLedger(owner, 'KES', 2)
    const [cash = '', wallet = ''] = await makeAccountBook(sql).ensure(book, [
      cashAccount('bank', 'trust'),
      walletAccount(ids.make('usr')),
    ])
    const [payer = ''] = await makeAccountBook(sql).ensure(book, [walletAccount(ids.make('usr'))])
    const names = ['accounts', 'transfers', 'holds', 'units', 'refused_transfers', 'idempotency', 'outbox']
    for (const name of names) {
      const [real] = await owner<{ columns: string }[]>`
        select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum) as columns
        from pg_attribute where attrelid = ${`public.${name}`}::regclass and attnum > 0 and not attisdropped`
      await sql.unsafe(`create temporary table ${name} (${real?.columns ?? ''})`)
    }
    // In the caller's own table the payer is rich.
    await sql.unsafe(`insert into pg_temp.accounts select * from public.accounts`)
    await sql.unsafe(`update pg_temp.accounts set credits_posted = 1000000`)

    const ledger = makeLedger({ sql, log: makeLog({ name: 'test', level: 'silent' }), limits: { connections: 1 } })
    const move = (debit: string, amount: string) =>
      ledger.apply({
        id: ids.uuid(),
        transfers: [{ id: ids.uuid(), ledger: book, kind: 'post', debit, credit: wallet, amount, subject: 'test' }],
        ok: {},
      })
    expect(await move(payer, '5')).toMatchObject({ code: 'refused', transfer: 'exceeds_credits' })
    expect(await move(cash, '7')).toEqual({ code: 'ok' })

    const [real] = await owner`select credits_posted from accounts where id = ${wallet}`
    expect(real).toEqual({ credits_posted: 7n })
    for (const name of names.filter((each) => each !== 'accounts')) {
      expect([name, ...(await sql.unsafe(`select from pg_temp.${name}`))]).toEqual([name])
    }
    await sql.unsafe(`drop table ${names.map((name) => `pg_temp.${name}`).join(', ')}`)
  })
})

describe('roles', () => {
  test.each(SERVING)(
    '%s is bound to its own rights: no other role, no object of its own, no trigger off',
    async (role) => {
      const sql = as(role)
      const statements = [
        'set role mooring_owner',
        'set session_replication_role = replica',
        'create table public.own (id integer)',
        'create function public.own() returns integer language sql return 1',
        'create schema own',
        'alter table transfers disable trigger all',
        'drop table transfers',
        'alter function apply_units security invoker',
        `grant select on migrations to ${role}`,
        "copy (select 1) to program 'true'",
      ]
      const allowed: string[] = []
      for (const statement of statements) if (await may(sql, statement)) allowed.push(statement)
      expect(allowed).toEqual([])
      const [standing] = await owner`
      select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication,
        (select count(*)::int from pg_auth_members m where m.member = r.oid) as memberships
      from pg_roles r where rolname = ${role}`
      expect(standing).toEqual({
        rolsuper: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolbypassrls: false,
        rolreplication: false,
        memberships: 0,
      })
    },
  )

  test.each(SERVING)('%s waits for nothing for long, whatever its client does', async (role) => {
    // A client that asks for nothing: what holds is the role's own setting.
    const plain = postgres(database.url(role), { max: 1 })
    try {
      const [settings] = await plain`
        select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement,
          current_setting('idle_in_transaction_session_timeout') as idle, current_setting('tcp_user_timeout') as tcp`
      expect(settings).toEqual({ lock: '2s', statement: '5s', idle: '5s', tcp: '5000' })
    } finally {
      await plain.end()
    }
  })

  test('who waits for a lock is told after two seconds', async () => {
    await owner.begin(async (tx) => {
      await tx`lock table outbox in access exclusive mode`
      const began = performance.now()
      await expect(as('mooring_relay')`select from outbox`).rejects.toMatchObject({ code: '55P03' })
      expect(performance.now() - began).toBeGreaterThan(1_900)
    })
  })

  test('the owner alone may migrate, and is no superuser', async () => {
    const [row] =
      await owner`select rolsuper, rolcreaterole, rolbypassrls from pg_roles where rolname = 'mooring_owner'`
    expect(row).toEqual({ rolsuper: false, rolcreaterole: false, rolbypassrls: false })
    const others = await owner`
      select c.relname from pg_class c
      where c.relnamespace = 'public'::regnamespace and pg_get_userbyid(c.relowner) <> 'mooring_owner'`
    expect([...others]).toEqual([])
  })
})
