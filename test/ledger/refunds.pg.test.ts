import { afterAll, beforeAll, expect, test } from 'vitest'
import { refundPrice } from '../../src/domain/accounting/index.ts'
import { type Ledger, makeLedger, openDatabase } from '../../src/ledger/index.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'

/** What is refunded of a payment, and held for refunds that have not ended, is never more than was captured. */
let books: Books
/** As two hubs. */
let hubs: { ledger: Ledger; end(): Promise<void> }[]
beforeAll(async () => {
  books = await openBooks()
  hubs = ['hub-1', 'hub-2'].map((name) => {
    const sql = openDatabase({ url: books.database.url('mooring_hub'), name, connections: 2 })
    return { ledger: makeLedger({ sql, log }), end: () => sql.end({ timeout: 1 }) }
  })
})
afterAll(async () => {
  await Promise.all(hubs.map((hub) => hub.end()))
  await books.close()
})

const CAPTURED = 100n

/** A payment that succeeded, of a merchant that has more than it took in by it. */
async function paid() {
  const [id, now] = [ids.make('pay'), new Date().toISOString()]
  const [wallet, merchant] = [await books.wallet(1_000), await books.merchant()]
  await books.apply([books.post(wallet, merchant, 1_000)], {
    ok: {
      new_payment: {
        id,
        ledger: books.book,
        kind: 'purchase',
        status: 'succeeded',
        version: 1,
        amount: CAPTURED.toString(),
        currency: 'KES',
        fee: '0',
        payer_fee: '0',
        captured_amount: CAPTURED.toString(),
        refund_reserved: '0',
        refunded_amount: '0',
        payee: 'mer_refunds',
        payee_name: 'M',
        capture_method: 'automatic',
        metadata: {},
        created_at: now,
        updated_at: now,
      },
    },
  })
  return { id, wallet, merchant }
}

type Counters = { version: number; refunded: bigint; reserved: bigint }

async function counters(id: string): Promise<Counters> {
  const [row] = await books.owner<Counters[]>`
    select version, refunded_amount as refunded, refund_reserved as reserved from payments where id = ${id}`
  if (row === undefined) throw new Error('no payment')
  return row
}

type Paid = Awaited<ReturnType<typeof paid>>

/** The unit that holds a refund of this payment as it was read. */
function reserving({ id, wallet, merchant }: Paid, at: Counters, amount: bigint) {
  const hold = books.reserve(merchant, wallet, amount)
  const guard = { payment: { id, version: at.version } }
  const counted = { version: at.version + 1, refund_reserved: (at.reserved + amount).toString() }
  return { hold: hold.id, unit: books.unit([hold], { guard, ok: { payment: counted } }) }
}

/** Reads, decides and holds, again where somebody else was first. Null where no more may be refunded. */
async function reserveRefund(ledger: Ledger, payment: Paid, amount: bigint): Promise<string | null> {
  for (;;) {
    const at = await counters(payment.id)
    const of = { feeMinor: 0n, tax: null, capturedMinor: CAPTURED, onRefund: 'kept' as const }
    if (!refundPrice(amount, { ...of, refundedMinor: at.refunded + at.reserved }).ok) return null
    const { hold, unit } = reserving(payment, at, amount)
    const { code } = await ledger.apply(unit)
    if (code === 'ok') return hold
    expect(code).toBe('guard_failed')
  }
}

test('of refunds at the same moment those happen that fit into what was captured, over several hubs', async () => {
  const payment = await paid()
  const tries = await Promise.all(
    Array.from({ length: 20 }, (_, i) => {
      const hub = hubs[i % hubs.length]
      if (hub === undefined) throw new Error('no hub')
      return reserveRefund(hub.ledger, payment, 30n)
    }),
  )
  const holds = tries.filter((hold) => hold !== null)
  expect(holds).toHaveLength(3)
  expect(await counters(payment.id)).toMatchObject({ refunded: 0n, reserved: 90n })
  expect(await books.balance(payment.merchant)).toMatchObject({ out: 90n })

  // One ends well and one does not: what is released may be refunded again, what was refunded may not.
  const [first = '', second = ''] = holds
  const ending = async (kind: 'confirm' | 'void', hold: string, refunded: string) => {
    const at = await counters(payment.id)
    const counted = {
      version: at.version + 1,
      refund_reserved: (at.reserved - 30n).toString(),
      refunded_amount: refunded,
    }
    const guard = { payment: { id: payment.id, version: at.version } }
    expect(await books.apply([books.end(kind, hold)], { guard, ok: { payment: counted } })).toEqual({ code: 'ok' })
  }
  await ending('confirm', first, '30')
  await ending('void', second, '30')
  expect(await counters(payment.id)).toMatchObject({ refunded: 30n, reserved: 30n })
  expect(await reserveRefund(books.ledger, payment, 41n)).toBeNull()
  expect(await reserveRefund(books.ledger, payment, 40n)).not.toBeNull()
})

test('of two that read the same payment one is held, the other is told to read again', async () => {
  const payment = await paid()
  const at = await counters(payment.id)
  const results = await Promise.all(hubs.map((hub) => hub.ledger.apply(reserving(payment, at, 60n).unit)))
  expect(results.map(({ code }) => code).toSorted()).toEqual(['guard_failed', 'ok'])
  expect(await counters(payment.id)).toMatchObject({ reserved: 60n })
  expect(await books.balance(payment.merchant)).toMatchObject({ out: 60n })
})

test('one that does not look at what is left is refused by the table, and nothing of it happens', async () => {
  const payment = await paid()
  expect(await reserveRefund(books.ledger, payment, 60n)).not.toBeNull()
  const { unit } = reserving(payment, await counters(payment.id), 41n)
  await expect(books.ledger.apply(unit)).rejects.toThrow('raised')
  expect(await counters(payment.id)).toMatchObject({ reserved: 60n })
  expect(await books.balance(payment.merchant)).toMatchObject({ out: 60n })
})
