import { inspect } from 'node:util'
import type { ExpectStatic } from 'vitest'
import type { RailOperation } from '../../../src/domain/attempt.ts'
import type { RailOrder } from '../../../src/rails/port.ts'
import type { BookLine } from './control.ts'
import type { Final, Row, Running, Subject } from './subject.ts'
import { inquire, refundOf, send, sendImpatiently, walk, type Walked } from './walk.ts'

/** One row of the tables, from the order to what the rail's own book says of it. */

export const WAITS = { timeout: 25_000, interval: 50 }

/** A fresh order; a refund's collect is settled first. */
export async function orderFor(running: Running, operation: RailOperation, nn: number): Promise<RailOrder> {
  if (operation !== 'refund') return running.makeOrder(operation, nn)
  return refundOf(running, await walk(running, running.makeOrder('collect', nn)), nn)
}

export async function movedBy({ control }: Running, { reference }: RailOrder): Promise<BookLine[]> {
  return (await control.book(reference)).filter(({ effect }) => effect === 'moved')
}

/** What the book has of an order that is settled: it, once, with its amount. */
export function movedOnce({ reference, operation, amountMinor, currency }: RailOrder): Partial<BookLine>[] {
  return [{ reference, operation, amount: amountMinor.toString(), currency }]
}

/** What the row's order came to; null where it is not followed to its end. */
export async function follow(
  subject: Subject,
  running: Running,
  row: Row,
  operation: RailOperation,
  expect: ExpectStatic,
): Promise<Final | null> {
  const order = await orderFor(running, operation, row.nn)
  if (row.fault !== undefined) await running.control.rule(order.reference, row.fault, 1)
  if (row.final === null) {
    const { abort } = row
    const outcome = await (abort === undefined ? send(running, order) : sendImpatiently(running, order, abort))
    expect(row.first).toContain(outcome.kind)
    return null
  }
  const walked = await walk(running, order, row)
  expect(row.first, told(walked)).toContain(walked.said[0]?.outcome.kind)
  const settled = walked.final === 'settled'
  expect(await movedBy(running, order), told(walked)).toMatchObject(settled ? movedOnce(order) : [])
  if (row.code !== undefined) expect(walked.outcome).toMatchObject({ kind: 'declined', code: row.code })
  if (walked.outcome.kind === 'declined') expect(walked.outcome.alarm).toBe(row.alarm ?? false)
  if (row.heard !== undefined) await expectHeard(row.heard, subject, running, walked, expect)
  if (row.returned !== undefined) await expectReturned(row.returned, subject, running, walked, expect)
  return walked.final
}

async function expectHeard(
  heard: NonNullable<Row['heard']>,
  subject: Subject,
  running: Running,
  { order, outcome }: Walked,
  expect: ExpectStatic,
): Promise<void> {
  await expect.poll(() => running.inbox.statements(order.reference).length, WAITS).toBe(heard.deliveries)
  const statements = running.inbox.statements(order.reference)
  expect(new Set(statements.map(({ eventId }) => eventId)).size).toBe(heard.events)
  const [first] = statements
  if (first === undefined) return
  // The first event is the truth; a later one may contradict it, and the book does not change.
  expect(first.says.kind).toBe(subject.callbacks === 'look' ? 'look' : outcome.kind)
  expect((await inquire(running, order)).kind).toBe(outcome.kind)
}

async function expectReturned(
  parts: number,
  subject: Subject,
  running: Running,
  { order }: Walked,
  expect: ExpectStatic,
): Promise<void> {
  const effects = async () => (await running.control.book(order.reference)).map(({ effect }) => effect)
  await expect.poll(effects, WAITS).toEqual(['moved', ...Array.from({ length: parts }, () => 'returned')])
  const { amountMinor } = order
  if (subject.callbacks === 'look') {
    await expect.poll(() => running.inbox.statements(order.reference).length, WAITS).toBeGreaterThan(0)
    const answer = await inquire(running, order)
    expect(answer).toMatchObject({ kind: 'returned', amountMinor })
    // Asked again, it is the same return.
    expect(await inquire(running, order)).toEqual(answer)
    return
  }
  const returns = () =>
    running.inbox.statements(order.reference).flatMap(({ says }) => (says.kind === 'returned' ? [says] : []))
  await expect.poll(() => returns().length, WAITS).toBe(parts)
  expect(returns().reduce((sum, one) => sum + one.amountMinor, 0n)).toBe(amountMinor)
  expect(new Set(returns().map(({ evidence }) => evidence.id)).size).toBe(parts)
  // What came back changes nothing of what was.
  expect(await inquire(running, order)).toMatchObject({ kind: 'settled' })
}

const told = ({ said }: Walked): string =>
  inspect(
    said.map(({ of, outcome }) => [of, outcome]),
    { depth: 5 },
  )
