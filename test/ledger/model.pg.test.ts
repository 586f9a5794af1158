import fc from 'fast-check'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  HISTORY_LIMITS,
  TRANSFER_REFUSALS,
  type Sql,
  type Unit,
  type UnitResult,
  balanceAsOf,
  ensureLedger,
  laneOf,
  makeLedger,
  sealWhatIsThere,
  statement,
} from '../../src/ledger/index.ts'
import { type Books, Raised, countersOf, openHolds, statementOf } from './model/books.ts'
import { paymentsOf } from './model/around.ts'
import { makeReference } from './model/reference.ts'
import { MAX, sequences } from './model/sequences.ts'
import { openWorld, unitsOf } from './model/world.ts'
import { seedFrom } from '../support/seed.ts'
import { type Books as Opened, ids, log, openBooks } from './support/books.ts'

/**
 * The ledger against a reference of its own contract: random sequences of units, few accounts each, two at once over
 * two connections. MODEL_SEED plays what a seed drew again, MODEL_RUNS plays more.
 */
const SEED = seedFrom('MODEL_SEED')
const RUNS = Number(process.env['MODEL_RUNS'] ?? 200)
/** Transfers and flags asked for, on average, by its two sequences. */
const OPS_PER_RUN = 100
/** Statements are read after every so many sequences. */
const STATEMENTS_EVERY = 10
const LIMIT_MS = 60_000 + RUNS * 500

let books: Opened
let other: number
beforeAll(async () => {
  books = await openBooks()
  other = (await ensureLedger(books.owner, 'JPY', 0)).id
  for (const [payment, { state, token }] of TRIED) await attemptIs(payment, state, token)
})
afterAll(() => books.close())

/** Attempts that nothing moves. */
const TRIED = new Map([
  ['pay_unsure', { state: 'unknown', token: randomUUID() }],
  ['pay_settled', { state: 'settled', token: randomUUID() }],
])

async function attemptIs(payment: string, state: string, token: string): Promise<void> {
  await books.owner`
    insert into attempts (payment, no, ledger, rail, operation, reference, uetr, amount, currency, account,
      account_holder, description, state, dispatch_token, updated_at)
    values (${payment}, 1, ${books.book}, 'bank', 'collect', ${payment}, ${randomUUID()}, 1, 'KES', 'KE00', 'A', 'x',
      ${state}, ${token}, now())`
}

/** Stands for a unit that raised in the database and failed alone. */
type Answer = UnitResult | 'raised'

/** The units of each lane in their order, those of both at once. */
async function applied(lanes: readonly (readonly Unit[])[], batchUnits: number): Promise<Answer[][]> {
  const ledger = makeLedger({ sql: books.hub, log, limits: { connections: lanes.length, batch_units: batchUnits } })
  return Promise.all(
    lanes.map(async (units) => {
      const settled = await Promise.allSettled(units.map((unit) => ledger.apply(unit)))
      return settled.map((one): Answer => (one.status === 'fulfilled' ? one.value : 'raised'))
    }),
  )
}

/** A feed whose units take this lane. */
function feedOf(lane: number): string {
  for (;;) {
    const feed = ids.make('usr')
    if (laneOf(feed) === lane) return feed
  }
}

function expected(apply: (unit: Unit, nowMs: number) => UnitResult, unit: Unit): Answer {
  try {
    return apply(unit, Date.now())
  } catch (error) {
    if (error instanceof Raised) return 'raised'
    throw error
  }
}

type Stored = {
  accounts: Record<string, string>
  history: string[]
  holds: Record<string, string>
  failed: string[]
  beside: string[]
  told: string[]
}

function storedBy(model: Books): Stored {
  const accounts = [...model.accounts.values()].map((a): [string, string] => [
    a.id,
    [a.debitsPending, a.debitsPosted, a.creditsPending, a.creditsPosted, a.frozen, a.closed].join(' '),
  ])
  const holds = openHolds(model).map((h): [string, string] => [
    h.id,
    [h.debit, h.credit, h.amount, h.subject].join(' '),
  ])
  return {
    accounts: Object.fromEntries(accounts),
    history: [...model.transfers.values()].map((t) =>
      [t.id, t.ledger, t.kind, t.debit, t.credit, t.amount, t.pending ?? '-', t.subject].join(' '),
    ),
    holds: Object.fromEntries(holds),
    failed: [...model.failed].toSorted(),
    beside: [
      ...[...model.payments].map(([id, { version }]) => `${id} ${String(version)}`),
      ...[...model.attempts].filter(([id]) => model.payments.has(id)).map(([id, { state }]) => `${id} ${state}`),
      ...[...model.keys].map(([name, { hash, reply }]) => `${name} ${hash} ${JSON.stringify(reply)}`),
    ].toSorted(),
    told: model.events,
  }
}

/** The same of the tables: transfers by position. */
async function stored(sql: Sql, feed: string, accounts: readonly string[], asked: readonly string[]): Promise<Stored> {
  const [row] = await sql<{ stored: Stored }[]>`
    with mine as (select * from accounts where id in (select value::uuid from json_array_elements_text(${JSON.stringify(accounts)}::text::json))),
      moved as (select * from transfers where debit_account in (select id from mine) union
        select * from transfers where credit_account in (select id from mine))
    select json_build_object(
      'accounts', (select json_object_agg(id, concat_ws(' ', debits_pending, debits_posted, credits_pending,
        credits_posted, frozen::text, closed::text)) from mine),
      'history', (select coalesce(json_agg(concat_ws(' ', id, ledger, kind, debit_account, credit_account, amount,
        coalesce(pending_id::text, '-'), subject) order by position), '[]') from moved),
      'holds', (select coalesce(json_object_agg(id, concat_ws(' ', debit_account, credit_account, amount, subject)), '{}')
        from holds where debit_account in (select id from mine)),
      'failed', (select coalesce(json_agg(id order by id::text), '[]') from refused_transfers
        where id in (select value::uuid from json_array_elements_text(${JSON.stringify(asked)}::text::json))),
      'told', (select coalesce(json_agg(id order by seq), '[]') from outbox where feed = ${feed}),
      'beside', (select coalesce(json_agg(line order by line), '[]') from (
        select id || ' ' || version as line from payments where id in ${sql(paymentsOf(feed))}
        union all select payment || ' ' || state from attempts where payment in ${sql(paymentsOf(feed))}
        union all select concat_ws(' ', scope, key, content_hash, reply::text) from idempotency where scope = ${feed}
      ) k)) as stored`
  if (row === undefined) throw new Error('the tables did not answer')
  return row.stored
}

const LANES = [0, 1]

test(
  'any sequences of units, two at once and in batches of any size, come to what the contract says',
  { timeout: LIMIT_MS },
  async () => {
    let ops = 0
    let played = 0
    const ended: Books[] = []
    const seen = new Set<string>()
    const property = fc.asyncProperty(fc.tuple(sequences, sequences), async (drawn) => {
      const given = { ledger: books.book, other, subjects: ['model', ...TRIED.keys()], attempts: TRIED }
      const lanes = await Promise.all(
        LANES.map(async (n) => {
          const { world, books: opening } = await openWorld(books.hub, { ...given, feed: feedOf(n) })
          return { world, opening, ...unitsOf(drawn[n] ?? drawn[0], world) }
        }),
      )
      const answers = await applied(
        lanes.map(({ units }) => units),
        drawn[0].batchUnits,
      )
      for (const [n, { world, opening, units, ops: asked }] of lanes.entries()) {
        const reference = makeReference(opening)
        const wanted = units.map((unit) => expected((...one) => reference.apply(...one), unit))
        expect(answers[n]).toEqual(wanted)

        const transfers = units.flatMap((unit) => (unit.transfers ?? []).map(({ id }) => id))
        const rows = await stored(books.owner, world.feed, [...opening.accounts.keys()], transfers)
        expect(rows).toEqual(storedBy(reference.books))
        if (played++ % STATEMENTS_EVERY === 0) ended.push(reference.books)
        ops += asked
        for (const answer of wanted) seen.add(answer === 'raised' ? answer : codeOf(answer))
      }
    })
    await fc.assert(property, { seed: SEED, numRuns: RUNS, plugins: [fc.interruptAfterTimeLimit(LIMIT_MS - 20_000)] })
    expect(ops).toBeGreaterThanOrEqual(OPS_PER_RUN * RUNS)
    expect([...seen].toSorted()).toEqual([...TRANSFER_REFUSALS, ...OTHERS].toSorted())
    await expectHistory(ended)
  },
)

/** What else a sequence is answered: all but what needs others who want the same. */
const OTHERS = ['ok', 'raised', 'unit_differs', 'replayed', 'key_reused', 'guard_failed', 'conflict']

function codeOf(answer: UnitResult): string {
  return answer.code === 'refused' ? answer.transfer : answer.code
}

/** Statements and balances as of each side of the middle: the same as the reference's, from its transfers alone. */
async function expectHistory(all: readonly Books[]): Promise<void> {
  await sealWhatIsThere(books.owner, { withinMs: 30_000 })
  let lines = 0
  for (const model of all) {
    for (const account of model.accounts.values()) {
      const wanted = statementOf(model, account.id)
      const counters = countersOf(model, account.id)
      // What all rows of an account come to fits where each row does, but for the largest amounts that are drawn.
      if (Object.values(counters).some((sum) => sum > MAX)) continue
      const page = await statement(books.owner, account.id, { limit: HISTORY_LIMITS.statement_lines })
      expect(page.lines.map(({ transfer, after }) => ({ transfer, after }))).toEqual(wanted)
      expect(await balanceAsOf(books.owner, account.id)).toMatchObject(counters)
      const n = Math.floor(page.lines.length / 2)
      const [middle, line] = [page.lines[n], wanted[n]]
      if (middle === undefined || line === undefined) continue
      expect(await balanceAsOf(books.owner, account.id, { position: middle.position })).toMatchObject(line.after)
      lines += wanted.length
    }
  }
  expect(lines).toBeGreaterThan(0)
}
