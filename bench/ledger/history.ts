import { cpus } from 'node:os'
import { cashAccount, merchantPendingAccount } from '../../src/domain/accounting/index.ts'
import { type Sql, balanceAsOf, makeAccountBook, sealWhatIsThere, statement } from '../../src/ledger/index.ts'
import { type Measured, measure, median } from '../payments/measure.ts'
import { type Book, below } from './book.ts'
import type { Place } from './cases.ts'
import { machineTicks, postgresCpuSeconds } from './cpu.ts'
import type { Meters } from './drive.ts'
import { fillHistory } from './fill.ts'
import { undisturbed } from './undisturbed.ts'

/**
 * How long operators wait for what they ask of a long history: pages of a statement and balances as of any moment, of
 * an account with a million lines among others, by the product's own functions, as the operators' role.
 */

/** Hubs that write rows of their own in the second account. */
const PROCESSES = 2
/** How often each is asked in a round. */
const TIMES = 200
/** As many as `ledger statement` shows where nobody says how many. */
const PAGE_LINES = 100
const PAGE_AT_MOST_MS = 10
const BALANCE_AT_MOST_MS = 20
const SEAL_WITHIN_MS = 3_600_000

/** How long answers took, and the share of the machine that others had meanwhile, from 0 to 1. */
type Answers = Measured & { others: number }

/** One question, and how long its answers took. */
export type Timed = {
  key: string
  title: string
  atMostMs: number
  meters: Meters
  rounds: Answers[]
  once(): Promise<unknown>
}

/** Fills in and seals the history, about 2.7 transfers for each line of one account, and tells what may be asked of it. */
export async function longHistory(place: Place, lines: number): Promise<Timed[]> {
  const { database, book } = place
  const say = (line: string) => console.log(`  filling: ${line}`)
  const [single = ''] = book.merchants
  const [main = '', ...shards] = await rowsOfOne(database.hub(1), book)
  const spread = [main, ...shards]
  // Half of the busy pairs each; a pair of transfers is two lines.
  const busy = [...spread.map(() => single), ...spread]
  await fillHistory(database.owner, 2 * Math.ceil(lines / BUSY_SHARE), say, { accounts: busy, share: BUSY_SHARE })
  await database.admin`vacuum (analyze)`
  const ops = database.ops(1)
  const began = performance.now()
  const position = await sealWhatIsThere(ops, { withinMs: SEAL_WITHIN_MS })
  say(`sealed up to position ${String(position)} in ${((performance.now() - began) / 1_000).toFixed(0)} s`)
  await database.admin`vacuum (analyze) balance_checkpoints`
  const questions = [
    ...(await questionsOf(place, ops, { account: single, key: 'single', of: `${String(lines / 1e6)} M lines` })),
    ...(await questionsOf(place, ops, {
      account: main,
      key: 'rows',
      of: `as many in ${String(spread.length)} rows`,
    })),
  ]
  for (const { once } of questions) await measure(TIMES / 10, 1, async () => void (await once()))
  return questions
}

/** Of all pairs, those that go to one of the accounts that are asked about. */
const BUSY_SHARE = 0.75

/** The rows of a merchant that several hubs credit, the main one first. */
async function rowsOfOne(hub: Sql, book: Book): Promise<string[]> {
  const spec = merchantPendingAccount('long')
  const rows = await makeAccountBook(hub).ensure(book.ledger, [spec])
  for (let process = 1; process <= PROCESSES; process++) {
    for (const lane of ['a', 'b']) {
      const legs = [{ debit: cashAccount('bench', 'trust'), credit: spec }]
      const [leg] = await makeAccountBook(hub, process).ensureLegs(book.ledger, legs, lane)
      if (leg !== undefined && !rows.includes(leg.credit)) rows.push(leg.credit)
    }
  }
  return rows
}

async function questionsOf(
  { database: { owner }, meters }: Place,
  ops: Sql,
  { account, key, of }: { account: string; key: string; of: string },
): Promise<Timed[]> {
  const [found] = await owner<{ middle: bigint; end: bigint; first: Date; last: Date; lines: number }[]>`
    with own as (
      select t.position, t.at from transfers t
      join accounts a on a.id = t.credit_account
      where a.id = ${account} or (a.main = ${account} and a.shard > 0)
    )
    select percentile_disc(0.5) within group (order by position) as middle,
      (select position from own order by position desc offset ${PAGE_LINES} limit 1) as end,
      min(at) as first, least(max(at), now() - interval '10 s') as last, count(*)::int as lines
    from own`
  if (found === undefined) throw new Error('the account has no lines')
  console.log(`  filling: ${of}: ${found.lines.toLocaleString('en-GB')} lines`)
  const { middle, end, first, last } = found
  const page = (name: string, after: bigint, title: string): Timed => ({
    key: `history-${key}-${name}`,
    title: `${title} page of a statement, ${of}`,
    atMostMs: PAGE_AT_MOST_MS,
    meters,
    rounds: [],
    async once() {
      const { lines } = await statement(ops, account, { after, limit: PAGE_LINES })
      if (lines.length !== PAGE_LINES) throw new Error(`a page has ${String(lines.length)} lines`)
    },
  })
  const balance = (name: string, title: string, asOf: () => { position: bigint } | { at: Date }): Timed => ({
    key: `history-${key}-${name}`,
    title: `balance as of a random ${title}, ${of}`,
    atMostMs: BALANCE_AT_MOST_MS,
    meters,
    rounds: [],
    once: () => balanceAsOf(ops, account, asOf()),
  })
  return [
    page('first', 0n, 'first'),
    page('middle', middle, 'middle'),
    page('last', end, 'last'),
    balance('position', 'position', () => ({ position: BigInt(1 + below(Number(end))) })),
    balance('time', 'time', () => ({ at: new Date(first.getTime() + below(last.getTime() - first.getTime())) })),
  ]
}

/** Asks each so many times, one after the other; again where others had more of the machine than that. */
export async function ask(questions: readonly Timed[], others: number): Promise<void> {
  for (const each of questions) each.rounds.push(await undisturbed(others, () => answers(each), elsewhere))
}

const elsewhere = (measured: Answers): number => measured.others

async function answers({ meters, once }: Timed): Promise<Answers> {
  const [machine, postgres, cpu] = [machineTicks(), postgresCpuSeconds(meters.postmaster), process.cpuUsage()]
  const began = performance.now()
  const measured = await measure(TIMES, 1, async () => void (await once()))
  const { user, system } = process.cpuUsage(cpu)
  const own = (user + system) / 1_000_000 + postgresCpuSeconds(meters.postmaster) - postgres
  const seconds = ((performance.now() - began) / 1_000) * cpus().length
  const { all, busy } = machineTicks()
  return { ...measured, others: Math.max(0, (busy - machine.busy) / (all - machine.all) - own / seconds) }
}

export function timedRow({ title, rounds }: Timed): string {
  const of = (value: (measured: Answers) => number) => median(rounds.map(value))
  const times = [of((m) => m.p50Ms), of((m) => m.p99Ms)].map((ms) => ms.toFixed(1).padStart(8)).join('')
  return `  ${title.padEnd(62)}${times}${`${(100 * of(elsewhere)).toFixed(0)} %`.padStart(8)}`
}

export const TIMED_HEAD = `  ${''.padEnd(62)}${['p50 ms', 'p99 ms', 'others'].map((title) => title.padStart(8)).join('')}`
