import { afterAll, beforeAll, expect, test } from 'vitest'
import { NotSealedYet, balanceAsOf, sealWhatIsThere, statement } from '../../src/ledger/index.ts'
import { seedFrom } from '../support/seed.ts'
import {
  type Stage,
  behindTriggers,
  chance,
  liveFor,
  oneOf,
  openStage,
  sealInPieces,
  spreadOverMinutes,
} from './support/history.ts'
import { type Replayed, linesOf, readHistory, replayUpTo } from './support/replay.ts'

/**
 * Balances as of any moment and statements, against every transfer added up by hand: over random business, several
 * checkpoints, an account of several rows, and positions that stayed empty. HISTORY_SEED plays a failure again.
 */
const SEED = seedFrom('HISTORY_SEED')
const FROM = new Date('2026-01-01T00:00:00Z')
/** More than position_at looks at around where halving leads it. */
const EMPTY_POSITIONS = 5_000

let stage: Stage
let history: Replayed[]
/** Each account with the rows it is made of. */
let accounts: { id: string; rows: string[] }[]
let sealed: bigint
const below = chance(SEED)

beforeAll(async () => {
  stage = await openStage()
  await liveFor(stage, 700, SEED)
  await stage.owner`select setval('transfers_position', last_value + ${EMPTY_POSITIONS}) from transfers_position`
  await liveFor(stage, 500, SEED + 1)
  await spreadOverMinutes(stage.owner, FROM)
  await sealInPieces(stage.ops, below)
  history = await readHistory(stage.owner)
  sealed = history.at(-1)?.position ?? 0n
  const tills = [stage.merchant, ...stage.shards]
  accounts = [
    ...[stage.cash, ...stage.wallets, ...stage.shards].map((id) => ({ id, rows: [id] })),
    { id: stage.merchant, rows: tills },
  ]
})

afterAll(() => stage.close())

const lastAtOrBefore = (at: Date): bigint => history.findLast((each) => each.at <= at)?.position ?? 0n

test('a balance as of any position is every transfer up to it added up', async () => {
  const checkpoints = await stage.owner<{ account: string; position: bigint }[]>`
    select account, position from balance_checkpoints`
  // Several accounts have them, one of them several.
  expect(checkpoints.length).toBeGreaterThanOrEqual(4)
  const around = checkpoints.flatMap(({ position }) => [position - 1n, position, position + 1n])
  const anywhere = Array.from({ length: 40 }, () => BigInt(below(Number(sealed) + 1)))
  for (const position of [0n, 1n, ...around, ...anywhere, sealed].filter((each) => each <= sealed)) {
    for (const { id, rows } of accounts) {
      const asOf = await balanceAsOf(stage.ops, id, { position })
      expect(asOf, `${id} as of ${String(position)}`).toEqual({ position, ...replayUpTo(history, rows, position) })
    }
  }
})

test('without a moment it is that of all sealed history, and equal to the counters', async () => {
  for (const { id, rows } of accounts) {
    const { position, ...counters } = await balanceAsOf(stage.ops, id)
    expect(position).toBe(sealed)
    const [now] = await stage.owner`
      select sum(debits_pending)::bigint as "debitsPendingMinor", sum(debits_posted)::bigint as "debitsPostedMinor",
        sum(credits_pending)::bigint as "creditsPendingMinor", sum(credits_posted)::bigint as "creditsPostedMinor"
      from accounts where id in ${stage.owner(rows)}`
    expect(counters).toEqual(now)
  }
})

test('as of a time is after the last transfer at that time or before, however many positions stayed empty there', async () => {
  const gap = history.findIndex((each, i) => each.position - (history[i - 1]?.position ?? 0n) > EMPTY_POSITIONS)
  const [before, after] = [history[gap - 1], history[gap]]
  if (before === undefined || after === undefined) throw new Error('nothing stayed empty')
  const inTheGap = new Date((before.at.getTime() + after.at.getTime()) / 2)
  expect((await balanceAsOf(stage.ops, stage.cash, { at: inTheGap })).position).toBe(before.position)
  const times = [
    new Date(FROM.getTime() - 1),
    ...Array.from({ length: 40 }, () => oneOf(history, below).at),
    ...Array.from({ length: 40 }, () => new Date(oneOf(history, below).at.getTime() - 1 - below(600_000))),
    new Date('2026-10-01T00:00:00Z'),
  ]
  for (const at of times) {
    const position = lastAtOrBefore(at)
    const { id, rows } = oneOf(accounts, below)
    const asOf = await balanceAsOf(stage.ops, id, { at })
    expect(asOf, `at ${at.toISOString()}`).toEqual({ position, ...replayUpTo(history, rows, position) })
  }
})

test.each([7, 100, 1_000])(
  'pages of %i lines join, and each line has the balance as of its position',
  async (limit) => {
    for (const { id, rows } of accounts) {
      const wanted = linesOf(history, rows)
      const found = []
      let opening = replayUpTo(history, rows, 0n)
      for (let after: bigint | undefined; ;) {
        const page = await statement(stage.ops, id, { limit, ...(after === undefined ? {} : { after }) })
        expect(page.opening).toEqual(opening)
        found.push(...page.lines)
        if (page.next === null) {
          expect(page.lines.length).toBeLessThanOrEqual(limit)
          break
        }
        expect(page.lines).toHaveLength(limit)
        after = page.next
        opening = page.lines.at(-1)?.after ?? opening
      }
      expect(found.map(({ position }) => position)).toEqual(wanted.map(({ position }) => position))
      for (const [n, line] of found.entries()) {
        const transfer = wanted[n]
        expect(line).toMatchObject({
          transfer: transfer?.id,
          side: rows.includes(transfer?.debit ?? '') ? 'debit' : 'credit',
          postedMinor: transfer?.postedMinor,
          pendingMinor: transfer?.pendingMinor,
        })
        // Adding everything up for every line of the longest would take longer than all the rest.
        if (n % 5 === 0) expect(line.after).toEqual(replayUpTo(history, rows, line.position))
      }
    }
  },
)

test('opening and lines come to the closing balance, and what went from till to till is not among them', async () => {
  const from = BigInt(below(Number(sealed)))
  for (const { id, rows } of accounts) {
    const { opening, lines } = await statement(stage.ops, id, { after: from, limit: 1_000 })
    const to = lines.at(-1)?.position ?? from
    const closing = await balanceAsOf(stage.ops, id, { position: to })
    const sign = (side: string) => (side === 'credit' ? 1n : -1n)
    const posted = lines.reduce((sum, line) => sum + sign(line.side) * line.postedMinor, 0n)
    const pending = lines.reduce((sum, line) => sum + sign(line.side) * line.pendingMinor, 0n)
    expect(opening.creditsPostedMinor - opening.debitsPostedMinor + posted).toBe(
      closing.creditsPostedMinor - closing.debitsPostedMinor,
    )
    expect(opening.creditsPendingMinor - opening.debitsPendingMinor + pending).toBe(
      closing.creditsPendingMinor - closing.debitsPendingMinor,
    )
    const within = history.filter(({ debit, credit }) => rows.includes(debit) && rows.includes(credit))
    expect(within.length > 10).toBe(id === stage.merchant)
    const shown = new Set(lines.map(({ transfer }) => transfer))
    expect(within.some((each) => shown.has(each.id))).toBe(false)
  }
})

test('a statement as of a moment ends there, and after a cursor beyond it there is nothing', async () => {
  const middle = history[Math.floor(history.length / 2)]
  if (middle === undefined) throw new Error('nothing happened')
  const rows = [stage.cash]
  const asOf = { at: middle.at }
  const position = lastAtOrBefore(middle.at)
  const upTo = linesOf(history, rows).filter((line) => line.position <= position)
  const page = await statement(stage.ops, stage.cash, { asOf, limit: 1_000 })
  expect(page).toMatchObject({ position, next: null })
  expect(page.lines.map((line) => line.position)).toEqual(upTo.map((line) => line.position))
  const beyond = await statement(stage.ops, stage.cash, { asOf, after: position + 5n })
  expect(beyond).toEqual({ opening: replayUpTo(history, rows, position), lines: [], next: null, position })
  await expect(statement(stage.ops, stage.cash, { limit: 1_001 })).rejects.toThrow(RangeError)
  await expect(statement(stage.ops, stage.cash, { limit: 0 })).rejects.toThrow(RangeError)
})

test('no balance and no page of a statement reads all of history, however it is asked for', async () => {
  const middle = history[Math.floor(history.length / 2)]
  if (middle === undefined) throw new Error('nothing happened')
  const { merchant, ops, owner } = stage
  await owner`analyze transfers`
  const readings = await ops.begin(async (tx) => {
    await balanceAsOf(tx, merchant)
    await balanceAsOf(tx, merchant, { position: middle.position })
    await balanceAsOf(tx, merchant, { at: middle.at })
    await statement(tx, merchant, { after: middle.position, asOf: { at: middle.at }, limit: 10 })
    return tx<{ whole: bigint; some: bigint }[]>`
      select seq_scan as whole, idx_scan as some from pg_stat_xact_user_tables where relname = 'transfers'`
  })
  expect(readings).toMatchObject([{ whole: 0n }])
  expect(readings[0]?.some).toBeGreaterThan(0n)
})

test('what is not decided is not answered: a position, a time, or a time before one that waits to be sealed', async () => {
  const { cash, ops, owner } = stage
  const [wallet = ''] = stage.wallets
  await expect(balanceAsOf(ops, cash, { position: sealed + 1n })).rejects.toThrow(NotSealedYet)
  await expect(statement(ops, cash, { asOf: { position: sealed + 1n } })).rejects.toThrow(NotSealedYet)
  // Calls that run at this moment may have taken their time before it.
  const [{ now } = { now: new Date() }] = await owner<{ now: Date }[]>`select clock_timestamp() as now`
  await expect(balanceAsOf(ops, cash, { at: now })).rejects.toThrow(NotSealedYet)

  const id = await stage.post(cash, wallet, 1)
  const at = new Date('2026-10-01T00:00:00Z')
  await behindTriggers(owner, 'transfers', (tx) => tx`update transfers set at = ${at} where id = ${id}`)
  await expect(balanceAsOf(ops, cash, { at })).rejects.toThrow(NotSealedYet)
  const before = await balanceAsOf(ops, cash, { at: new Date(at.getTime() - 1) })
  expect(before.position).toBe(sealed)
  const position = await sealWhatIsThere(ops, { withinMs: 10_000 })
  const after = await balanceAsOf(ops, cash, { at })
  expect(after).toMatchObject({ position, debitsPostedMinor: before.debitsPostedMinor + 1n })
})
