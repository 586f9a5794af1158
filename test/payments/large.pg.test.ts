import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { FeedPaged } from '../../src/bus/index.ts'
import type { PaymentView } from '../../src/contract/index.ts'
import { bodyOf, codeOf, openMerchantStage, type MerchantStage, type Shop } from './support/merchants.ts'

/** Whatever merchants hang on their payments, each answer fits into a message of NATS. */

/** `max_payload` of NATS, as it comes and as tools/servers/nats.ts has it. */
const MESSAGE_BYTES = 1024 * 1024

let on: MerchantStage
let shop: Shop
beforeAll(async () => {
  on = await openMerchantStage()
})
beforeEach(async () => {
  shop = await on.shop('€'.repeat(64))
})
afterEach(() => on.stage.books.owner`delete from payments`)
afterAll(() => on.close())

/** Of so many bytes as JSON. */
const metadataOf = (bytes: number): Record<string, string> => {
  const entries = Math.ceil(bytes / 500)
  const each = Math.floor((bytes - 1) / entries)
  const made = Object.fromEntries(Array.from({ length: entries }, (_, i) => [String(10 + i), 'x'.repeat(each - 8)]))
  made['10'] += 'x'.repeat(bytes - Buffer.byteLength(JSON.stringify(made)))
  return made
}

const create = (metadata: Record<string, string>) =>
  on.server(shop, 'checkout.create', {
    amount: '100',
    currency: 'KES',
    store: shop.store,
    order_ref: '€'.repeat(64),
    description: '€'.repeat(140),
    metadata,
  })

/** As many payments as this one, some open and some ended; what hangs on them as it was before there was a bound. */
async function many(like: string, open: number, ended: number, metadata: Record<string, string>): Promise<void> {
  const { owner } = on.stage.books
  await owner`
    insert into payments
    select w.* from generate_series(1, ${open + ended}) n
    join payments p on p.id = ${like}
    cross join lateral jsonb_populate_record(p, jsonb_build_object('id', 'pay_' || lpad(n::text, 22, '0'),
      'order_ref', p.order_ref || n, 'metadata', ${JSON.stringify(metadata)}::text::jsonb,
      'status', case when n > ${open} then 'expired' else p.status end)) w`
  await owner`delete from payments where id = ${like}`
}

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

type Page = { data: PaymentView[]; has_more: boolean }

describe.each([
  ['as much as may hang on a payment', metadataOf(4096)],
  ['as much as once could', metadataOf(20_000)],
])('with %s', (_much, metadata) => {
  beforeEach(async () => {
    const { id } = bodyOf<PaymentView>(await create(metadataOf(4096)))
    await many(id, 201, 50, metadata)
  })

  test.each(['starting_after', 'ending_before'] as const)(
    'pages by %s each fit, and have all payments between them',
    async (by) => {
      const seen: string[] = []
      let more = true
      for (let pages = 0; more && pages < 100; pages++) {
        const last = by === 'starting_after' ? seen.at(-1) : (seen[0] ?? `pay_${'0'.repeat(22)}`)
        const reply = await on.server(shop, 'checkout.list', {
          limit: '100',
          ...(last !== undefined && { [by]: last }),
        })
        expect(sizeOf(reply)).toBeLessThan(MESSAGE_BYTES)
        const page = bodyOf<Page>(reply)
        const ids = page.data.map(({ id }) => id)
        if (by === 'starting_after') seen.push(...ids)
        else seen.unshift(...ids)
        more = page.has_more
      }
      const all = await on.stage.books.owner<{ id: string }[]>`
        select id from payments where merchant = ${shop.id} order by id desc`
      expect(all).toHaveLength(251)
      expect(seen).toEqual(all.map(({ id }) => id))
    },
  )

  test('a snapshot fits, has the newest of what is open and of what ended, and says that there is more', async () => {
    const token = await on.token(shop)
    const opened = await on.open(token, shop.id)
    expect(sizeOf({ ok: true, body: opened })).toBeLessThan(MESSAGE_BYTES)
    const { payments = [], more } = opened.snapshot ?? {}
    expect(more).toBe(true)
    const newest = (status: string) => payments.filter((payment) => payment.status === status).map(({ id }) => id)
    const open = newest('requires_confirmation')
    const ended = newest('expired')
    expect([open.length, ended.length].every((count) => count > 10)).toBe(true)
    const numbered = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => `pay_${String(from - i).padStart(22, '0')}`)
    expect(open).toEqual(numbered(201, open.length))
    expect(ended).toEqual(numbered(251, ended.length))
  })

  test('pages of missed events fit, and have all events between them', async () => {
    const token = await on.token(shop)
    const { seq } = await on.open(token, shop.id)
    const body = {
      ...bodyOf<PaymentView>(await on.server(shop, 'checkout.get', { payment: `pay_${'0'.repeat(21)}1` })),
    }
    await on.stage.books.owner`
      insert into outbox (id, feed, seq, name, at, body)
      select 'evt_' || lpad(n::text, 22, '0'), ${shop.id}, n, 'payment.updated', clock_timestamp(),
        ${JSON.stringify(body)}::text::jsonb
      from generate_series(1, 300) n`
    const seen: number[] = []
    for (let pages = 0; seen.length < 300 && pages < 100; pages++) {
      const asked = { feed: shop.id, after: seen.at(-1) ?? seq, upto: 300 }
      const reply = await on.socket(token, 'feed.page', asked)
      expect(sizeOf(reply)).toBeLessThan(MESSAGE_BYTES)
      seen.push(...bodyOf<FeedPaged>(reply).events.map((event) => event.seq))
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    await on.stage.books.owner`delete from outbox where feed = ${shop.id}`
  })
})

test('a page of a hundred payments with as much on each as may be is not cut', async () => {
  const { id } = bodyOf<PaymentView>(await create(metadataOf(4096)))
  await many(id, 100, 0, metadataOf(4096))
  const page = bodyOf<Page>(await on.server(shop, 'checkout.list', { limit: '100' }))
  expect([page.data.length, page.has_more]).toEqual([100, false])
})

test.each([
  ['a byte too much', metadataOf(4097), 'expected at most 4096 bytes, as JSON in UTF-8.'],
  [
    'letters of more bytes than one',
    { a: '€'.repeat(500), b: '€'.repeat(500), c: '€'.repeat(500) },
    'expected at most 4096 bytes, as JSON in UTF-8.',
  ],
  [
    'an entry too many',
    Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${String(i)}`, 'x'])),
    'expected at most 50 entries.',
  ],
])('metadata of %s is refused by name', async (_what, metadata, message) => {
  const reply = await create(metadata)
  expect(codeOf(reply)).toBe('invalid_request')
  expect(reply.ok ? null : reply.error).toMatchObject({ param: 'metadata', message })
})

test('metadata of fifty entries is taken', async () => {
  expect(codeOf(await create(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${String(i)}`, 'x']))))).toBe(
    'ok',
  )
})
