import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { makeCallbackRefusals } from '../../src/payments/index.ts'

test('who sends callbacks that are refused is counted each time, and is written down a few times of each kind', async () => {
  const lines = new Array<string>()
  const registry = new Registry()
  let now = 0
  const refused = makeCallbackRefusals({
    registry,
    log: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }),
    clock: { now: () => 0, monotonic: () => now },
  })
  for (let i = 0; i < 5_000; i++) refused('bank', 'not_authentic', 'signed by nobody')
  const written = lines.length
  expect(written).toBeGreaterThan(0)
  expect(written).toBeLessThan(50)
  expect(lines[0]).toContain('signed by nobody')
  // Another cause has lines of its own, and later there are some again.
  refused('bank', 'malformed', 'no XML')
  now += 60_000
  refused('bank', 'not_authentic', 'signed by nobody')
  expect(lines).toHaveLength(written + 2)
  // What is logged elsewhere is only counted here.
  refused('bank', 'not_our_order')
  expect(lines).toHaveLength(written + 2)
  const values = (await registry.getMetricsAsJSON()).flatMap((metric) => metric.values)
  expect(values.map(({ value }) => value)).toEqual([5_001, 1, 1])
})
