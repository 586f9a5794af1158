import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { identify, isRunning, parseIdentity } from '../../tools/process/identity.mjs'
import { tryLock } from '../../tools/process/lock.mjs'

describe('the lock of a data directory', () => {
  let dir: string
  let path: string

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mooring-lock-'))
    path = join(dir, 'lock')
  })

  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  const me = () => identify(process.pid) ?? { pid: 0, startedAt: '' }

  it('is held by one, who is named to the other, and is free after release', async () => {
    const first = await tryLock(path)
    if (!first.held) throw new Error('free lock refused')
    const second = await tryLock(path)
    expect(second).toEqual({ held: false, by: me() })
    first.release()
    expect(existsSync(path)).toBe(false)
    expect((await tryLock(path)).held).toBe(true)
  })

  it('is taken over from a process that was killed', async () => {
    const child = spawn('sleep', ['60'])
    const holder = identify(child.pid ?? 0)
    writeFileSync(path, JSON.stringify(holder))
    expect(await tryLock(path)).toEqual({ held: false, by: holder })
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    expect((await tryLock(path)).held).toBe(true)
  })

  it('is not believed where its pid now belongs to a process that started later', async () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, startedAt: 'another-boot:1' }))
    expect((await tryLock(path)).held).toBe(true)
  })

  it.each(['', '{"pid":', '{"pid":"x"}', 'null'])(
    'is taken over where the file says nothing of a process: %j',
    async (text) => {
      writeFileSync(path, text)
      expect((await tryLock(path)).held).toBe(true)
    },
  )

  it('goes to exactly one of many that find a stale file at once', async () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, startedAt: 'another-boot:1' }))
    const results = await Promise.all(Array.from({ length: 20 }, () => tryLock(path)))
    expect(results.filter((result) => result.held)).toHaveLength(1)
    expect(readdirSync(dir)).toEqual(['lock'])
  })

  it('tells a zombie from a process that runs', async () => {
    const child = spawn('/bin/sh', ['-c', 'sleep 0 & exec sleep 60'])
    const identity = identify(child.pid ?? 0)
    expect(identity !== undefined && isRunning(identity)).toBe(true)
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    expect(identity !== undefined && isRunning(identity)).toBe(false)
    expect(parseIdentity(JSON.stringify(identity))).toEqual(identity)
  })
})
