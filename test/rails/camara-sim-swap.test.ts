import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeCamaraSimSwap, readCamaraCredentials } from '../../src/rails/camara/index.ts'
import type { SimSwap } from '../../src/rails/port.ts'
import { CamaraStage } from '../support/camara-stage.ts'

/** When a SIM card was changed, by the operator; what cannot be told counts as changed (security.md). */

let stage: CamaraStage
let simSwap: SimSwap & { close(): Promise<void> }
beforeAll(async () => {
  stage = await CamaraStage.open()
  simSwap = makeCamaraSimSwap({
    baseUrl: stage.url,
    credentials: readCamaraCredentials(stage.keysDir),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
  })
})
afterAll(async () => {
  await simSwap.close()
  await stage.close()
})

const date = (phone: string) => simSwap.date(phone, AbortSignal.timeout(5_000))
const change = (account: string, sim_changed_at: string | null) =>
  stage.control('POST', 'accounts', { account, sim_changed_at })

it('is told to the millisecond', async () => {
  await change('+254700600001', '2026-11-27T10:15:30.123+02:00')
  expect(await date('+254700600001')).toEqual({ kind: 'date', atMs: Date.parse('2026-11-27T08:15:30.123Z') })
})

it('is long ago for a subscriber nobody set up', async () => {
  expect(await date('+254700600002')).toEqual({ kind: 'date', atMs: Date.UTC(2020, 0, 1) })
})

it('is unknown where the operator does not tell, is wrong about it, or is away', async () => {
  await change('+254700600003', null)
  expect(await date('+254700600003')).toEqual({ kind: 'unknown' })
  await change('+254700600003', '2999-01-01T00:00:00Z')
  expect(await date('+254700600003')).toEqual({ kind: 'unknown' })
  expect(await date('0700')).toEqual({ kind: 'unknown' })
  await stage.control('POST', 'outage', { seconds: 30, mode: '500' })
  expect(await date('+254700600001')).toEqual({ kind: 'unknown' })
  await stage.control('POST', 'outage', { seconds: 0, mode: '500' })
  expect((await date('+254700600001')).kind).toBe('date')
})
