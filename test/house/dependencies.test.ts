import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ROOT } from '../../tools/verify/steps.ts'

const Versions = z.record(z.string(), z.string()).default({})
const manifest = z
  .object({ dependencies: Versions, devDependencies: Versions, optionalDependencies: Versions })
  .parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')))
const direct = Object.entries({
  ...manifest.dependencies,
  ...manifest.devDependencies,
  ...manifest.optionalDependencies,
})

/** The rows of docs/dependencies.md: package → what it is for and why. */
const rows = new Map(
  readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8')
    .split('\n')
    .map((line) => /^\| `([^`]+)` \| (.+) \| (.+) \|$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => [match[1], { what: match[2], why: match[3] }]),
)

describe('docs/dependencies.md', () => {
  it.each(direct.map(([name]) => name))('says what %s is for, and why it', (name) => {
    expect(rows.get(name)?.what).toMatch(/\w{3}/)
    expect(rows.get(name)?.why).toMatch(/\w{3}/)
  })

  it('has no line for a package that is gone', () => {
    const names = direct.map(([name]) => name)
    expect([...rows.keys()].filter((name) => name === undefined || !names.includes(name))).toEqual([])
  })
})

describe('package.json', () => {
  it.each(direct)('pins %s exactly (%s)', (name, version) => {
    const exact = /^(npm:[@\w./-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/
    const patch = /^~\d+\.\d+\.\d+$/
    expect(exact.test(version) || (name.startsWith('@temporalio/') && patch.test(version))).toBe(true)
  })

  it('takes the packages of the Temporal SDK at one version', () => {
    const versions = direct.filter(([name]) => name.startsWith('@temporalio/')).map(([, version]) => version)
    expect(new Set(versions).size).toBe(1)
  })
})
