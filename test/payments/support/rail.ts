import { INQUIRY_GAPS_MS } from '../../../src/domain/attempt.ts'
import {
  makeInquiryBudget,
  makeRailBook,
  makeRailGuard,
  type RailBook,
  type RailWatch,
  type WatchedRail,
  watchRail,
} from '../../../src/payments/index.ts'
import type { Rail, RailOrder, RailOutcome, RailProfile, SendOptions } from '../../../src/rails/port.ts'

/** A rail that answers as the test says and remembers what it was asked: steps are tested by it, connectors by their own. */
export type ScriptedRail = {
  rail: Rail
  book: RailBook
  /** `<step> <reference>` of each call. */
  sent: string[]
  inquired: string[]
  send: (order: RailOrder, options: SendOptions) => Promise<RailOutcome>
  inquire: (order: RailOrder) => Promise<RailOutcome>
}

const PROFILE: RailProfile = {
  firstStep: { collect: 'submit', payOut: 'submit', refund: 'submit' },
  manualCapture: false,
  deadlineMs: 8_000,
  notFound: { submit: 'final' },
  inquiryGapsMs: INQUIRY_GAPS_MS,
  inquiriesPerSecond: 1_000,
  callsMax: 1_000,
}

export const EVIDENCE = { via: 'answer' as const, id: 'sts-1', status: 'ACSC', railReference: 'acc-1' }
export const settled = (): RailOutcome => ({ kind: 'settled', evidence: EVIDENCE })

export function scriptedRail(id: string, profile: Partial<RailProfile> = {}): ScriptedRail {
  const scripted: Omit<ScriptedRail, 'rail' | 'book'> = {
    sent: [],
    inquired: [],
    send: () => Promise.resolve(settled()),
    inquire: () => Promise.resolve(settled()),
  }
  const rail: Rail = {
    id,
    profile: { ...PROFILE, ...profile },
    send: (order, options) => {
      made.sent.push(order.step === 'submit' ? order.reference : `${order.step} ${order.reference}`)
      return made.send(order, options)
    },
    inquire: (order) => {
      made.inquired.push(order.reference)
      return made.inquire(order)
    },
    readCallback: () => Promise.resolve({ ok: false, status: 404, why: 'not in this test' }),
    heartbeat: () => Promise.resolve({ kind: 'available', why: null }),
    close: () => Promise.resolve(),
  }
  const book = makeRailBook([{ id, name: 'Test rail', connector: 'test', serves: ['bank'], rail }])
  const made: ScriptedRail = { ...scripted, rail, book }
  return made
}

/** The rails of a book as a hub reaches them; a test may put a part of its own among what watches them. */
export function watched(book: RailBook, by: Partial<RailWatch> = {}): ReadonlyMap<string, WatchedRail> {
  const clock = { now: Date.now, monotonic: () => performance.now() }
  const watch: RailWatch = {
    guard: makeRailGuard({ clock, callsMax: (id) => book.profile(id).callsMax }),
    budget: makeInquiryBudget({ clock, perSecond: (id) => book.profile(id).inquiriesPerSecond }),
    health: { heard: () => {} },
    ...by,
  }
  return new Map(book.entries.map(({ id, rail }) => [id, watchRail(rail, watch)]))
}
