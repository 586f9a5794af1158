import { z } from 'zod'
import type { Book } from './book.ts'
import { PAYMENT_STATUSES, REFUND_STATUSES, type Payment, type Refund } from './entry.ts'
import { invalidArgument, paymentJson, refundJson, refuse, say, type Reply } from './replies.ts'

/** retrievePayments and retrieveRefunds: filters, order, pages and their headers. */

const PER_PAGE_MAX = 100
const MATCHES_MAX = 10_000
const DEFAULT_PER_PAGE = 10

const Index = z
  .string()
  .regex(/^[1-9][0-9]{0,6}$/)
  .transform(Number)
const Time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))

const Query = z.strictObject({
  page: Index.default(1),
  perPage: Index.default(DEFAULT_PER_PAGE),
  from: Time.optional(),
  to: Time.optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
  status: z.array(z.string()).optional(),
  merchantIdentifier: z.string().optional(),
})

type Filters = {
  page: number
  perPage: number
  fromMs: number
  toMs: number
  ascending: boolean
  statuses: readonly string[] | null
  merchantId: string | null
}

export function listPayments(book: Book, query: URLSearchParams): Reply {
  const filters = readFilters('payment', PAYMENT_STATUSES, query, book.clock.nowMs())
  if ('kind' in filters) return filters
  const { merchantId } = filters
  const payments = [...book.payments.values()].filter(
    (payment) => merchantId === null || payment.merchantId === merchantId,
  )
  return page(book, payments, filters, (payment: Payment) => paymentJson(payment), 'CARRIER_BILLING')
}

export function listRefunds(book: Book, payment: Payment, query: URLSearchParams): Reply {
  const filters = readFilters('refund', REFUND_STATUSES, query, book.clock.nowMs())
  if ('kind' in filters) return filters
  const ids = [...(book.refundsOf.get(payment.paymentId) ?? [])]
  const refunds = ids.flatMap((id) => book.refunds.get(id) ?? [])
  const { merchantId } = filters
  const listed = merchantId === null || merchantId === payment.merchantId ? refunds : []
  return page(book, listed, filters, (refund: Refund) => refundJson(refund), 'CARRIER_BILLING_REFUND')
}

function readFilters(
  field: 'payment' | 'refund',
  statuses: readonly string[],
  query: URLSearchParams,
  nowMs: number,
): Filters | Reply {
  const names: Readonly<Record<string, string>> = {
    [`${field}CreationDate.gte`]: 'from',
    [`${field}CreationDate.lte`]: 'to',
    [`${field}Status`]: 'status',
  }
  const given: Record<string, string | string[]> = {}
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    const single = values.length === 1 && name !== `${field}Status` ? values[0] : undefined
    given[names[name] ?? name] = single ?? values
  }
  const read = Query.safeParse(given)
  if (!read.success || read.data.status?.some((one) => !statuses.includes(one)) === true) return invalidArgument()
  const { page: index, perPage, order, from, to, status, merchantIdentifier } = read.data
  if (perPage > PER_PAGE_MAX) return refuse(400, 'OUT_OF_RANGE', 'Client specified an invalid range.')
  const fromMs = from ?? Number.NEGATIVE_INFINITY
  const toMs = to ?? (from === undefined ? Number.POSITIVE_INFINITY : nowMs)
  if (fromMs > toMs) {
    const prefix = field === 'payment' ? 'CARRIER_BILLING' : 'CARRIER_BILLING_REFUND'
    return refuse(400, `${prefix}.INVALID_DATE_RANGE`, 'Client specified an invalid date range.')
  }
  return {
    page: index,
    perPage,
    fromMs,
    toMs,
    ascending: order === 'asc',
    statuses: status ?? null,
    merchantId: merchantIdentifier ?? null,
  }
}

function page<T extends Payment | Refund>(
  book: Book,
  all: readonly T[],
  filters: Filters,
  json: (item: T) => string,
  prefix: string,
): Reply {
  const { fromMs, toMs, statuses, ascending, perPage } = filters
  const matching = all.filter(
    ({ createdAtMs, status }) =>
      createdAtMs >= fromMs && createdAtMs <= toMs && (statuses === null || statuses.includes(status)),
  )
  // A list is about others too: what cannot be asked about is left out of it, and the rest is told.
  const told = matching.filter(({ reference }) => book.troubleOf(reference) === null)
  if (told.length > MATCHES_MAX)
    return refuse(
      400,
      `${prefix}.TOO_MANY_MATCHING_RECORDS`,
      'Too many matching records found. Specify additional/suitable criteria to limit the number of records.',
    )
  const sorted = told.toSorted((a, b) => (ascending ? 1 : -1) * (a.createdAtMs - b.createdAtMs))
  const start = (filters.page - 1) * perPage
  const items = sorted.slice(start, start + perPage)
  return say(200, `[${items.map(json).join(',')}]`, {
    'x-total-count': String(told.length),
    'content-last-key': String(start + items.length),
  })
}
