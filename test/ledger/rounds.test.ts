import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startRounds } from '../../src/ledger/rounds.ts'
import { until } from '../support/until.ts'

test('a round that takes longer than its period is not overtaken by the next', async () => {
  let [running, most, done] = [0, 0, 0]
  const rounds = startRounds({
    everyMs: 1,
    round: async () => {
      running += 1
      most = Math.max(most, running)
      for (let n = 0; n < 200; n++) await turn()
      running -= 1
      done += 1
    },
    failed: () => {},
  })
  await until(() => done >= 5, { timeout_ms: 10_000, what: 'five rounds are done' })
  await rounds.stop()
  expect(most).toBe(1)
})

test('a round that fails is told of, and the next one comes', async () => {
  const told: unknown[] = []
  const rounds = startRounds({
    everyMs: 1,
    round: () => Promise.reject(new Error('no')),
    failed: (error) => void told.push(error),
  })
  await until(() => told.length >= 3, { timeout_ms: 10_000, what: 'three rounds have failed' })
  await rounds.stop()
  expect(told.at(-1)).toEqual(new Error('no'))
})

test('stopping tells the round that runs and waits for it; none comes after it', async () => {
  let [begun, ended] = [0, 0]
  const rounds = startRounds({
    everyMs: 1,
    round: async (stopping) => {
      begun += 1
      while (!stopping.aborted) await turn()
      ended += 1
    },
    failed: () => {},
  })
  await until(() => begun === 1, { timeout_ms: 10_000, what: 'a round has begun' })
  await rounds.stop()
  expect([begun, ended]).toEqual([1, 1])
})
