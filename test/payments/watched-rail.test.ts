import { expect, test } from 'vitest'
import { makeIds } from '../../src/domain/ids.ts'
import { type InquiryBudget, watchRail } from '../../src/payments/index.ts'
import { orderOf } from '../../src/payments/order.ts'
import type { RailOutcome } from '../../src/rails/port.ts'
import { scriptedRail, settled } from './support/rail.ts'
import { attemptRow, paymentRow } from './support/rows.ts'

const RAIL = 'bank'
const ids = makeIds(Date.now, (bytes) => new Uint8Array(bytes))
const payment = paymentRow({ id: ids.make('pay'), ledger: 1, kind: 'topup' })
const dispatched = { rail: RAIL, operation: 'collect', dispatched_at: new Date() } as const
const order = orderOf(attemptRow(payment, dispatched))

const unknown: RailOutcome = { kind: 'unknown', why: 'reset', alarm: false }
const free: InquiryBudget = { ask: (_rail, _lane, question) => question() }
const spent: InquiryBudget = { ask: () => Promise.resolve({ kind: 'not_asked', afterMs: 70 }) }

function watching(budget: InquiryBudget) {
  const { rail, ...script } = scriptedRail(RAIL)
  const heard: string[] = []
  const hears = (who: string) => (id: string, answered: boolean) => void heard.push(`${who} ${id} ${answered}`)
  const calling = (id: string, reference: string) => {
    heard.push(`calls ${id} ${reference}`)
    return () => void heard.push('over')
  }
  const guard = { calling, heard: hears('guard') }
  return { script, rail, heard, watched: watchRail(rail, { guard, budget, health: { heard: hears('health') } }) }
}

test('each answer and each failure is heard once by each, of a call and of a question', async () => {
  const { rail, heard, watched } = watching(free)
  const options = { signal: AbortSignal.timeout(1_000), mayWrite: () => true }
  expect(await watched.send(order, options)).toEqual(settled())
  expect(heard).toEqual([`calls ${RAIL} ${order.reference}`, 'over', `guard ${RAIL} true`, `health ${RAIL} true`])
  heard.length = 0
  expect(await watched.ask(order, 'scheduled')).toEqual(settled())
  expect(heard).toEqual([`guard ${RAIL} true`, `health ${RAIL} true`])
  heard.length = 0
  rail.inquire = () => Promise.resolve(unknown)
  expect(await watched.ask(order, 'woken')).toEqual(unknown)
  expect(heard).toEqual([`guard ${RAIL} false`, `health ${RAIL} false`])
})

test('a question without a turn reaches nobody, and is no failure of the rail', async () => {
  const { script, heard, watched } = watching(spent)
  expect(await watched.ask(order, 'scheduled')).toEqual({ kind: 'not_asked', afterMs: 70 })
  expect([heard, script.inquired]).toEqual([[], []])
})

test('a call that throws is over all the same', async () => {
  const { rail, heard, watched } = watching(free)
  rail.send = () => Promise.reject(new Error('broken'))
  await expect(watched.send(order, { signal: AbortSignal.timeout(1_000), mayWrite: () => true })).rejects.toThrow()
  expect(heard.at(-1)).toBe('over')
})
