import { afterEach, expect, test } from 'vitest'
import { openDatabase, seal, sealWhatIsThere, startSealer, verify } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { type Stage, openStage, sealingDifferences } from './support/history.ts'

let stage: Stage
afterEach(() => stage.close())

const differences = () => sealingDifferences(stage.owner)

async function sealedUpTo(): Promise<bigint> {
  const [row] = await stage.ops<{ position: bigint }[]>`select position from sealed`
  return row?.position ?? -1n
}

test('nothing is sealed past a position that a running transaction holds, and nothing is missed when it ends', async () => {
  stage = await openStage()
  const { cash, wallets, owner } = stage
  const [first = '', second = ''] = wallets
  await stage.post(cash, first, 10)
  const before = await sealWhatIsThere(stage.ops, { withinMs: 10_000 })
  expect(before).toBe(1n)

  // Another's transfer, drawn and not committed: below it and above it others go on.
  const held = Promise.withResolvers<void>()
  const drawn = Promise.withResolvers<void>()
  const writing = owner.begin(async (tx) => {
    await tx`select from accounts where id in (${second}, ${stage.merchant}) order by id for no key update`
    await tx`
      insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
      values (${stage.book}, ${stage.ids.uuid()}, 'post', ${second}, ${stage.merchant}, 1, 'slow', ${stage.ids.uuid()})`
    drawn.resolve()
    await held.promise
  })
  await drawn.promise
  for (let i = 0; i < 20; i++) await stage.post(cash, first, 1)
  for (let i = 0; i < 10; i++) await seal(stage.ops)
  // The first call may find positions that were drawn before the slow one; the slow one and what follows wait.
  expect(await sealedUpTo()).toBeLessThan(2n)
  held.resolve()
  await writing
  expect(await sealWhatIsThere(stage.ops, { withinMs: 10_000 })).toBe(22n)
  expect(await differences()).toEqual([])
})

test('a candidate that was taken while nobody had ended after the writer began is not trusted early', async () => {
  stage = await openStage()
  const { owner } = stage
  const held = Promise.withResolvers<void>()
  const drawn = Promise.withResolvers<void>()
  // The newest transaction of all and the only one: no snapshot's xmax is above it.
  const writing = owner.begin(async (tx) => {
    await tx`select from accounts order by id for no key update`
    await tx`
      insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
      values (${stage.book}, ${stage.ids.uuid()}, 'post', ${stage.cash}, ${stage.merchant}, 1, 'slow', ${stage.ids.uuid()})`
    drawn.resolve()
    await held.promise
  })
  await drawn.promise
  for (let i = 0; i < 5; i++) await seal(stage.ops)
  expect(await sealedUpTo()).toBe(0n)
  held.resolve()
  await writing
  expect(await sealWhatIsThere(stage.ops, { withinMs: 10_000 })).toBe(1n)
  expect(await differences()).toEqual([])
})

test('a writer that began after the sealer and drew before it looked is older than the candidate it is in', async () => {
  stage = await openStage()
  const { owner, ops } = stage
  // A connection that has sealed before: a first call waits for the table already where the function is compiled.
  const sealer = openDatabase({ url: stage.database.url('mooring_ops'), name: 'test-sealer', connections: 1 })
  await seal(sealer)
  const sealing: Promise<unknown>[] = []
  const held = Promise.withResolvers<void>()
  const drawn = Promise.withResolvers<string>()
  let writing: Promise<unknown> | undefined
  await owner.begin(async (tx) => {
    await tx`lock table sealed in access exclusive mode`
    sealing.push(seal(sealer))
    const waiting = () => ops`
      select from pg_stat_activity
      where wait_event_type = 'Lock' and usename = current_user and datname = current_database()`
    await expect.poll(async () => (await waiting()).length).toBe(1)
    writing = owner.begin(async (other) => {
      const [row] = await other<{ xid: string }[]>`
        insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
        values (${stage.book}, ${stage.ids.uuid()}, 'post', ${stage.cash}, ${stage.merchant}, 1, 'slow', ${stage.ids.uuid()})
        returning pg_current_xact_id()::text as xid`
      drawn.resolve(row?.xid ?? '')
      await held.promise
    })
    await drawn.promise
  })
  await Promise.all(sealing)
  await sealer.end({ timeout: 1 })
  // Nobody older runs any more, in whatever database of the server: the writer alone keeps its position open.
  const oldest = () => ops<{ xid: string }[]>`select pg_snapshot_xmin(pg_current_snapshot())::text as xid`
  await expect.poll(async () => (await oldest())[0]?.xid).toBe(await drawn.promise)
  for (let i = 0; i < 5; i++) await seal(ops)
  expect(await sealedUpTo()).toBe(0n)
  held.resolve()
  await writing
  expect(await sealWhatIsThere(ops, { withinMs: 10_000 })).toBe(1n)
  expect(await differences()).toEqual([])
})

test('a position whose transaction failed stays empty, and history goes on past it', async () => {
  stage = await openStage()
  await expect(
    stage.owner.begin(async (tx) => {
      await tx`select nextval('transfers_position')`
      throw new Error('undone')
    }),
  ).rejects.toThrow('undone')
  await stage.post(stage.cash, stage.merchant, 5)
  expect(await sealWhatIsThere(stage.ops, { withinMs: 10_000 })).toBe(2n)
  expect(await differences()).toEqual([])
})

test('while writers run in parallel, slow ones among them, each transfer is sealed once and the chain holds', async () => {
  stage = await openStage(8)
  const { cash, wallets, owner, ledger, ids, book, merchant } = stage
  const [own = '', ...others] = wallets
  let running = true
  const slow = (async () => {
    for (let i = 0; i < 12; i++) {
      await owner
        .begin(async (tx) => {
          await tx`select from accounts where id in (${own}, ${cash}) order by id for no key update`
          await tx`
          insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
          values (${book}, ${ids.uuid()}, 'post', ${cash}, ${own}, 1, 'slow', ${ids.uuid()})`
          await tx`select pg_sleep(0.02)`
          if (i % 4 === 3) throw new Error('undone')
        })
        .catch(() => {})
    }
    running = false
  })()
  const fast = others.map(async (wallet) => {
    while (running) {
      await ledger.apply({
        id: ids.uuid(),
        transfers: [
          { id: ids.uuid(), ledger: book, kind: 'post', debit: merchant, credit: wallet, amount: '1', subject: 'x' },
        ],
        ok: {},
      })
      await ledger.apply({
        id: ids.uuid(),
        transfers: [
          { id: ids.uuid(), ledger: book, kind: 'post', debit: cash, credit: wallet, amount: '1', subject: 'x' },
        ],
        ok: {},
      })
    }
  })
  const sealing = [stage.ops, stage.hub].map(async (sql) => {
    while (running) await seal(sql, 7)
  })
  await Promise.all([slow, ...fast, ...sealing])
  await sealWhatIsThere(stage.ops, { withinMs: 10_000 })
  expect(await differences()).toEqual([])
  const result = await verify(stage.ops)
  expect(result.faults).toEqual([])
  expect(result.notSealed).toBe(0n)
  const [count] = await owner<{ n: bigint }[]>`select count(*) as n from transfers`
  expect(result.transfers).toBe(count?.n)
})

test('blocks hold at most 256 transfers, and a call at most what it was asked for', async () => {
  stage = await openStage()
  await Promise.all(Array.from({ length: 600 }, () => stage.post(stage.cash, stage.merchant, 1)))
  await seal(stage.ops)
  // Another test's transactions are older too, in whatever database of the server.
  await expect.poll(() => seal(stage.ops, 300)).toMatchObject({ transfers: 300, waiting: 300n })
  expect(await seal(stage.ops, 300)).toMatchObject({ transfers: 300, waiting: 0n })
  const sizes = await stage.ops<{ count: number }[]>`select count from seals order by no`
  expect(sizes.map(({ count }) => count)).toEqual([256, 44, 256, 44])
})

test('the hub seals on a timer, and stops when told to', async () => {
  stage = await openStage()
  await stage.post(stage.cash, stage.merchant, 5)
  const sealer = startSealer({ sql: stage.hub, log: makeLog({ name: 'test', level: 'silent' }), everyMs: 5 })
  await expect.poll(sealedUpTo).toBe(1n)
  await sealer.stop()
  await stage.post(stage.cash, stage.merchant, 5)
  expect(await sealedUpTo()).toBe(1n)
})

test('in a transaction that has written it refuses to seal, and it seals for nobody while another is at it', async () => {
  stage = await openStage()
  await stage.post(stage.cash, stage.merchant, 5)
  await expect(
    stage.ops.begin(async (tx) => {
      await tx`create temporary table written (id integer)`
      await seal(tx)
    }),
  ).rejects.toThrow('first to write')
  await stage.hub.begin(async (tx) => {
    expect(await seal(tx)).not.toBeNull()
    expect(await seal(stage.ops)).toBeNull()
  })
})

test('neither a seal nor a checkpoint can be changed, by its owner neither', async () => {
  stage = await openStage()
  await stage.post(stage.cash, stage.merchant, 5)
  await sealWhatIsThere(stage.ops, { withinMs: 10_000 })
  await expect(stage.owner`update seals set count = 1`).rejects.toThrow('seals is append-only')
  await expect(stage.owner`delete from balance_checkpoints`).rejects.toThrow('balance_checkpoints is append-only')
  await expect(stage.ops`insert into seals default values`).rejects.toThrow('permission denied')
})
