import type { z } from 'zod'
import { timestamp } from '../../domain/clock.ts'
import type { Answer, Came } from './operator.ts'

/**
 * Finds one of ours in a list that has no filter for our reference
 * (connectors.md §2.1, §2.6): every page of a window of creation times.
 *
 * Absence counts only if it is complete: as many items as the operator counts,
 * and the same count and items on a second walk.
 */
export type Listing<T> = {
  /** `/carrier-billing/v0.5/payments` */
  path: string
  /** `paymentCreationDate` or `refundCreationDate`: the filter's name. */
  dateField: string
  /** Other filters. */
  filters: Readonly<Record<string, string>>
  item: z.ZodType<T>
  idOf(item: T): string
  /** `near`: it has our reference in one of its two places only, so it belongs to nobody we know. */
  match(item: T): 'ours' | 'near' | 'other'
}

export type Found<T> =
  | { kind: 'found'; item: T }
  | { kind: 'absent' }
  | { kind: 'unclear'; why: string; alarm: boolean }

const PER_PAGE = 50
/** Pages of one walk; a list that is longer answers nothing within a deadline. */
const PAGES_MAX = 100
/** An operator that finds too many records is asked for half the window, so many times over. */
const HALVINGS_MAX = 6

type Walk<T> = { kind: 'all'; items: T[] } | Exclude<Found<T>, { kind: 'absent' }>

export async function findInList<T>(
  ask: (path: string) => Promise<Came>,
  listing: Listing<T>,
  fromMs: number,
  toMs: number,
): Promise<Found<T>> {
  const first = await walk(ask, listing, fromMs, toMs, HALVINGS_MAX)
  if (first.kind !== 'all') return first
  const second = await walk(ask, listing, fromMs, toMs, HALVINGS_MAX)
  if (second.kind !== 'all') return second
  const ids = (items: T[]): string => items.map((item) => listing.idOf(item)).join(' ')
  if (ids(first.items) === ids(second.items)) return { kind: 'absent' }
  return unclear('the list changed while it was read')
}

async function walk<T>(
  ask: (path: string) => Promise<Came>,
  listing: Listing<T>,
  fromMs: number,
  toMs: number,
  halvings: number,
): Promise<Walk<T>> {
  const items: T[] = []
  let total: number | null = null
  for (let page = 1; page <= PAGES_MAX; page++) {
    const came = await ask(pathOf(listing, fromMs, toMs, page))
    if (came.kind !== 'answer') return unclear(came.why)
    if (isTooMany(came.answer)) {
      if (halvings === 0 || toMs - fromMs < 2) return unclear('too many records')
      return inHalves(ask, listing, fromMs, toMs, halvings - 1)
    }
    const read = readPage(came.answer, listing.item)
    if (typeof read === 'string') return unclear(read, came.answer.status < 500 && came.answer.status !== 429)
    for (const item of read.items) {
      const match = listing.match(item)
      if (match === 'ours') return { kind: 'found', item }
      if (match === 'near') return unclear('an item with our reference in one place only', true)
    }
    if (total !== null && read.total !== total) return unclear('the list changed while it was read')
    total = read.total
    items.push(...read.items)
    if (items.length >= total || read.items.length === 0)
      return items.length === total ? { kind: 'all', items } : unclear('the list is not as long as it says', true)
  }
  return unclear('too many pages')
}

async function inHalves<T>(
  ask: (path: string) => Promise<Came>,
  listing: Listing<T>,
  fromMs: number,
  toMs: number,
  halvings: number,
): Promise<Walk<T>> {
  const middleMs = Math.floor((fromMs + toMs) / 2)
  const early = await walk(ask, listing, fromMs, middleMs, halvings)
  if (early.kind !== 'all') return early
  const late = await walk(ask, listing, middleMs + 1, toMs, halvings)
  return late.kind === 'all' ? { kind: 'all', items: [...early.items, ...late.items] } : late
}

function pathOf<T>({ path, dateField, filters }: Listing<T>, fromMs: number, toMs: number, page: number): string {
  const query = new URLSearchParams({
    [`${dateField}.gte`]: timestamp(fromMs),
    [`${dateField}.lte`]: timestamp(toMs),
    order: 'asc',
    page: String(page),
    perPage: String(PER_PAGE),
    ...filters,
  })
  return `${path}?${query.toString()}`
}

function isTooMany({ status, code }: Answer): boolean {
  return status === 400 && (code === 'OUT_OF_RANGE' || code?.endsWith('.TOO_MANY_MATCHING_RECORDS') === true)
}

function readPage<T>(
  { status, json, totalCount }: Answer,
  schema: z.ZodType<T>,
): { items: T[]; total: number } | string {
  if (status !== 200) return `status ${status} to a list`
  if (!Array.isArray(json)) return 'a list that is none'
  if (totalCount === null) return 'a list that does not say how long it is'
  const items: T[] = []
  for (const element of json) {
    const item = schema.safeParse(element)
    if (!item.success) return 'a list with an item that cannot be read'
    items.push(item.data)
  }
  return { items, total: totalCount }
}

function unclear(why: string, alarm = false): { kind: 'unclear'; why: string; alarm: boolean } {
  return { kind: 'unclear', why, alarm }
}
