import { expect, it } from 'vitest'
import { RecentlyRevoked } from '../../src/edge/recently-revoked.ts'

function make(limits = { revoked_kept_ms: 1_000, revoked_kept: 3 }) {
  let now = 0
  const revoked = new RecentlyRevoked(limits, { monotonic: () => now })
  return { revoked, pass: (ms: number) => void (now += ms) }
}

it('knows a device for a while, and no other', () => {
  const { revoked, pass } = make()
  revoked.add('dev_a')
  pass(999)
  expect([revoked.has('dev_a'), revoked.has('dev_b')]).toEqual([true, false])
  pass(1)
  expect(revoked.has('dev_a')).toBe(false)
})

it('begins anew where it is told again', () => {
  const { revoked, pass } = make()
  revoked.add('dev_a')
  pass(900)
  revoked.add('dev_a')
  pass(900)
  expect(revoked.has('dev_a')).toBe(true)
})

it('holds a bounded number: the oldest are forgotten first', () => {
  const { revoked } = make()
  const devices = ['dev_a', 'dev_b', 'dev_c', 'dev_d', 'dev_e']
  for (const device of devices) revoked.add(device)
  expect(devices.map((device) => revoked.has(device))).toEqual([false, false, true, true, true])
})
