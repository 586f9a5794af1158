import { expect, it } from 'vitest'
import { z } from 'zod'
import { findInList, type Listing } from '../../src/rails/camara/listing.ts'
import type { Came } from '../../src/rails/camara/operator.ts'

/** The walk that decides whether something of ours exists, where no filter names our reference (connectors.md §2.6). */

type Item = { id: string; reference: string }
const listing: Listing<Item> = {
  path: '/payments',
  dateField: 'paymentCreationDate',
  filters: { merchantIdentifier: 'mer_1' },
  item: z.object({ id: z.string(), reference: z.string() }),
  idOf: ({ id }) => id,
  match: ({ reference }) => (reference === 'ours' ? 'ours' : reference === 'near' ? 'near' : 'other'),
}

const page = (items: Item[], totalCount: number | null = items.length): Came => ({
  kind: 'answer',
  answer: { status: 200, json: items, code: null, totalCount },
})
const refused = (status: number, code: string | null): Came => ({
  kind: 'answer',
  answer: { status, json: {}, code, totalCount: null },
})
const items = (from: number, count: number): Item[] =>
  Array.from({ length: count }, (_, n) => ({ id: `P${from + n}`, reference: `r${from + n}` }))

const asked: URLSearchParams[] = []
const find = (answer: (query: URLSearchParams, call: number) => Came, fromMs = 0, toMs = 600_000) => {
  asked.length = 0
  return findInList(
    (path) => {
      const query = new URL(path, 'http://x').searchParams
      asked.push(query)
      return Promise.resolve(answer(query, asked.length))
    },
    listing,
    fromMs,
    toMs,
  )
}

it('finds ours on any page, and asks for all of them in order', async () => {
  const found = await find((query) => {
    const at = Number(query.get('page'))
    return page(at === 3 ? [{ id: 'P9', reference: 'ours' }] : items(at * 50, 50), 101)
  })
  expect(found).toMatchObject({ kind: 'found', item: { id: 'P9' } })
  expect(asked.map((query) => query.get('page'))).toEqual(['1', '2', '3'])
  expect(Object.fromEntries(asked[0] ?? [])).toEqual({
    'paymentCreationDate.gte': '1970-01-01T00:00:00.000Z',
    'paymentCreationDate.lte': '1970-01-01T00:10:00.000Z',
    order: 'asc',
    page: '1',
    perPage: '50',
    merchantIdentifier: 'mer_1',
  })
})

it('is absent only after two complete walks that saw the same', async () => {
  expect(await find(() => page(items(0, 3)))).toEqual({ kind: 'absent' })
  expect(asked).toHaveLength(2)
  expect(await find(() => page([]))).toEqual({ kind: 'absent' })
})

it.each<[string, (query: URLSearchParams, call: number) => Came]>([
  ['a second walk that saw more', (_, call) => page(items(0, call))],
  ['a second walk that saw others', (_, call) => page(items(call, 2))],
  ['fewer items than counted', (query) => page(query.get('page') === '1' ? items(0, 2) : [], 3)],
  ['more items than counted', () => page(items(0, 2), 1)],
  ['a count that changes from page to page', (query) => page(items(0, 50), 100 + Number(query.get('page')))],
  ['no count', () => page(items(0, 2), null)],
  ['a page that fails', (query) => (query.get('page') === '2' ? refused(500, null) : page(items(0, 50), 51))],
  ['a page that never comes', () => ({ kind: 'unknown', why: 'deadline passed', alarm: false })],
  ['a question that never left', () => ({ kind: 'not_sent', why: 'no token' })],
  [
    'an item that cannot be read',
    () => ({ kind: 'answer', answer: { status: 200, json: [{}], code: null, totalCount: 1 } }),
  ],
  ['no list', () => ({ kind: 'answer', answer: { status: 200, json: {}, code: null, totalCount: 0 } })],
  ['an item with our reference in one place only', () => page([{ id: 'P1', reference: 'near' }])],
  ['a list without end', () => page(items(0, 50), 1_000_000)],
])('%s proves nothing', async (_, answer) => {
  expect((await find(answer)).kind).toBe('unclear')
})

it('halves the window where the operator finds too many, and reads all of it', async () => {
  const tooMany = refused(400, 'CARRIER_BILLING.TOO_MANY_MATCHING_RECORDS')
  const spanOf = (query: URLSearchParams) =>
    Date.parse(query.get('paymentCreationDate.lte') ?? '') - Date.parse(query.get('paymentCreationDate.gte') ?? '')
  expect(await find((query) => (spanOf(query) > 200_000 ? tooMany : page(items(0, 2))))).toEqual({ kind: 'absent' })
  const late = (query: URLSearchParams) => (query.get('paymentCreationDate.lte') ?? '') > '1970-01-01T00:08'
  const found = await find((query) =>
    spanOf(query) > 200_000 ? tooMany : page(late(query) ? [{ id: 'P7', reference: 'ours' }] : []),
  )
  expect(found).toMatchObject({ kind: 'found', item: { id: 'P7' } })
  expect((await find(() => tooMany)).kind).toBe('unclear')
})
