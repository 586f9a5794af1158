import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Query, type Sql, openDatabase } from '../../src/ledger/index.ts'
import { type Said, runOps, saying } from './support/ops-process.ts'
import { type SmallBook, openSmallBook } from './support/small-book.ts'

/** `ledger audit` and `ledger verify` as a script runs them: 0 for whole books, 1 and the row's name for broken ones. */

let book: SmallBook
let root: Sql
let dir: string
beforeAll(async () => {
  book = await openSmallBook()
  root = openDatabase({ url: book.books.database.url('postgres'), name: 'test-root', connections: 1 })
  dir = await mkdtemp(join(tmpdir(), 'mooring-ops-'))
})
afterAll(async () => {
  await root.end({ timeout: 1 })
  await book.books.close()
  await rm(dir, { recursive: true })
})

const ops = (...words: string[]): Promise<Said> =>
  runOps(words, { DATABASE_URL: book.books.database.url('mooring_ops') })

/** What a superuser can do with every trigger off; `mend` puts it back when the test has looked. */
async function whileTampered(act: Act, mend: Act, look: () => Promise<void>): Promise<void> {
  const behindTriggers = (change: Act) =>
    root.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await change(tx)
    })
  await behindTriggers(act)
  try {
    await look()
  } finally {
    await behindTriggers(mend)
  }
}
type Act = (tx: Query) => Promise<unknown>

const Audit = z.object({
  ok: z.boolean(),
  checks: z.array(z.object({ invariant: z.string(), status: z.string(), note: z.string().nullable() })),
  breaches: z.array(z.object({ invariant: z.string(), what: z.string() })),
})
const Verified = z.object({
  ok: z.boolean(),
  heads: z.array(z.object({ ledger: z.number(), no: z.string(), hash: z.string() })),
  heads_compared: z.number(),
  faults: z.array(z.looseObject({ what: z.string(), transfer: z.string().nullable(), position: z.string() })),
})

/** The transfer that paid the merchant: 121.60 of 123.45. */
const paid = () => book.transfers[2] ?? ''

describe('of whole books', () => {
  test('ledger audit prints balanced trial balances and every invariant, and exits 0', async () => {
    const { exit, out, err } = await ops('ledger', 'audit')
    expect({ exit, err }).toEqual({ exit: 0, err: '' })
    expect(out).toMatch(/^ledger audit at .*Z: 9 accounts, 7 transfers, 1 open holds\n\ntrial balance in KES\n/)
    expect(out).toMatch(/\n +2010 .* 1 +376\.55\n/)
    expect(out).toContain('  balanced: debits 10500.00 = credits 10500.00\n')
    expect(out).toContain('\ntrial balance in UGX\n')
    for (const name of ['L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L8', 'references', 'history', 'feeds', 'chain']) {
      expect(out).toMatch(new RegExp(`\\n  ${name} +holds +[a-z]`))
    }
    expect(out).toMatch(/\n {2}L7 +not proved .*\n +not proved: no statement imported yet/)
    expect(out).toMatch(/\nThe books are whole\.\n$/)
  })

  test('ledger audit --json says the same to a script', async () => {
    const { exit, out } = await ops('ledger', 'audit', '--json')
    expect(exit).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      accounts: 9,
      transfers: 7,
      open_holds: 1,
      breaches: [],
      trial_balances: [
        { currency: 'KES', balanced: true, debit: '1050000', credit: '1050000' },
        { currency: 'UGX', balanced: true, debit: '20000', credit: '20000' },
      ],
    })
    const status = new Map(Audit.parse(JSON.parse(out)).checks.map((check) => [check.invariant, check.status]))
    expect(status.get('L7')).toBe('not_proved')
    expect([...status.values()].filter((each) => each === 'holds')).toHaveLength(11)
  })

  test('ledger verify prints the heads of the chain, and compares them with those that were kept', async () => {
    const { exit, out } = await ops('ledger', 'verify')
    expect(exit).toBe(0)
    expect(out).toMatch(/^ledger verify at .*Z: 7 transfers in 2 seals, up to position 7; 0 wait to be sealed\n/)
    expect(out).toMatch(/\n +\d+ +KES +1 +[0-9a-f]{64}\n +\d+ +UGX +1 +[0-9a-f]{64}\n/)
    expect(out).toContain('History is as it was sealed.')

    const kept = join(dir, 'heads.json')
    const { out: json } = await ops('ledger', 'verify', '--json')
    await writeFile(kept, json)
    expect(Verified.parse(JSON.parse(json))).toMatchObject({ ok: true, heads_compared: 0, faults: [] })
    const again = await ops('ledger', 'verify', '--heads', kept)
    expect(again).toMatchObject({ exit: 0, out: saying('and as the 2 heads that were kept.') })
  })
})

describe('of books in which one row was changed behind the triggers', () => {
  test('a transfer’s amount: both exit 1 and name it; the audit names the accounts that no longer add up', () =>
    whileTampered(
      (tx) => tx`update transfers set amount = amount + 100 where id = ${paid()}`,
      (tx) => tx`update transfers set amount = amount - 100 where id = ${paid()}`,
      async () => {
        const named = `transfer ${paid()} at position 3`
        const audit = await ops('ledger', 'audit')
        expect(audit).toMatchObject({ exit: 1, err: '' })
        expect(audit.out).toMatch(
          /\n {2}L2 +BROKEN .*\n +account merchant:coffee:pending: counters 0\/0\/5000\/12160, /,
        )
        expect(audit.out).toMatch(new RegExp(`\\n  chain +BROKEN .*\\n +${named} .*altered`))
        expect(audit.out).toContain('The books are BROKEN: L2, history, chain.')

        const { exit, out } = await ops('ledger', 'audit', '--json')
        const { ok, breaches } = Audit.parse(JSON.parse(out))
        expect({ exit, ok }).toEqual({ exit: 1, ok: false })
        expect(breaches.filter(({ what }) => what.includes(named)).map(({ invariant }) => invariant)).toEqual(['chain'])

        const verify = await ops('ledger', 'verify')
        expect(verify).toMatchObject({ exit: 1, err: '' })
        expect(verify.out).toMatch(new RegExp(`\\nfaults\\n  KES: ${named} .*altered\\n`))
        expect(verify.out).toContain('History is NOT as it was sealed.')
        const json = await ops('ledger', 'verify', '--json')
        expect(json.exit).toBe(1)
        expect(Verified.parse(JSON.parse(json.out))).toMatchObject({
          ok: false,
          faults: [{ what: 'altered', transfer: paid(), position: '3' }],
        })
      },
    ))

  test('words of a transfer that no sum knows of: named as well', () =>
    whileTampered(
      (tx) => tx`update transfers set subject = 'tset' where id = ${paid()}`,
      (tx) => tx`update transfers set subject = 'test' where id = ${paid()}`,
      async () => {
        const { exit, out } = await ops('ledger', 'audit')
        expect(exit).toBe(1)
        expect(out).toContain(`transfer ${paid()} at position 3`)
        expect(out).toContain('The books are BROKEN: chain.')
      },
    ))

  test('an account’s counter: the audit names it, and both trial balance and balance sheet exit 1', () =>
    whileTampered(
      (tx) => tx`update accounts set credits_posted = credits_posted + 1 where name = 'wallet:amina'`,
      (tx) => tx`update accounts set credits_posted = credits_posted - 1 where name = 'wallet:amina'`,
      async () => {
        const { exit, out } = await ops('ledger', 'audit')
        expect(exit).toBe(1)
        expect(out).toMatch(
          /\n {2}L2 +BROKEN .*\n +account wallet:amina: counters 5000\/12345\/0\/50001, transfers sum/,
        )
        expect(out).toMatch(/\n {2}NOT BALANCED: debits 10500\.00, credits 10500\.01, they differ by -0\.01\n/)
        expect(await ops('ledger', 'trial-balance')).toMatchObject({
          exit: 1,
          out: saying('NOT BALANCED: debits 10500.00, credits 10500.01'),
        })
        expect(await ops('ledger', 'balance-sheet', '--currency', 'KES')).toMatchObject({
          exit: 1,
          out: saying('NOT BALANCED: assets 10497.50, claims 10497.51'),
        })
        // History does not know of counters: as of then it adds up.
        expect(await ops('ledger', 'trial-balance', '--as-of', '7')).toMatchObject({ exit: 0 })
      },
    ))

  test('the watermark, which is of no one ledger: both name it', () =>
    whileTampered(
      (tx) => tx`update sealed set candidate = candidate + 100`,
      (tx) => tx`update sealed set candidate = candidate - 100`,
      async () => {
        const named = 'the watermark counts on position 107, and the last one drawn is 7: it was moved'
        const { exit, out } = await ops('ledger', 'verify')
        expect(exit).toBe(1)
        expect(out).toContain(`\nfaults\n  ${named}\n`)
        expect(await ops('ledger', 'audit')).toMatchObject({ exit: 1, out: saying(named) })
      },
    ))

  test('a head that is another than the one that was kept: ledger verify names its seal', async () => {
    const { out } = await ops('ledger', 'verify', '--json')
    const [head] = Verified.parse(JSON.parse(out)).heads
    const kept = join(dir, 'other.json')
    await writeFile(kept, JSON.stringify({ heads: [{ ...head, hash: 'ab'.repeat(32) }] }))
    const said = await ops('ledger', 'verify', '--heads', kept)
    expect(said.exit).toBe(1)
    expect(said.out).toContain('KES: seal 1 has another hash than the one that was kept')
  })
})

describe('--help', () => {
  test('has every command with its options, and asks no database', async () => {
    const { exit, out } = await runOps(['--help'], {})
    expect(exit).toBe(0)
    for (const synopsis of [
      'ledger audit',
      'ledger verify [--heads <file>]',
      'ledger balance <account> [--as-of <time or position>] [--currency <code>]',
      'ledger statement <account> [--as-of <time or position>] [--limit <lines>] [--after <position>] [--currency <code>]',
      'ledger trial-balance [--currency <code>] [--as-of <time or position>]',
      'ledger balance-sheet [--currency <code>] [--as-of <time or position>]',
      'ledger income-statement [--currency <code>] [--from <time or position>] [--to <time or position>]',
    ]) {
      expect(out.split('\n')).toContain(`  ${synopsis}`)
    }
  })

  test('after a command is about that one', async () => {
    const { exit, out } = await runOps(['ledger', 'verify', '-h'], {})
    expect(exit).toBe(0)
    expect(out).toContain('  ledger verify [--heads <file>]\n')
    expect(out).not.toContain('ledger audit')
  })
})
