import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeLog } from '../../src/observe/log.ts'
import { type InquiryBudget, type MandateSteps, makeMandates, makeRailBook, patrol } from '../../src/payments/index.ts'
import { changeOf, sourceEvent } from '../../src/payments/mandates.ts'
import type { SourceRow } from '../../src/payments/rows.ts'
import type { BankRail, MandateAnswer, MandateRequest } from '../../src/rails/port.ts'
import { type HeldStage, MINUTE_MS, ids, openStage } from './support/held.ts'

const BANK = 'test-bank'
const log = makeLog({ name: 'test', level: 'silent' })

let stage: HeldStage
let asked: MandateRequest[] = []
let answer: () => Promise<MandateAnswer>
const ACTIVE: MandateAnswer = { kind: 'active', mandateId: 'M2', signedOn: '2026-02-02' }

beforeAll(async () => {
  stage = await openStage()
})
beforeEach(() => {
  stage.time.aheadMs = 0
  asked = []
  answer = () => Promise.resolve({ kind: 'pending', mandateId: 'M1' })
})
afterAll(() => stage.close())

const FREE: InquiryBudget = { ask: (_rail, _lane, question) => question() }

function mandates(budget = FREE): MandateSteps {
  const { rail } = stage.operator
  const bank: BankRail = {
    ...rail,
    id: BANK,
    linkMandate: (request) => {
      asked.push(request)
      return answer()
    },
  }
  const rails = makeRailBook([
    { id: BANK, name: 'Bank', connector: 'test', serves: ['bank'], rail: bank, mandates: bank },
  ])
  return makeMandates({ store: stage.store, ledger: stage.ledger, ids, clock: stage.clock, log, rails, budget })
}

/** An account whose bank has not decided, to be asked about now. */
async function linked(of: Partial<SourceRow> = {}): Promise<SourceRow> {
  const now = new Date()
  const source: SourceRow = {
    id: ids.make('src'),
    user_id: ids.make('usr'),
    type: 'bank',
    rail: BANK,
    bank: BANK,
    account: ids.uuid(),
    holder: 'Customer',
    currency: 'KES',
    label: 'Bank ··1',
    status: 'requires_action',
    mandate_id: 'M1',
    mandate_signed_on: null,
    mandate_reference: ids.uuid(),
    inquiries: 0,
    next_look_at: now,
    created_at: now,
    ...of,
  }
  const { next_look_at, created_at, ...rest } = source
  const times = { next_look_at: next_look_at?.toISOString() ?? null, created_at: created_at.toISOString() }
  expect(await stage.ledger.apply({ id: ids.uuid(), ok: { source: { ...rest, ...times } } })).toEqual({ code: 'ok' })
  return source
}

const stored = async ({ id }: SourceRow) => {
  const row = await stage.store.source(id)
  if (row === null) throw new Error('no source')
  return row
}

async function events({ user_id }: SourceRow): Promise<unknown[]> {
  const rows = await stage.owner<{ body: unknown }[]>`select body from outbox where feed = ${user_id} order by seq`
  return rows.map(({ body }) => body)
}

test('a mandate that its bank has not decided is asked about under its own reference, less and less often', async () => {
  const source = await linked()
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    const next = await mandates().inquire(source.id)
    if (next.step !== 'wait') throw new Error(next.status)
    waits.push(Math.round(next.ms / 1_000))
    // Before its time the bank is left in peace.
    expect(await mandates().inquire(source.id)).toMatchObject({ step: 'wait' })
    stage.time.aheadMs += next.ms
  }
  expect(waits).toEqual([2, 5, 10, 30, 60, 300, 300, 300])
  expect(asked).toHaveLength(8)
  const { account, mandate_reference: reference } = source
  expect(new Set(asked.map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify({ reference, iban: account, holder: 'Customer', currency: 'KES' })]),
  )
  expect((await stored(source)).status).toBe('requires_action')
  expect(await events(source)).toEqual([])
})

test('a mandate that the bank’s budget has no turn for is asked about a little later, and that was no inquiry', async () => {
  const source = await linked()
  const next = await mandates({ ask: () => Promise.resolve({ kind: 'not_asked', afterMs: 1_050 }) }).inquire(source.id)
  expect(next).toMatchObject({ step: 'wait' })
  if (next.step === 'wait') expect(next.ms).toBeLessThanOrEqual(1_050)
  expect(await stored(source)).toMatchObject({ inquiries: 0, status: 'requires_action' })
  stage.time.aheadMs = 1_100
  answer = () => Promise.resolve(ACTIVE)
  expect(await mandates().inquire(source.id)).toEqual({ step: 'done', status: 'active' })
})

test('what its user brings forward is asked as something woken, and what the schedule comes to by itself as that', async () => {
  const lanes = new Array<string>()
  const by = mandates({
    ask(_rail, lane, question) {
      lanes.push(lane)
      return question()
    },
  })
  const source = await linked()
  stage.time.aheadMs = 1_000
  for (let i = 0; i < 8; i++) {
    const next = await by.inquire(source.id)
    if (next.step === 'wait') stage.time.aheadMs += next.ms
  }
  expect(lanes).toEqual(Array<string>(8).fill('scheduled'))
  // The bank is asked every 5 minutes by now, and the user knocks three times in between.
  for (let i = 0; i < 3; i++) {
    await stage.owner`update sources set next_look_at = clock_timestamp() where id = ${source.id}`
    await by.inquire(source.id)
  }
  expect(lanes.slice(8)).toEqual(['scheduled', 'woken', 'woken'])
})

test('a bank that says yes makes the account active, once, and its user hears of it once', async () => {
  const source = await linked()
  answer = () => Promise.resolve(ACTIVE)
  const nexts = await Promise.all(Array.from({ length: 10 }, () => mandates().inquire(source.id)))
  expect(nexts).toEqual(Array.from({ length: 10 }, () => ({ step: 'done', status: 'active' })))
  expect(await stored(source)).toMatchObject({
    status: 'active',
    mandate_id: 'M2',
    mandate_signed_on: '2026-02-02',
    next_look_at: null,
  })
  expect(await events(source)).toEqual([
    { id: source.id, type: 'bank', label: 'Bank ··1', status: 'active', next_action: null },
  ])
  expect(await mandates().look(source.id)).toEqual({ step: 'done', status: 'active' })
})

test('a bank that says no ends it, and one that cannot be asked ends nothing', async () => {
  const source = await linked()
  answer = () => Promise.resolve({ kind: 'unavailable', why: 'status 503' })
  expect(await mandates().inquire(source.id)).toMatchObject({ step: 'wait' })
  stage.time.aheadMs = MINUTE_MS
  answer = () => Promise.resolve({ kind: 'refused', reason: 'MS02' })
  expect(await mandates().inquire(source.id)).toEqual({ step: 'done', status: 'revoked' })
  expect(await events(source)).toMatchObject([{ status: 'revoked', next_action: null }])
})

test('what its user unlinked while the bank was asked stays unlinked', async () => {
  const source = await linked()
  const held = Promise.withResolvers<MandateAnswer>()
  answer = () => held.promise
  const inquiry = mandates().inquire(source.id)
  await expect.poll(() => asked.length).toBe(1)
  const after: SourceRow = { ...source, status: 'revoked', next_look_at: null }
  const unlinked = await stage.ledger.apply({
    id: ids.uuid(),
    guard: { source: { id: source.id, states: ['requires_action'] } },
    ok: { source_change: changeOf(after), events: [sourceEvent(after, ids)] },
  })
  expect(unlinked).toEqual({ code: 'ok' })
  held.resolve(ACTIVE)
  expect(await inquiry).toEqual({ step: 'done', status: 'revoked' })
  expect((await stored(source)).status).toBe('revoked')
  expect(await events(source)).toHaveLength(1)
})

test('a mandate whose workflow is gone is found by the patrol', async () => {
  const [lost, waiting] = [await linked(), await linked({ next_look_at: new Date(Date.now() + 60 * MINUTE_MS) })]
  const restarted: string[] = []
  await patrol({
    sql: stage.hub,
    store: stage.store,
    ledger: stage.ledger,
    ids,
    clock: { ...stage.clock, now: () => Date.now() + 2 * MINUTE_MS },
    log,
    startLate: () => {},
    restart: (id) => void restarted.push(id),
    rails: stage.operator.book,
  })
  expect(restarted).toContain(lost.id)
  expect(restarted).not.toContain(waiting.id)
})
