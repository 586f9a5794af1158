import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { cpuSeconds, threadSeconds, tree } from '../../bench/payments/processes.ts'

describe.runIf(process.platform === 'linux')('what processes used', () => {
  it('counts those below a process, and what they used while they lived', async () => {
    const work =
      "const until = Date.now() + 300; while (Date.now() < until); console.log('done'); process.stdin.resume()"
    const child = spawn(process.execPath, ['-e', work], { stdio: ['pipe', 'pipe', 'inherit'] })
    const pid = child.pid ?? 0
    try {
      await once(child.stdout, 'data')
      expect(tree(process.pid)).toEqual(expect.arrayContaining([process.pid, pid]))
      expect(tree(pid)).toEqual([pid])
      expect(cpuSeconds([pid])).toBeGreaterThan(0)
      expect(threadSeconds(pid).get('main')).toBeGreaterThan(0)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })

  it('finds nothing of a process that is gone', () => {
    expect(tree(2 ** 22 + 1)).toEqual([])
    expect(cpuSeconds([2 ** 22 + 1])).toBe(0)
  })
})
