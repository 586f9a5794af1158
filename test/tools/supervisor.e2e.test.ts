import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { identify } from '../../tools/process/identity.mjs'
import { freePorts } from '../../tools/process/ports.ts'
import { answersOk } from '../../tools/process/probe.ts'
import { baseEnv, type Launch } from '../../tools/servers/launch.ts'
import { makeSupervisor, type Supervisor } from '../../tools/supervisor/supervisor.ts'

/** A process that answers /readyz, and on SIGTERM notes its name before it ends. */
const PROGRAM = `
  const { appendFileSync } = require('node:fs')
  require('node:http').createServer((_, response) => response.end('ready')).listen(process.env.PORT, '127.0.0.1')
  process.on('SIGTERM', () => {
    if (process.env.STUBBORN) return
    appendFileSync(process.env.NOTES, process.env.NAME + '\\n')
    process.exit(0)
  })`

describe('the supervisor', () => {
  let dir: string
  let supervisor: Supervisor
  const said: string[] = []

  const dummy = async (name: string, extra: Record<string, string> = {}): Promise<Launch> => {
    const [port = 0] = await freePorts(1)
    return {
      name,
      command: process.execPath,
      args: ['-e', PROGRAM],
      env: { ...baseEnv(), NAME: name, PORT: String(port), NOTES: join(dir, 'notes'), ...extra },
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 500,
      readyTimeoutMs: 10_000,
      isReady: () => answersOk(port, '/readyz'),
    }
  }

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mooring-supervisor-'))
    said.length = 0
    supervisor = makeSupervisor({ dataDir: dir, say: (line) => said.push(line), onPids: () => {} })
  })

  afterEach(async () => {
    await supervisor.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('starts again what was killed, and gives its new pid once it is ready', async () => {
    await supervisor.start('work', await dummy('hub-0'))
    const before = supervisor.pids()['hub-0'] ?? 0
    process.kill(before, 'SIGKILL')
    await vi.waitFor(() => expect(supervisor.pids()['hub-0']).not.toBe(before), { timeout: 10_000 })
    expect(identify(supervisor.pids()['hub-0'] ?? 0)).toBeDefined()
    expect(said.join('\n')).toMatch(/hub-0 was ended by SIGKILL; starting it again in 0.1 s\n.*hub-0 is back/)
  })

  it('stops what takes work in before what does the work, and servers last', async () => {
    await supervisor.start('servers', await dummy('nats'))
    await Promise.all([
      supervisor.start('intake', await dummy('edge-0')),
      supervisor.start('work', await dummy('hub-0')),
      supervisor.start('rails', await dummy('sim-bank')),
    ])
    await supervisor.stop()
    expect(readFileSync(join(dir, 'notes'), 'utf8')).toBe('edge-0\nhub-0\nsim-bank\nnats\n')
  })

  it('kills what does not end in its time', async () => {
    await supervisor.start('work', await dummy('hub-0', { STUBBORN: 'yes' }))
    const pid = supervisor.pids()['hub-0'] ?? 0
    await supervisor.stop()
    expect(identify(pid)).toBeUndefined()
  })

  it("tells a process's last words where it does not come up", async () => {
    const launch = await dummy('hub-0')
    const broken = { ...launch, args: ['-e', 'console.error("no key of mine"); process.exit(3)'] }
    await expect(supervisor.start('work', broken)).rejects.toThrow(/hub-0 exited with code 3.*\n.*no key of mine/)
  })

  it('starts nothing more once it stops', async () => {
    await supervisor.stop()
    await expect(supervisor.start('work', await dummy('hub-0'))).rejects.toThrow('everything is being stopped')
  })
})

describe('a supervisor that is killed', () => {
  it('leaves no process behind, and no dev.json', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'mooring-supervisor-'))
    const pidFile = join(dir, 'pid')
    writeFileSync(join(dir, 'dev.json'), '{}')
    const module = new URL('../../tools/supervisor/supervisor.ts', import.meta.url).href
    const source = `
      import { writeFileSync } from 'node:fs'
      import { makeSupervisor } from '${module}'
      const supervisor = makeSupervisor({ dataDir: '${dir}', say: () => {}, onPids: () => {} })
      await supervisor.start('work', {
        name: 'hub-0', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], env: {},
        stopSignal: 'SIGTERM', stopTimeoutMs: 500, readyTimeoutMs: 5000, isReady: async () => true,
      })
      writeFileSync('${pidFile}', String(supervisor.pids()['hub-0']))
      process.kill(process.pid, 'SIGKILL')`
    writeFileSync(join(dir, 'killed.mts'), source)
    const { run } = await import('../../tools/process/run.ts')
    const { output } = await run(process.execPath, [join(dir, 'killed.mts')], { timeoutMs: 20_000 })
    expect(output).toBe('')
    const pid = Number(readFileSync(pidFile, 'utf8'))
    expect(pid).toBeGreaterThan(1)
    await vi.waitFor(() => expect(identify(pid)).toBeUndefined(), { timeout: 10_000 })
    await vi.waitFor(() => expect(existsSync(join(dir, 'dev.json'))).toBe(false), { timeout: 5_000 })
    rmSync(dir, { recursive: true, force: true })
  })
})
