import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeIds } from '../../src/domain/ids.ts'
import type { SocketHolder } from '../../src/identity/index.ts'
import { checkoutCommands, makePaymentStore, phoneCommands } from '../../src/payments/index.ts'
import { tooManyLinked } from '../../src/payments/commands/linking.ts'
import { snapshotOf } from '../../src/payments/snapshot.ts'
import type { PaymentStatus } from '../../src/contract/names.ts'
import { random } from '../e2e/support/raw-key.ts'
import { openStage, RAIL, type Phone, type Shop, type Stage } from './support/acceptance.ts'
import { type Cost, type Noted, openNoted } from './support/plans.ts'
import { paymentRow } from './support/rows.ts'
import { newPaymentColumns } from '../../src/payments/row-columns.ts'

/** What is read costs what is shown of it, however much there is. */

const MINUTE_MS = 60_000
const HISTORY = 12_000
const BEGAN_MS = Date.parse('2026-01-01T00:00:00.000Z')
const at = (minute: number): string => new Date(BEGAN_MS + minute * MINUTE_MS).toISOString()

/** A page has 20, a snapshot 250: one that is read from an index looks at about twice as many where two of them meet. */
const PAGE_COST = 50
const SNAPSHOT_COST = 600

let stage: Stage
let noted: Noted
let phone: Phone
let shop: Shop
let other: Shop
beforeAll(async () => {
  stage = await openStage()
  noted = await openNoted(stage.books.database.url('mooring_hub'))
  phone = await stage.phone(0)
  shop = await stage.shop()
  other = await stage.shop('Other')
  await fill()
})
afterAll(async () => {
  await noted.close()
  await stage.close()
})

type Owner = { payer?: string | null; merchant?: Shop; payee?: string }

/** A payment a minute from the beginning on, its id made in that minute. */
async function payments(of: Owner, count: number, statusOf: (no: number) => PaymentStatus): Promise<void> {
  const rows = Array.from({ length: count }, (_, no) => {
    const now = BEGAN_MS + no * MINUTE_MS
    const status = statusOf(no)
    const row = paymentRow({
      id: makeIds(() => now, randomBytes).make('pay'),
      ledger: stage.books.book,
      kind: of.merchant === undefined ? 'transfer' : 'purchase',
      status,
      payer: of.payer ?? null,
      payee: of.merchant?.id ?? of.payee ?? 'self',
      merchant: of.merchant?.id ?? null,
      store: of.merchant?.store ?? null,
      captured_amount: status === 'succeeded' ? 100n : 0n,
      created_at: new Date(now),
      updated_at: new Date(now),
    })
    return newPaymentColumns(row)
  })
  await stage.books.owner`
    insert into payments
    select r.* from jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) w
    cross join lateral jsonb_populate_record(null::payments, w) r`
}

/** Nearly all has succeeded; what is open is the oldest, and nothing has failed for a shop or phone. */
async function fill(): Promise<void> {
  const nearlyAll = (no: number): PaymentStatus => (no < 300 ? 'requires_confirmation' : 'succeeded')
  await payments({ merchant: shop }, HISTORY, nearlyAll)
  await payments({ merchant: other }, 3_000, (no) => (no % 2 === 0 ? 'failed' : 'processing'))
  await payments({ payer: phone.user, payee: 'usr_somebody0' }, HISTORY / 2, nearlyAll)
  await payments({ payer: 'usr_somebody0', payee: phone.user }, HISTORY / 2, nearlyAll)
  await stage.books.owner`
    insert into sources (id, user_id, type, rail, bank, account, currency, label, status, created_at)
    select 'src_' || lpad(n::text, 22, '0'), case when n % 2 = 0 then ${phone.user} else 'usr_' || n end, 'mobile_money', 'op', 'op',
      '+254700000000', 'KES', 'Op', case when n % 2 = 0 then 'revoked' else 'active' end, clock_timestamp()
    from generate_series(1, 20000) n`
  await stage.books.owner`analyze payments, sources`
}

/** The hub's commands over the pool that is watched. */
function commands() {
  const deps = { ...stage.hub().deps, sql: noted.sql, store: makePaymentStore(noted.sql) }
  const all = { ...checkoutCommands(deps), ...phoneCommands(deps) }
  return async (name: keyof typeof all, credential: 'shop' | 'phone', body: unknown): Promise<unknown> => {
    const { reply } = await all[name]({
      requestId: 'req_test',
      credential:
        credential === 'shop'
          ? { type: 'merchant', secretKey: shop.secretKey }
          : { type: 'device', token: phone.device },
      body,
      deadline: Date.now() + MINUTE_MS,
    })
    if (!reply.ok) throw new Error(reply.error.message)
    return reply.body
  }
}

const expectCheap = (cost: Cost, rowsMax: number): void => {
  expect(cost.unindexed.filter((table) => table === 'payments' || table === 'sources')).toEqual([])
  expect(cost.rows).toBeLessThan(rowsMax)
}

describe('a snapshot looks at about as many payments as it shows', () => {
  const holders: [string, () => object][] = [
    ['merchant', () => ({ holder: 'merchant', merchant: shop.id, store: null })],
    ['store', () => ({ holder: 'merchant', merchant: shop.id, store: shop.store })],
    ['user', () => ({ holder: 'phone', user: phone.user })],
  ]
  test.each(holders)('of a %s', async (_of, holder) => {
    const { deps } = stage.hub()
    const parties = { currency: 'KES', ids: deps.ids }
    const read = () => snapshotOf(noted.sql, holder() as SocketHolder, parties)
    const { payments: shown = [], more } = await read()
    expect([shown.length, more]).toEqual([250, true])
    expectCheap(await noted.cost(read), SNAPSHOT_COST * (_of === 'user' ? 2 : 1))
  })
})

describe('a page of a merchant’s payments', () => {
  test.each([
    ['the newest', {}, 20],
    ['of a status that none has', { status: 'failed' }, 0],
    ['of a status that few have', { status: 'requires_confirmation' }, 20],
    ['of the beginning', { created_lt: at(100) }, 20],
    ['from before the beginning', { created_lt: at(-1_000) }, 0],
    ['of one hour in the midst', { created_gte: at(5_000), created_lt: at(5_015) }, 15],
    ['after the end', { created_gte: at(HISTORY + 1_000) }, 0],
    ['of a status, in one hour', { status: 'succeeded', created_gte: at(5_000), created_lt: at(5_015) }, 15],
  ])('%s is read from an index', async (_which, query, found) => {
    const list = commands()
    const read = () => list('checkout.list', 'shop', query)
    expect(await read()).toMatchObject({ data: { length: found } })
    expectCheap(await noted.cost(read), PAGE_COST)
  })

  test('of a time has what was created in it, to the millisecond', async () => {
    const list = commands()
    const created = async (query: object): Promise<string[]> => {
      const { data } = (await list('checkout.list', 'shop', query)) as { data: { created_at: string }[] }
      return data.map(({ created_at }) => created_at)
    }
    expect(await created({ created_gte: at(400), created_lt: at(402) })).toEqual([at(401), at(400)])
  })

  test.each([4, -4])('has a payment whose id was made %i minutes before it was created', async (minutes) => {
    const row = await stage.order(100, { merchant: shop.id, payee: shop.id, order_ref: random(12) })
    const created = new Date(row.created_at.getTime() + minutes * MINUTE_MS)
    await stage.books.owner`update payments set created_at = ${created} where id = ${row.id}`
    const body = { created_gte: created.toISOString(), created_lt: new Date(created.getTime() + 1).toISOString() }
    expect(await commands()('checkout.list', 'shop', body)).toMatchObject({ data: [{ id: row.id }] })
    await stage.books.owner`delete from payments where id = ${row.id}`
  })
})

describe('a page of a phone’s payments', () => {
  test.each([
    ['the newest', {}, 20],
    ['of a status that none has', { status: 'failed' }, 0],
    ['of a status that few have', { status: 'requires_confirmation' }, 20],
  ])('%s is read from indexes', async (_which, query, found) => {
    const ask = commands()
    const read = () => ask('payment.list', 'phone', query)
    expect(await read()).toMatchObject({ data: { length: found } })
    expectCheap(await noted.cost(read), 2 * PAGE_COST)
  })
})

test('10,000 accounts that were unlinked cost a list of accounts nothing, and the last ten are in it', async () => {
  const ask = commands()
  const read = () => ask('source.list', 'phone', {})
  const { data } = (await read()) as { data: { id: string; status: string }[] }
  expect(data.filter(({ status }) => status === 'active').map(({ id }) => id)).toEqual([phone.source])
  const gone = data.filter(({ status }) => status === 'revoked').map(({ id }) => id)
  expect(gone).toHaveLength(10)
  expect(gone).toContain('src_0000000000000000020000')
  expectCheap(await noted.cost(read), PAGE_COST)
})

test('10,000 accounts that were unlinked cost who links one more nothing', async () => {
  const source = { type: 'bank' as const, bank: RAIL, account: random(12) }
  const deps = { clock: stage.hub().deps.clock, store: makePaymentStore(noted.sql) }
  const read = async () => {
    await tooManyLinked(deps, phone.user, source)
    await deps.store.linkedSource(phone.user, source.bank, source.account)
  }
  expectCheap(await noted.cost(read), PAGE_COST)
})
