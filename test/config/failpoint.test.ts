import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { failpoints } from '../../src/config/failpoint.ts'
import { ROOT } from '../../tools/paths.ts'
import { run } from '../../tools/process/run.ts'

/** Enough for each main to read its settings; none is reached. */
const SETTINGS = {
  MOORING_PROCESS: 'hub-0',
  MOORING_PRIVATE_PORT: '0',
  MOORING_PORT: '0',
  MOORING_ORIGINS: 'https://pay.example',
  MOORING_KEYS: '/nonexistent',
  NATS_URL: 'nats://127.0.0.1:1',
  DATABASE_URL: 'postgres://127.0.0.1:1/none',
  TEMPORAL_ADDRESS: '127.0.0.1:1',
  MOORING_CAPS: 'on',
  MOORING_CURRENCY: 'KES',
  MOORING_PIN_ABOVE: '500000',
  MOORING_LIMIT_PAYMENT: '10000000',
  MOORING_OPS_TWO_ABOVE: '1000000',
  MOORING_LIMIT_DAY: '10000000',
  MOORING_LIMIT_MONTH: '10000000',
  MOORING_RAILS: '[{"id":"a-bank","connector":"iso20022","name":"A Bank","url":"https://localhost:1"}]',
  MOORING_CAMARA_URL: 'http://127.0.0.1:1',
  MOORING_PUBLIC_URL: 'http://127.0.0.1:1',
}

describe('failpoints', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mooring-failpoints-'))
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  it('are refused where the environment is live', () => {
    expect(() => failpoints({ MOORING_ENV: 'live', MOORING_FAILPOINTS: dir })).toThrow('MOORING_ENV is test')
  })

  it.each(['hub', 'edge', 'relay'])('keep a live %s from starting', async (name) => {
    const env = { ...process.env, ...SETTINGS, MOORING_ENV: 'live', MOORING_FAILPOINTS: dir }
    const { code, output } = await run(process.execPath, [join(ROOT, `src/proc/${name}.ts`)], {
      env,
      timeoutMs: 25_000,
    })
    expect(code).not.toBe(0)
    expect(output).toContain('failpoints exist only where MOORING_ENV is test')
  })

  it('do nothing without a directory, or for another amount', () => {
    writeFileSync(join(dir, 'confirmed'), JSON.stringify({ amount: '7' }))
    failpoints({ MOORING_ENV: 'live' })('confirmed', '7')
    failpoints({ MOORING_ENV: 'test', MOORING_FAILPOINTS: dir })('confirmed', '8')
    expect(existsSync(join(dir, 'confirmed'))).toBe(true)
  })

  it('kill the process that reaches an armed step, once', async () => {
    writeFileSync(join(dir, 'confirmed'), JSON.stringify({ amount: '7' }))
    const program = `
      import { failpoints } from '${new URL('../../src/config/failpoint.ts', import.meta.url).href}'
      failpoints({ MOORING_ENV: 'test', MOORING_FAILPOINTS: '${dir}' })('confirmed', '7')
      console.log('lives')`
    const reach = () => run(process.execPath, ['--input-type=module-typescript', '-e', program], { timeoutMs: 20_000 })
    expect((await reach()).output).not.toContain('lives')
    expect(existsSync(join(dir, 'confirmed.fired'))).toBe(true)
    expect((await reach()).output).toContain('lives')
  })

  it('wait for one payment under its own name, passed as often as was asked, and say who was struck', async () => {
    const path = join(dir, 'journalled.7')
    writeFileSync(path, JSON.stringify({ passes: 1 }))
    const program = `
      import { failpoints } from '${new URL('../../src/config/failpoint.ts', import.meta.url).href}'
      const reach = failpoints({ MOORING_ENV: 'test', MOORING_FAILPOINTS: '${dir}' })
      reach('journalled', '8')
      reach('journalled', '7')
      console.log(process.pid)
      reach('journalled', '7')
      console.log('lives')`
    const { output } = await run(process.execPath, ['--input-type=module-typescript', '-e', program], {
      timeoutMs: 20_000,
    })
    expect(output).not.toContain('lives')
    const fired: unknown = JSON.parse(readFileSync(`${path}.fired`, 'utf8'))
    expect(fired).toMatchObject({ pid: Number(/^\d+$/m.exec(output)?.[0]) })
  })

  it('freeze the process that reaches a step armed so, until it is let go on', async () => {
    writeFileSync(join(dir, 'confirmed'), JSON.stringify({ signal: 'SIGSTOP' }))
    const program = `
      import { failpoints } from '${new URL('../../src/config/failpoint.ts', import.meta.url).href}'
      failpoints({ MOORING_ENV: 'test', MOORING_FAILPOINTS: '${dir}' })('confirmed', '7')
      console.log('lives')`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program])
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const closed = new Promise((resolve) => child.once('close', resolve))
    await expect.poll(() => stateOf(child.pid), { timeout: 20_000 }).toBe('T')
    expect(output).toBe('')
    child.kill('SIGCONT')
    await closed
    expect(output).toContain('lives')
  })
})

/** The first letter of what ps says of a process: T is stopped. */
function stateOf(pid: number | undefined): string {
  return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.slice(0, 1)
}
