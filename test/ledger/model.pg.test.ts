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
  makeLedger,
  sealWhatIsThere,
  statement,
} from '../../src/ledger/index.ts'
import { type Books, countersOf, openHolds, statementOf } from './model/books.ts'
import { makeReference } from './model/reference.ts'
import { sequences } from './model/sequences.ts'
import { openWorld, unitsOf } from './model/world.ts'
import { type Books as Opened, log, openBooks } from './support/books.ts'

/**
 * The ledger against a reference of its own contract: random sequences of units, few accounts. A failure prints its
 * seed; MODEL_SEED plays it again, MODEL_RUNS plays more.
 */
const SEED = Number(process.env['MODEL_SEED'] ?? Date.now() % 1_000_000_000)
const RUNS = Number(process.env['MODEL_RUNS'] ?? 400)
/** Transfers and flags asked for, on average. */
const OPS_PER_RUN = 50
/** Statements are read after every so many sequences. */
const STATEMENTS_EVERY = 10
const LIMIT_MS = 60_000 + RUNS * 500

let books: Opened
let other: number
beforeAll(async () => {
  books = await openBooks()
  other = (await ensureLedger(books.owner, 'JPY', 0)).id
  await attemptIs('pay_unsure', 'unknown')
  await attemptIs('pay_settled', 'settled')
})
afterAll(() => books.close())

async function attemptIs(payment: string, state: string): Promise<void> {
  await books.owner`
    insert into attempts (payment, no, ledger, rail, operation, reference, uetr, amount, currency, account_iban,
      account_holder, description, state, dispatch_token, updated_at)
    values (${payment}, 1, ${books.book}, 'bank', 'collect', ${payment}, ${randomUUID()}, 1, 'KES', 'KE00', 'A', 'x',
      ${state}, ${randomUUID()}, now())`
}

/** Stands for a unit that raised in the database and failed alone. */
type Answer = UnitResult | 'raised'

async function applied(units: readonly Unit[], batchUnits: number): Promise<Answer[]> {
  const limits = { connections: 1, batch_units: batchUnits }
  const ledger = makeLedger({ sql: books.hub, log, limits })
  const settled = await Promise.allSettled(units.map((unit) => ledger.apply(unit)))
  return settled.map((one): Answer => (one.status === 'fulfilled' ? one.value : 'raised'))
}

function expected(apply: (unit: Unit, nowMs: number) => UnitResult, unit: Unit): Answer {
  try {
    return apply(unit, Date.now())
  } catch (error) {
    if (error instanceof RangeError) return 'raised'
    throw error
  }
}

type Stored = {
  accounts: Record<string, string>
  history: string[]
  holds: Record<string, string>
  failed: string[]
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
  }
}

/** The same of the tables: transfers by position. */
async function stored(sql: Sql, accounts: readonly string[], asked: readonly string[]): Promise<Stored> {
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
        where id in (select value::uuid from json_array_elements_text(${JSON.stringify(asked)}::text::json)))) as stored`
  if (row === undefined) throw new Error('the tables did not answer')
  return row.stored
}

test(
  'any sequence of units, in batches of any size, comes to what the contract says',
  { timeout: LIMIT_MS },
  async () => {
    let ops = 0
    let played = 0
    const ended: Books[] = []
    const refusals = new Set<string>()
    const property = fc.asyncProperty(sequences, async (sequence) => {
      const { world, books: opening } = await openWorld(books.hub, {
        ledger: books.book,
        other,
        subjects: ['model', 'pay_unsure', 'pay_settled'],
      })
      const { units, ops: asked } = unitsOf(sequence, world)
      const reference = makeReference(opening, (subject) => subject === 'pay_unsure')
      const answers = await applied(units, sequence.batchUnits)
      const wanted = units.map((unit) => expected((...given) => reference.apply(...given), unit))
      expect(answers).toEqual(wanted)

      const ids = units.flatMap((unit) => (unit.transfers ?? []).map(({ id }) => id))
      expect(await stored(books.owner, [...opening.accounts.keys()], ids)).toEqual(storedBy(reference.books))
      if (played++ % STATEMENTS_EVERY === 0) ended.push(reference.books)
      ops += asked
      for (const answer of wanted) if (answer !== 'raised' && answer.code === 'refused') refusals.add(answer.transfer)
    })
    await fc.assert(property, { seed: SEED, numRuns: RUNS, plugins: [fc.interruptAfterTimeLimit(LIMIT_MS - 20_000)] })
    expect(ops).toBeGreaterThanOrEqual(OPS_PER_RUN * RUNS)
    expect([...refusals].toSorted()).toEqual(TRANSFER_REFUSALS.toSorted())
    await expectHistory(ended)
  },
)

/** Statements and balances as of each side of the middle: the same as the reference's, from its transfers alone. */
async function expectHistory(all: readonly Books[]): Promise<void> {
  await sealWhatIsThere(books.owner, { withinMs: 30_000 })
  let lines = 0
  for (const model of all) {
    for (const account of model.accounts.values()) {
      const wanted = statementOf(model, account.id)
      const page = await statement(books.owner, account.id, { limit: HISTORY_LIMITS.statement_lines })
      expect(page.lines.map(({ transfer, after }) => ({ transfer, after }))).toEqual(wanted)
      expect(page.lines.at(-1)?.after ?? page.opening).toEqual(countersOf(account))
      const n = Math.floor(page.lines.length / 2)
      const [middle, line] = [page.lines[n], wanted[n]]
      if (middle === undefined || line === undefined) continue
      expect(await balanceAsOf(books.owner, account.id, { position: middle.position })).toMatchObject(line.after)
      lines += wanted.length
    }
  }
  expect(lines).toBeGreaterThan(0)
}
