import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { closingLine, tally } from '../../tools/verify/tally.ts'

const ROOT = join(import.meta.dirname, '../..')
const HEAD = `import { expect, it } from 'vitest'\n`
const trees: string[] = []

afterAll(() => {
  for (const tree of trees) rmSync(tree, { recursive: true, force: true })
})

/** `npm test`'s runner over a tree of its own: its exit code and its last line. */
function run(files: Record<string, string>): { status: number | null; last: string | undefined; output: string } {
  const root = mkdtempSync(join(tmpdir(), 'mooring-runner-'))
  trees.push(root)
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  for (const [path, text] of Object.entries({ 'vitest.config.mjs': 'export default {}\n', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const runner = join(ROOT, 'tools/test.ts')
  // The outer run tells its workers who they are; the inner one is nobody's worker.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST$|VITE)/.test(name)))
  const child = spawnSync(process.execPath, [runner, '--root', root], { encoding: 'utf8', env })
  const output = child.stdout + child.stderr
  return { status: child.status, last: child.stdout.trimEnd().split('\n').at(-1), output }
}

describe('npm test', () => {
  it('ends with what passed, and exits 0', () => {
    const { status, last } = run({ 'a.test.ts': `${HEAD}it('adds', () => { expect(1 + 1).toBe(2) })` })
    expect({ status, last }).toEqual({ status: 0, last: '1 passed, 0 failed' })
  })

  it('fails by a failed test', () => {
    const text = `${HEAD}it('adds', () => { expect(1).toBe(1) })\nit('does not', () => { expect(1).toBe(2) })`
    const { status, last } = run({ 'a.test.ts': text })
    expect({ status, last }).toEqual({ status: 1, last: '1 passed, 1 failed' })
  })

  it('fails by a file that does not load', () => {
    const { status, last, output } = run({
      'a.test.ts': `${HEAD}it('adds', () => { expect(1).toBe(1) })`,
      'b.test.ts': `import './nowhere.ts'`,
    })
    expect({ status, last }).toEqual({ status: 1, last: '1 passed, 1 failed' })
    expect(output).toContain('failed outside its tests')
  })

  it('fails by a hook around its tests', () => {
    const text = `import { beforeAll, expect, it } from 'vitest'\nbeforeAll(() => { throw new Error('no') })\nit('a', () => { expect(1).toBe(1) })`
    const { status, last } = run({ 'a.test.ts': text })
    expect({ status, last }).toEqual({ status: 1, last: '0 passed, 1 failed, 1 skipped' })
  })

  it('fails by a promise rejected outside its tests', () => {
    const text = `${HEAD}it('leaves one behind', () => { void Promise.reject(new Error('lost')); expect(1).toBe(1) })`
    const { status, last } = run({ 'a.test.ts': text })
    expect({ status, last }).toEqual({ status: 1, last: '1 passed, 1 failed' })
  })

  it('fails where no test ran', () => {
    const { status, last } = run({})
    expect({ status, last }).toEqual({ status: 1, last: '0 passed, 1 failed' })
  })
})

describe('the closing line', () => {
  const report = { passed: 3, failed: 0, skipped: 0, broken: [], unhandledErrors: 0 }

  it('names skipped tests only where there are some', () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
    expect(closingLine({ passed: 3, failed: 0, skipped: 2 })).toBe('3 passed, 0 failed, 2 skipped')
  })

  it('counts browser tests left out as skipped', () => {
    expect(tally({ exitCode: 0, report, leftOut: 2, leftOutFails: false })).toMatchObject({
      passed: 3,
      skipped: 2,
      ok: true,
    })
  })

  it('counts them as failed where a browser could have been had', () => {
    expect(tally({ exitCode: 0, report, leftOut: 2, leftOutFails: true })).toMatchObject({ failed: 2, ok: false })
  })

  it('is red where every test was skipped', () => {
    const skipped = { ...report, passed: 0, skipped: 4 }
    expect(tally({ exitCode: 0, report: skipped, leftOut: 0, leftOutFails: false })).toMatchObject({
      failed: 1,
      ok: false,
    })
  })

  it('is red where the run never came to its results', () => {
    expect(tally({ exitCode: 1, report: undefined, leftOut: 0, leftOutFails: false })).toMatchObject({
      passed: 0,
      failed: 1,
      ok: false,
    })
  })
})
