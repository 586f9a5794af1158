import { expect, test } from 'vitest'
import type { Unit } from '../../src/ledger/index.ts'
import { LANES, Lanes, laneOf } from '../../src/ledger/lanes.ts'

const nobodys = (): number => 0
/** Two names that are sent to different lanes. */
const [one, two] = [0, 1].map((lane) => ['a', 'b', 'c', 'd', 'e'].find((name) => laneOf(name) === lane) ?? '')

const reserve = (hold: string, debit: string, credit: string, subject = ''): Unit => ({
  id: `unit of ${hold}`,
  transfers: [{ id: hold, ledger: 1, kind: 'reserve', debit, credit, amount: '1', subject }],
  ok: {},
})
const confirm = (hold: string, subject = ''): Unit => ({
  id: `end of ${hold}`,
  transfers: [{ id: `${hold}, confirmed`, ledger: 1, kind: 'confirm', pending: hold, subject }],
  ok: {},
})

test('whoever needs an account that is in use goes where it is in use, and else where its payer goes', () => {
  const lanes = new Lanes(LANES)
  const first = lanes.enter(reserve('h1', 'amina', 'baraka', one), nobodys)
  expect(first.lane).toBe(laneOf(one ?? ''))
  const pays = lanes.enter(reserve('h2', 'baraka', 'chege', two), nobodys)
  expect(pays.lane).toBe(first.lane)
  expect(lanes.enter(reserve('h3', 'dalila', 'esther', two), nobodys).lane).toBe(laneOf(two ?? ''))

  lanes.leave(first)
  expect(lanes.enter(reserve('h4', 'baraka', 'farah', two), nobodys).lane).toBe(first.lane)
})

test('an account is free again when the last who needed it has left', () => {
  const lanes = new Lanes(LANES)
  const passages = ['h1', 'h2'].map((hold) => lanes.enter(reserve(hold, 'amina', 'baraka', one), nobodys))
  for (const passage of passages) lanes.leave(passage)
  expect(lanes.enter(reserve('h3', 'amina', 'chege', two), nobodys).lane).toBe(laneOf(two ?? ''))
})

test('the end of a hold needs the accounts it is on', () => {
  const lanes = new Lanes(LANES)
  lanes.leave(lanes.enter(reserve('h1', 'amina', 'baraka', one), nobodys))
  const other = lanes.enter(reserve('h2', 'chege', 'amina', two), nobodys)
  expect(lanes.enter(confirm('h1', one), nobodys).lane).toBe(other.lane)
  expect(lanes.enter(confirm('of another process', one), nobodys).lane).toBe(laneOf(one ?? ''))
})

test('a unit that touches nobody goes where it is told to', () => {
  const lanes = new Lanes(LANES)
  expect(lanes.enter({ id: 'u', ok: {} }, () => 1).lane).toBe(1)
})
