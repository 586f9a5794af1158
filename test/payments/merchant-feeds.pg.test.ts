import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PaymentView } from '../../src/contract/index.ts'
import { follow } from '../../src/payments/followed.ts'
import type { PaymentRow } from '../../src/payments/rows.ts'
import type { Phone } from './support/acceptance.ts'
import { bodyOf, codeOf, openMerchantStage, type MerchantStage, type Shop } from './support/merchants.ts'

/** What a merchant's socket hears: its own payments, as its merchant sees them, all of them from the first moment on. */
let on: MerchantStage
let shop: Shop
let phone: Phone
beforeAll(async () => {
  on = await openMerchantStage()
  phone = await on.stage.phone(1_000_000)
})
beforeEach(async () => {
  shop = await on.shop()
})
afterAll(() => on.close())

const create = async (amount: number, of = shop): Promise<PaymentRow> => {
  const body = { amount: String(amount), currency: 'KES', store: of.store, metadata: { table: '7' } }
  const { id } = bodyOf<PaymentView>(await on.server(of, 'checkout.create', body))
  const row = await on.stage.store.payment(id)
  if (row === null) throw new Error('a payment just made is not there')
  return row
}

const pay = async (order: PaymentRow, by = phone): Promise<void> => {
  const { ask, body } = await on.stage.confirm(by, order)
  expect(await on.hub.ask(by, ask, body)).toMatchObject({ status: 'succeeded' })
}

const heads = async (...feeds: string[]): Promise<number> => {
  const rows = await on.stage.books.owner`select from feed_heads where feed in ${on.stage.books.owner(feeds)}`
  return rows.length
}

const view = (event: { body: unknown }): PaymentView => event.body as PaymentView // codec: an event of a payment

describe('a feed of a merchant', () => {
  test('is not written while nobody follows it, and its payer is told all the same', async () => {
    const payer = await on.stage.phone(1_000)
    await pay(await create(500), payer)
    expect(await heads(shop.id, shop.store)).toBe(0)
    expect(await heads(payer.user)).toBe(1)
    expect(await on.stage.breaches()).toEqual([])
  })

  test('tells each status of a payment in order, to merchant and store, from when it is followed', async () => {
    const before = await create(100)
    const [all, one] = [await on.token(shop), await on.token(shop, shop.store)]
    for (const [token, feed] of [[all, shop.id] as const, [one, shop.store] as const]) {
      const opened = await on.open(token, feed)
      expect(opened).toMatchObject({ mode: 'snapshot', seq: 0 })
      expect(opened.snapshot?.payments?.map(({ id }) => id)).toEqual([before.id])
      expect(opened.snapshot).not.toHaveProperty('balances')
    }
    const order = await create(700)
    await pay(order)
    for (const [token, feed] of [[all, shop.id] as const, [one, shop.store] as const]) {
      const events = await on.page(token, feed)
      expect(events.map(({ seq, name }) => [seq, name])).toEqual([
        [1, 'payment.updated'],
        [2, 'payment.updated'],
      ])
      expect(events.map((event) => [view(event).id, view(event).status, view(event).version])).toEqual([
        [order.id, 'requires_confirmation', 1],
        [order.id, 'succeeded', 2],
      ])
    }
    expect(await on.stage.breaches()).toEqual([])
  })

  test('says what a merchant may see: payer by an id of its own scope, source by type and label, fee and metadata', async () => {
    const token = await on.token(shop)
    await on.open(token, shop.id)
    const order = await create(700)
    await pay(order)
    const [, last] = await on.page(token, shop.id)
    if (last === undefined) throw new Error('no second event')
    expect(view(last)).toMatchObject({ fee: '7', metadata: { table: '7' }, store: shop.store, payee: shop.id })
    expect(view(last).source).toEqual({ type: 'wallet', label: 'Wallet' })
    expect(view(last).payer).toMatch(/^usr_/)
    expect(JSON.stringify(last)).not.toContain(phone.user)
    const { payer } = bodyOf<PaymentView>(await on.server(shop, 'checkout.get', { payment: order.id }))
    expect(view(last).payer).toBe(payer)
    const snapshot = await on.open(await on.token(shop, shop.store), shop.store)
    expect(JSON.stringify(snapshot)).not.toContain(phone.user)
    expect(snapshot.snapshot?.payments?.[0]).toMatchObject({ payer, fee: '7' })
  })

  test('has nothing of another merchant, nor a store’s of another store', async () => {
    const other = await on.shop('Other')
    const branch = {
      ...shop,
      store: bodyOf<{ id: string }>(await on.server(shop, 'store.create', { name: 'Branch' })).id,
    }
    const tokens = { all: await on.token(shop), one: await on.token(shop, shop.store) }
    await Promise.all([on.open(tokens.all, shop.id), on.open(tokens.one, shop.store)])
    const [mine, theirs, elsewhere] = [await create(100), await create(200, other), await create(300, branch)]
    const seen = async (token: string, feed: string) => (await on.page(token, feed)).map((event) => view(event).id)
    expect(await seen(tokens.all, shop.id)).toEqual([mine.id, elsewhere.id])
    expect(await seen(tokens.one, shop.store)).toEqual([mine.id])
    const snapshots = [await on.open(tokens.all, shop.id), await on.open(tokens.one, shop.store)]
    expect(JSON.stringify(snapshots)).not.toContain(theirs.id)
    expect(JSON.stringify(snapshots[1])).not.toContain(elsewhere.id)
  })

  test('goes on where a cursor left off: live at the head, replay below it, a snapshot above it or of another epoch', async () => {
    const token = await on.token(shop)
    const { epoch } = await on.open(token, shop.id)
    await pay(await create(700))
    const mode = async (cursor: object) => (await on.open(token, shop.id, cursor)).mode
    expect(await mode({ epoch, seq: 2 })).toBe('live')
    expect(await mode({ epoch, seq: 0 })).toBe('replay')
    expect(await mode({ epoch, seq: 3 })).toBe('snapshot')
    expect(await mode({ epoch: 'another', seq: 2 })).toBe('snapshot')
    expect(bodyOf(await on.socket(token, 'feed.heads', { feeds: [shop.id] }))).toEqual({ heads: { [shop.id]: 2 } })
  })
})

describe('who reads a feed', () => {
  test.each(['feed.open', 'feed.page', 'feed.heads'] as const)(
    '%s is of the one feed that the token names',
    async (name) => {
      const other = await on.shop('Other')
      const branch = bodyOf<{ id: string }>(await on.server(shop, 'store.create', { name: 'Branch' })).id
      const tokens = { all: await on.token(shop), one: await on.token(shop, shop.store) }
      const body = (feed: string) =>
        ({ 'feed.open': { feed }, 'feed.page': { feed, after: 0, upto: 1 }, 'feed.heads': { feeds: [feed] } })[name]
      const code = async (token: string, feed: string) => codeOf(await on.socket(token, name, body(feed)))
      expect(await code(tokens.all, shop.id)).toBe('ok')
      expect(await code(tokens.one, shop.store)).toBe('ok')
      for (const feed of [shop.store, branch, other.id, other.store, phone.user]) {
        expect([feed, await code(tokens.all, feed)]).toEqual([feed, 'forbidden'])
      }
      for (const feed of [shop.id, branch, other.id, other.store, phone.user]) {
        expect([feed, await code(tokens.one, feed)]).toEqual([feed, 'forbidden'])
      }
      expect(await heads(other.id, other.store, branch)).toBe(0)
    },
  )

  test('no command of a phone is carried out with a merchant’s token', async () => {
    const token = await on.token(shop)
    const order = await create(700)
    const { body } = await on.stage.confirm(phone, order)
    expect(codeOf(await on.socket(token, 'payment.confirm', body))).toBe('forbidden')
    expect(codeOf(await on.socket(token, 'payment.get', { payment: order.id }))).toBe('forbidden')
    expect(codeOf(await on.socket(token, 'wallet.balances', {}))).toBe('forbidden')
  })
})

/** Holds a table so that who is to write it waits, and does `meanwhile` once a payment that is being made does. */
async function whileMaking(table: 'payments' | 'units', meanwhile: () => Promise<void>): Promise<PaymentRow> {
  const { books } = on.stage
  const waiting = () => books.hub`
    select from pg_stat_activity
    where wait_event_type = 'Lock' and usename = current_user and datname = current_database()`
  const made: Promise<PaymentRow>[] = []
  await books.owner.begin(async (tx) => {
    await tx.unsafe(`lock table ${table} in share mode`)
    made.push(create(100))
    await expect.poll(async () => (await waiting()).length, { timeout: 10_000 }).toBe(1)
    await meanwhile()
  })
  const [row] = await Promise.all(made)
  if (row === undefined) throw new Error('nothing was made')
  return row
}

/** Whether it has come to true by the time the database was asked this often; who waits asks about as often. */
async function isThrough(begun: Promise<boolean>): Promise<boolean> {
  let through = false
  void begun.then((value) => (through = value))
  for (let i = 0; i < 200 && !through; i++) await on.stage.books.owner`select 1`
  return through
}

const followed = (feed: string) =>
  expect.poll(() => follow(on.deps.sql, feed), { timeout: 20_000, interval: 10 }).toBe(true)

describe('beginning to follow', () => {
  test.each([
    ['has looked whether somebody follows and has written nothing yet', 'payments'],
    ['has written all but its last row', 'units'],
  ] as const)('waits for a payment that %s', async (_what, table) => {
    const token = await on.token(shop)
    const order = await whileMaking(table, async () => {
      expect(await isThrough(follow(on.deps.sql, shop.id))).toBe(false)
    })
    await followed(shop.id)
    const opened = await on.open(token, shop.id)
    expect(opened.snapshot?.payments?.map(({ id }) => id)).toEqual([order.id])
    expect(await on.page(token, shop.id)).toEqual([])
  })

  test('waits by itself where another one is waiting, and where that one is gone', async () => {
    await whileMaking('payments', async () => {
      const first = follow(on.deps.sql, shop.id)
      const begun = () => on.stage.books.owner`select from followed_feeds where feed = ${shop.id}`
      await expect.poll(async () => (await begun()).length).toBe(1)
      const second = follow(on.deps.sql, shop.id)
      expect(await isThrough(Promise.any([first, second]))).toBe(false)
    })
    await followed(shop.id)
    const rows = await on.stage.books.owner`
      select from followed_feeds where feed = ${shop.id} and complete_from is not null`
    expect(rows).toHaveLength(1)
  })

  test('is given up where a payment stands still, and lost nothing when it is tried again', async () => {
    const order = await whileMaking('payments', async () => {
      expect(await follow(on.deps.sql, shop.id, { most_ms: 50, poll_ms: 5 })).toBe(false)
    })
    await followed(shop.id)
    const opened = await on.open(await on.token(shop), shop.id)
    expect(opened.snapshot?.payments?.map(({ id }) => id)).toEqual([order.id])
  })

  test('at any moment among payments: snapshot and what follows are all that was committed', async () => {
    for (let round = 0; round < 8; round++) {
      const busy = await on.shop(`Busy ${String(round)}`)
      const token = await on.token(busy)
      const paying = Array.from({ length: 24 }, async (_, i) => {
        const order = await create(100 + i, busy)
        if (i % 3 > 0) await pay(order)
      })
      // After a few of them, another number each round.
      await Promise.all(paying.slice(0, round * 3))
      const opened = await on.open(token, busy.id)
      await Promise.all(paying)
      const known = new Map((opened.snapshot?.payments ?? []).map(({ id, version }) => [id, version]))
      const events = await on.page(token, busy.id, opened.seq)
      for (const event of events) known.set(view(event).id, view(event).version)
      const rows = await on.stage.books.owner<{ id: string; version: number }[]>`
        select id, version from payments where merchant = ${busy.id}`
      expect(Object.fromEntries(known)).toEqual(Object.fromEntries(rows.map(({ id, version }) => [id, version])))
      expect(rows).toHaveLength(24)
    }
    expect(await on.stage.breaches()).toEqual([])
  })
})

describe('the snapshot of a store', () => {
  test('with 5,000 open payments has the newest 200 and says that there are more', async () => {
    const { books } = on.stage
    const template = await create(100)
    await pay(template)
    await books.owner.begin(async (tx) => {
      await tx`
        insert into payments
        select w.* from generate_series(1, 5000) n
        join payments p on p.id = ${template.id}
        cross join lateral jsonb_populate_record(p, jsonb_build_object('id', 'pay_' || lpad(n::text, 22, '0'),
          'status', 'requires_confirmation', 'captured_amount', 0, 'payer', null, 'source_type', null)) w`
    })
    const opened = await on.open(await on.token(shop, shop.store), shop.store)
    const payments = opened.snapshot?.payments ?? []
    expect(opened.snapshot?.more).toBe(true)
    expect(payments.filter(({ status }) => status === 'requires_confirmation')).toHaveLength(200)
    expect(payments[0]?.id).toBe('pay_0000000000000000005000')
    expect(payments.at(-1)?.id).toBe(template.id)
    await books.owner`delete from payments where store = ${shop.store} and status = 'requires_confirmation'`
  })
})
