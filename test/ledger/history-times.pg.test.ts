import { afterEach, expect, test } from 'vitest'
import { type Sql, NotSealedYet, balanceAsOf, makeLedger, openDatabase, seal } from '../../src/ledger/index.ts'
import { until } from '../support/until.ts'
import { ids, log } from './support/books.ts'
import { type Stage, openStage } from './support/history.ts'

/** A time of history is answered once nothing can be posted at or before it any more, however long a commit takes. */
let stage: Stage
let slow: Sql | undefined
afterEach(async () => {
  await slow?.end({ timeout: 1 })
  slow = undefined
  await stage.close()
})

async function databaseTime(): Promise<Date> {
  const [row] = await stage.owner<{ now: Date }[]>`select clock_timestamp() as now`
  if (row === undefined) throw new Error('no time')
  return row.now
}

const askedAt = (at: Date) => balanceAsOf(stage.ops, stage.cash, { at })

/** Seals on until this time is decided. */
async function decided(at: Date) {
  await until(
    async () => {
      await seal(stage.ops)
      return askedAt(at).then(
        () => true,
        (error: unknown) => {
          if (error instanceof NotSealedYet) return false
          throw error
        },
      )
    },
    { timeout_ms: 20_000, what: 'the time is decided' },
  )
  return askedAt(at)
}

/**
 * Posts `amount` by a call whose commit stalls, as one does whose disk does not answer: what is deferred to the commit
 * runs where statement_timeout has been disarmed.
 */
async function postStalled(amount: number) {
  await stage.owner.unsafe(`
    create table stalled (amount bigint primary key);
    grant select on stalled to mooring_hub;
    create function stall() returns trigger language plpgsql as $$
    begin
      while exists (select from stalled s where s.amount = new.amount) loop perform pg_sleep(0.005); end loop;
      return null;
    end
    $$;
    create constraint trigger stall after insert on transfers deferrable initially deferred
      for each row execute function stall();`)
  await stage.owner`insert into stalled values (${String(amount)})`
  slow = openDatabase({ url: stage.database.url('mooring_hub'), name: 'stalled', connections: 1 })
  await slow`set statement_timeout = '100ms'`
  const ledger = makeLedger({ sql: slow, log, limits: { connections: 1 } })
  const posted = ledger.apply(stage.unit([{ ...one(), amount: String(amount) }]))
  const superuser = openDatabase({ url: stage.database.url('postgres'), name: 'test-watch', connections: 1 })
  await until(
    async () => {
      const rows = await superuser`
        select from pg_stat_activity
        where application_name = 'stalled' and wait_event = 'PgSleep'
          and clock_timestamp() > query_start + interval '1 second'`
      return rows.length === 1
    },
    { timeout_ms: 20_000, what: 'the commit stalls for ten times what a statement may take' },
  )
  await superuser.end({ timeout: 1 })
  return {
    letGo: async () => {
      await stage.owner`delete from stalled`
      expect(await posted).toEqual({ code: 'ok' })
    },
  }
}

const one = () => ({
  id: ids.uuid(),
  ledger: stage.book,
  kind: 'post' as const,
  debit: stage.cash,
  credit: stage.wallets[0] ?? '',
  amount: '1',
  subject: 'test',
})

test('a transfer whose commit stalls is not missed by who asks for a time after it was posted', async () => {
  stage = await openStage()
  const [, other = ''] = stage.wallets
  await stage.post(stage.cash, other, 10)
  const before = await databaseTime()
  expect(await decided(before)).toMatchObject({ debitsPostedMinor: 10n })

  const { letGo } = await postStalled(7)
  const after = await databaseTime()
  // Others go on, and are sealed as far as they can be.
  await stage.post(other, stage.merchant, 1)
  for (let i = 0; i < 10; i++) await seal(stage.ops)
  await expect(askedAt(after)).rejects.toThrow(NotSealedYet)
  expect(await askedAt(before)).toMatchObject({ debitsPostedMinor: 10n })
  await letGo()
  expect(await decided(after)).toMatchObject({ debitsPostedMinor: 17n })
  expect(await askedAt(before)).toMatchObject({ debitsPostedMinor: 10n })
})

test('what was answered for a time while others wrote is answered so again', async () => {
  stage = await openStage()
  let writing = true
  const fast = stage.wallets.map(async (wallet) => {
    while (writing) await stage.post(stage.cash, wallet, 1)
  })
  const slowly = (async () => {
    for (let i = 0; i < 25; i++) {
      await stage.owner.begin(async (tx) => {
        await tx`select from accounts where id = ${stage.merchant} for no key update`
        await tx`
          insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
          values (${stage.book}, ${ids.uuid()}, 'post', ${stage.cash}, ${stage.merchant}, 1, 'slow', ${ids.uuid()})`
        await tx`select pg_sleep(${0.01 + 0.03 * Math.random()})`
      })
    }
    writing = false
  })()
  const sealing = (async () => {
    while (writing) await seal(stage.hub)
  })()
  const answered: { at: Date; position: bigint; debits: bigint }[] = []
  const asking = (async () => {
    while (writing) {
      const at = new Date((await databaseTime()).getTime() - Math.random() * 100)
      await askedAt(at).then(
        ({ position, debitsPostedMinor }) => answered.push({ at, position, debits: debitsPostedMinor }),
        (error: unknown) => expect(error).toBeInstanceOf(NotSealedYet),
      )
    }
  })()
  await Promise.all([...fast, slowly, sealing, asking])
  expect(answered.length).toBeGreaterThan(10)
  await decided(await databaseTime())
  for (const { at, position, debits } of answered) {
    expect(await askedAt(at), `at ${at.toISOString()}`).toMatchObject({ position, debitsPostedMinor: debits })
  }
})

test('where nothing happens times are decided all the same, and little is written for it', async () => {
  stage = await openStage()
  await stage.post(stage.cash, stage.merchant, 5)
  const first = await decided(await databaseTime())
  const second = await decided(await databaseTime())
  expect(second.position).toBe(first.position)
  const written = async () => {
    const [row] = await stage.owner<{ xmin: string }[]>`select xmin::text from sealed`
    return row?.xmin
  }
  const seen = new Set<string | undefined>()
  for (let i = 0; i < 200; i++) {
    await seal(stage.ops)
    seen.add(await written())
  }
  expect(seen.size).toBeLessThanOrEqual(4)
})
