import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ledger, type UnitResult, audit, makeLedger, openDatabase, type Sql } from '../../src/ledger/index.ts'
import { type Books, type Spend, log, openBooks } from './support/books.ts'

/** RACES: how many holds are captured and expired at the same moment; a multiple of what races at once. */
const RACES = Number(process.env['RACES'] ?? 2_000)
const AT_ONCE = 20

let books: Books
let others: Sql
beforeAll(async () => {
  books = await openBooks()
  others = openDatabase({ url: books.database.url('mooring_hub'), name: 'test-other-hub', connections: 2 })
})
afterAll(async () => {
  await others.end({ timeout: 1 })
  await books.close()
})

const codeOf = (result: UnitResult): string => (result.code === 'refused' ? result.transfer : result.code)

test(
  `capture at one hub races expiry at another ${String(RACES)} times: one of the two, and each is first at times`,
  { timeout: 60_000 + RACES * 50 },
  async () => {
    const [from, to] = [await books.wallet(10 * RACES), await books.merchant()]
    const other: Ledger = makeLedger({ sql: others, log })
    await Promise.all([books.ledger.syncClock(), other.syncClock()])
    const won = { confirm: 0, expire: 0 }
    /** From the reserve to the time of expiry: moved to where either may win. */
    let aheadMs = 10
    for (let n = 0; n < RACES; n += AT_ONCE) {
      const end = books.ledger.now() + aheadMs
      const holds = Array.from({ length: AT_ONCE }, (_, i) => ({
        ...books.reserve(from, to, 1),
        expires_at: new Date(end + (i % 5)).toISOString(),
      }))
      expect(await books.apply(holds)).toEqual({ code: 'ok' })
      const confirmed = await Promise.all(holds.map((hold, i) => race(other, hold, i % 2 === 0)))
      for (const confirm of confirmed) won[confirm ? 'confirm' : 'expire'] += 1
      aheadMs = Math.max(0, aheadMs + (confirmed.filter(Boolean).length > AT_ONCE / 2 ? -1 : 1))
    }
    expect(won.confirm + won.expire).toBe(RACES)
    // Where one of them always won there was no race.
    expect(Math.min(won.confirm, won.expire)).toBeGreaterThan(RACES / 20)
    expect(await books.balance(from)).toEqual({ posted: BigInt(10 * RACES - won.confirm), out: 0n, in: 0n })
    expect(await books.balance(to)).toEqual({ posted: BigInt(won.confirm), out: 0n, in: 0n })
    expect((await audit(books.owner)).breaches).toEqual([])
  },
)

/** Whether the capture won; the other then says that it came late. */
async function race(other: Ledger, hold: Spend, captureFirst: boolean): Promise<boolean> {
  const capture = () => books.apply([books.end('confirm', hold.id)])
  const expire = () => other.apply(books.unit([books.end('expire', hold.id)]))
  const [one, two] = captureFirst ? [capture(), expire()] : [expire(), capture()]
  const [first, second] = [codeOf(await one), codeOf(await two)]
  const [confirm, expiry] = captureFirst ? [first, second] : [second, first]
  if (confirm === 'ok') {
    expect(['hold_in_use', 'pending_already_posted']).toContain(expiry)
    return true
  }
  expect(confirm).toBe('pending_already_expired')
  if (expiry === 'ok') return false
  // It was asked a moment too early, the capture a moment too late: the hold is there and can only expire.
  expect(expiry).toBe('hold_in_use')
  expect(codeOf(await capture())).toBe('pending_already_expired')
  expect(codeOf(await expire())).toBe('ok')
  return false
}
