import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CURRENCIES } from '../../src/contract/names.ts'
import { makeRails, type RailSettings } from '../../src/rails/connectors.ts'
import { SECRETS } from './support/gsma.ts'
import { writeKeys } from './support/sim.ts'

/** An entry of MOORING_RAILS may say how often each hub asks its rail. */

let dir: string
let keysDir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mooring-settings-'))
  keysDir = writeKeys(dir, 'hub', {
    'gsma.json': JSON.stringify(SECRETS),
    'camara.json': JSON.stringify({ client_id: 'mooring', client_secret: 'a-secret-of-this-test' }),
    'camara-callback.key': 'callback-key-of-this-test',
  })
})
afterAll(() => {
  rmSync(dir, { recursive: true })
})

async function perSecond(connector: RailSettings['connector'], more: object): Promise<number | undefined> {
  const [made] = makeRails([{ id: 'rail-1', name: 'Rail', connector, url: 'http://127.0.0.1:1/api', ...more }], {
    keysDir,
    publicUrl: 'https://pay.example',
    currencies: CURRENCIES,
    clock: { now: Date.now, monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
    registry: new Registry(),
  })
  await made?.rail.close()
  return made?.rail.profile.inquiriesPerSecond
}

it.each(['camara', 'gsma'] as const)('%s asks as often as its entry says, else as its connector does', async (name) => {
  expect(await perSecond(name, { inquiries_per_second: 7 })).toBe(7)
  expect(await perSecond(name, {})).toBe({ camara: 50, gsma: 20 }[name])
  for (const wrong of [0, 1.5, 1_001, '7']) {
    await expect(perSecond(name, { inquiries_per_second: wrong })).rejects.toThrow('inquiries_per_second')
  }
})
