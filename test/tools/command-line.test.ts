import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { someOf, wholeNumber } from '../../tools/command-line.ts'
import { ROOT } from '../../tools/paths.ts'

type Ended = { code: number; out: string; err: string }

/** The command as npm runs it; none of these gets as far as starting anything. */
function command(script: string, ...args: string[]): Promise<Ended> {
  const run = [join(ROOT, 'tools/run.mjs'), ...script.split(' '), ...args]
  return new Promise((resolve) => {
    execFile(process.execPath, run, { cwd: ROOT }, (error, out, err) => {
      resolve({ code: Number(error?.code ?? 0), out, err })
    })
  })
}

const SCRIPTS = [
  'start',
  'demo',
  'reset',
  'verify',
  'faults',
  'mutate',
  'mutate:ledger',
  'prove:ledger',
  'bench ledger',
  'bench payments',
  'bench replay',
  'bench sockets',
]

describe.concurrent.each(SCRIPTS)('npm run %s', (script) => {
  it('says how it is used, and what it does not know', async () => {
    const usage = `npm ${script === 'start' ? '' : 'run '}${script.replace('bench ', 'bench -- ')}`
    const helped = await command(script, '--help')
    expect(helped).toMatchObject({ code: 0, err: '' })
    expect(helped.out).toContain(usage)
    const refused = await command(script, '--nonsense')
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toMatch(/^Unknown option '--nonsense'/)
    expect(refused.err).toContain(usage)
    expect(refused.err).not.toContain('    at ')
  })
})

it.concurrent.each([
  ['faults', ['storm', '--clients', 'many'], '--clients: expected a whole number'],
  ['faults', ['storm', '--clients', '1'], '--clients: expected at least 2'],
  ['faults', ['storm', '--transport', 'udp'], '--transport: expected ws or uws'],
  ['faults', ['tempest'], 'there is no fault run called tempest'],
  ['verify', ['--only', 'spelling'], 'no such step: spelling; there are '],
  ['prove:ledger', ['--only', 'holds'], 'there is no proof holds; there are '],
  ['bench sockets', ['--only', 'ws,sse'], '--only: expected some of ws, uws, '],
  ['bench replay', ['--events', '101'], '--events: expected at most 100'],
])('npm run %s %j names what is wrong', async (script, args, wrong) => {
  const { code, out, err } = await command(script, ...args)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err.startsWith(wrong)).toBe(true)
})

describe('an option’s text', () => {
  it.each(['', '-1', '1.5', '1e3', ' 1', '0x1', '9007199254740992'])('%j is no whole number', (text) => {
    expect(wholeNumber(0).safeParse(text).success).toBe(false)
  })
  it('is a number, or some of what there is', () => {
    const Told = z.object({ many: wholeNumber(0), only: someOf(['a', 'b']) })
    expect(Told.parse({ many: '0012', only: 'b,a' })).toEqual({ many: 12, only: ['b', 'a'] })
  })
})
