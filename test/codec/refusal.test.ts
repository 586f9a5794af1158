import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ROOT } from '../../tools/paths.ts'

/** Processes that would write to Temporal in the clear do not start. */

/** A hub loads in a second; where seven others do at the same time, in half a minute. */
const START_MS = 110_000
vi.setConfig({ testTimeout: START_MS + 10_000 })

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mooring-codec-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Starts the process with every setting it needs, and servers that are not there: it gets no further than its keys. */
function start(main: string, env: 'test' | 'live'): Promise<{ code: unknown; said: string }> {
  const nowhere = {
    MOORING_ENV: env,
    MOORING_PROCESS: 'tried-0',
    MOORING_PRIVATE_PORT: '0',
    MOORING_KEYS: dir,
    DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    NATS_URL: 'nats://127.0.0.1:9',
    TEMPORAL_ADDRESS: '127.0.0.1:9',
    MOORING_OPS_TWO_ABOVE: '0',
    MOORING_PORT: '0',
    MOORING_OPS_URL: 'https://ops.example',
    MOORING_CURRENCY: 'KES',
    MOORING_PIN_ABOVE: '0',
    MOORING_LIMIT_PAYMENT: '1',
    MOORING_LIMIT_DAY: '1',
    MOORING_LIMIT_MONTH: '1',
    MOORING_RAILS: JSON.stringify([{ id: 'bank', name: 'Bank', connector: 'iso20022', url: 'https://localhost:9' }]),
    MOORING_CAMARA_URL: 'http://127.0.0.1:9',
    MOORING_PUBLIC_URL: 'http://127.0.0.1:9',
    PATH: process.env['PATH'] ?? '',
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, main)], { cwd: ROOT, env: nowhere, timeout: START_MS }, (error, out, err) =>
      resolve({ code: error?.code, said: out + err }),
    )
  })
}

describe('src/proc/hub.ts, which has the codec’s keys,', () => {
  const ring = (id: string) => JSON.stringify({ writes: id, keys: { [id]: Buffer.alloc(32, 1).toString('base64url') } })

  test('does not start without the keys of customer codes, or in production with keys made for development', async () => {
    writeFileSync(join(dir, 'codec.json'), ring('prod-1'))
    expect((await start('src/proc/hub.ts', 'live')).said).toContain('key file codes.json cannot be read')
    writeFileSync(join(dir, 'codes.json'), ring('dev-1'))
    const { code, said } = await start('src/proc/hub.ts', 'live')
    expect(code).toBe(1)
    expect(said).toContain('codes.json: key dev-1 was made for development')
  })
})

describe.each(['src/proc/hub.ts', 'src/proc/ops.ts'])('%s', (main) => {
  test.each(['test', 'live'] as const)('does not start without the codec’s keys (%s)', async (env) => {
    const { code, said } = await start(main, env)
    expect(code).toBe(1)
    expect(said).toContain('key file codec.json cannot be read')
  })

  test('does not start in production with keys made for development', async () => {
    const key = Buffer.alloc(32, 1).toString('base64url')
    writeFileSync(join(dir, 'codec.json'), JSON.stringify({ writes: 'dev-1', keys: { 'dev-1': key } }))
    const { code, said } = await start(main, 'live')
    expect(code).toBe(1)
    expect(said).toContain('key dev-1 was made for development')
    expect(said).not.toContain(key)
  })
})
