import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { type Ledger, type Sql, audit, makeLedger, openDatabase, seal, verify } from '../../src/ledger/index.ts'
import { seedFrom } from '../support/seed.ts'
import { ids, log } from './support/books.ts'
import { type Stage, chance, oneOf, openStage, sealInPieces, sealingDifferences } from './support/history.ts'

/**
 * Sealing while others write: several writers of their own connections over the same accounts, transactions that hold
 * a position for a while or give it up, and several sealers at once.
 */
const SEED = seedFrom('HISTORY_SEED')
const WRITERS = 5
const SEALERS = 3
const UNITS_PER_WRITER = 400
const IN_FLIGHT = 8
const SLOW = 2

let stage: Stage
const pools: Sql[] = []
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end({ timeout: 1 })))
  await stage.close()
})

function connect(role: 'mooring_hub' | 'mooring_ops' | 'mooring_owner'): Sql {
  const pool = openDatabase({ url: stage.database.url(role), name: `test-${role}`, connections: 1 })
  pools.push(pool)
  return pool
}

/** One process that posts, holds and ends holds, units of several transfers among them. */
async function write(ledger: Ledger, below: (limit: number) => number): Promise<void> {
  const accounts = [stage.cash, stage.merchant, ...stage.wallets]
  const holds: string[] = []
  let left = UNITS_PER_WRITER
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const transfers = Array.from({ length: 1 + below(3) }, () => {
        const hold = below(2) === 0 ? holds.pop() : undefined
        if (hold !== undefined) {
          const kind = below(2) === 0 ? ('confirm' as const) : ('void' as const)
          return { id: ids.uuid(), ledger: stage.book, kind, pending: hold, subject: 'w' }
        }
        const debit = oneOf(accounts, below)
        const credit = oneOf(
          accounts.filter((each) => each !== debit),
          below,
        )
        const kind = below(2) === 0 ? ('post' as const) : ('reserve' as const)
        const amount = String(1 + below(9))
        return { id: ids.uuid(), ledger: stage.book, kind, debit, credit, amount, subject: 'w' }
      })
      // Some are refused: what is not there cannot be spent.
      const { code } = await ledger.apply({ id: ids.uuid(), transfers, ok: {} })
      if (code === 'ok') for (const { id, kind } of transfers) if (kind === 'reserve') holds.push(id)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
  await ledger.drain()
}

test('with five writers and three sealers nothing is missed, nothing sealed twice, and history never changes behind the watermark', async () => {
  stage = await openStage(6)
  const below = chance(SEED)
  for (const wallet of stage.wallets) await stage.post(stage.cash, wallet, 10_000)

  /** Positions that a transaction has drawn and neither committed nor given up. */
  const undecided = new Set<bigint>()
  /** How many transfers there were up to the watermark when somebody looked. */
  const seen: { position: bigint; transfers: bigint }[] = []
  const beyond: string[] = []
  let writing = true

  const look = async (sql: Sql): Promise<void> => {
    const open = [...undecided]
    const [row] = await sql<{ position: bigint; transfers: bigint }[]>`
      select s.position, (select count(*) from transfers t where t.position <= s.position) as transfers from sealed s`
    if (row === undefined) throw new Error('no watermark')
    seen.push(row)
    // Undecided before and after the look: so it was in between.
    for (const position of open) {
      if (undecided.has(position) && position <= row.position)
        beyond.push(`${String(position)} <= ${String(row.position)}`)
    }
  }

  const slow = async (sql: Sql): Promise<void> => {
    for (let i = 0; writing; i++) {
      const wallet = oneOf(stage.wallets, below)
      await sql
        .begin(async (tx) => {
          await tx`select from accounts where id in (${wallet}, ${stage.cash}) order by id for no key update`
          const [row] = await tx<{ position: bigint }[]>`
            insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
            values (${stage.book}, ${ids.uuid()}, 'post', ${stage.cash}, ${wallet}, 1, 'slow', ${ids.uuid()})
            returning position`
          const position = row?.position ?? 0n
          undecided.add(position)
          await tx`update accounts set debits_posted = debits_posted + 1 where id = ${stage.cash}`
          await tx`update accounts set credits_posted = credits_posted + 1 where id = ${wallet}`
          await delay(10 + below(30))
          // From here it may be decided at any moment.
          undecided.delete(position)
          if (i % 3 === 2) throw new Error('given up')
        })
        .catch((error: unknown) => {
          if (!(error instanceof Error && error.message === 'given up')) throw error
        })
      await delay(5)
    }
  }
  const sealing = async (sql: Sql, limit: number): Promise<void> => {
    while (writing) await seal(sql, limit)
  }
  const looking = async (sql: Sql): Promise<void> => {
    while (writing) {
      await look(sql)
      await delay(2)
    }
  }

  const writers = Array.from({ length: WRITERS }, (_, n) =>
    write(
      makeLedger({ sql: connect('mooring_hub'), log, limits: { connections: 1, batch_units: 16 } }),
      chance(SEED + n),
    ),
  )
  const others = [
    ...Array.from({ length: SLOW }, () => slow(connect('mooring_owner'))),
    ...Array.from({ length: SEALERS }, (_, n) =>
      sealing(connect(n === 0 ? 'mooring_hub' : 'mooring_ops'), 50 + 100 * n),
    ),
    looking(connect('mooring_ops')),
  ]
  await Promise.all(writers).finally(() => {
    writing = false
  })
  await Promise.all(others)
  await sealInPieces(stage.ops, below)

  expect(beyond).toEqual([])
  expect(await sealingDifferences(stage.owner)).toEqual([])
  const { faults, notSealed, transfers } = await verify(stage.ops)
  expect(faults).toEqual([])
  expect(notSealed).toBe(0n)
  const [count] = await stage.owner<{ transfers: bigint }[]>`select count(*) as transfers from transfers`
  expect(transfers).toBe(count?.transfers)
  expect(transfers).toBeGreaterThan(BigInt((WRITERS * UNITS_PER_WRITER) / 2))

  // It was looked at while it grew, and what was behind the watermark then is what is there now.
  expect(new Set(seen.map(({ position }) => position)).size).toBeGreaterThan(10)
  for (const { position, transfers: then } of seen) {
    const [now] = await stage.owner<{ transfers: bigint }[]>`
      select count(*) as transfers from transfers where position <= ${position.toString()}`
    expect(now?.transfers, `up to ${String(position)}`).toBe(then)
  }
  const { breaches } = await audit(stage.ops)
  // The slow ones name units that nobody wrote: that alone is to be found.
  expect(breaches.filter(({ invariant }) => invariant !== 'references')).toEqual([])
})
