import { expect, test } from 'vitest'
import { makeTurns } from '../../src/payments/index.ts'

function stage(limits = { asked_of_payment: 2, asked: 3 }) {
  const turns = makeTurns(limits)
  const done = new Array<string>()
  /** Holds the turn of `key` until it is called. */
  const hold = (key: string) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const held = turns.take(key, () => promise)
    return async () => {
      resolve()
      await held
    }
  }
  const as = (name: string) => () => Promise.resolve(void done.push(name))
  return { turns, done, hold, as }
}

test('steps go before the commands that wait, each in the order they came', async () => {
  const { turns, done, hold, as } = stage()
  const release = hold('p')
  const all = [turns.ask('p', as('a')), turns.ask('p', as('b')), turns.take('p', as('1')), turns.take('p', as('2'))]
  await release()
  for (const turn of all) await turn
  expect(done).toEqual(['1', '2', 'a', 'b'])
})

test('a step is never refused; commands are beyond so many of a payment, and of all payments', async () => {
  const { turns, done, hold, as } = stage()
  const release = [hold('p'), hold('q')]
  const asked = ['p', 'p', 'p', 'q', 'q'].map((key, i) => turns.ask(key, as(`${key}${i}`)))
  expect(asked.map((turn) => turn !== null)).toEqual([true, true, false, true, false])
  const steps = Array.from({ length: 20 }, () => turns.take('p', as('step')))
  for (const open of release) await open()
  await Promise.all(steps)
  for (const turn of asked) await turn
  expect(done.filter((name) => name === 'step')).toHaveLength(20)
  expect(turns.ask('q', as('again'))).not.toBeNull()
})

test('one that breaks is its own caller’s to hear of, and the next goes on', async () => {
  const { turns, done, as } = stage()
  const broken = turns.take('p', () => Promise.reject(new Error('broken')))
  const next = turns.ask('p', as('next'))
  await expect(broken).rejects.toThrow('broken')
  await next
  expect(done).toEqual(['next'])
})
