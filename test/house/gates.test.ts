import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROOT, STEPS } from '../../tools/verify/steps.ts'

const LATER = 'export async function later(n: number): Promise<number> {\n  return n\n}\n'

/** A tree of two files that every gate lets through. */
const SOUND: Record<string, string> = {
  'package.json': '{ "name": "tree", "type": "module", "private": true }\n',
  'src/proc/main.ts': `import { later } from '../bus/later.ts'\n\nawait later(1)\n`,
  'src/bus/later.ts': LATER,
  'vitest.config.ts': 'export default {}\n',
}

const LONG_FUNCTION = Array.from({ length: 16 }, (_, n) => `  total = total * ${n + 2} + Number(text.charAt(${n}))`)
const COPY = `export function sum(text: string): number {\n  let total = 0\n${LONG_FUNCTION.join('\n')}\n  return total\n}\n`

const FORGETFUL_SWITCH = `export function a(state: 'open' | 'closed'): number {
  switch (state) {
    case 'open':
      return 1
  }
  return 0
}
`
const inTest = (modifier: string) => `import { expect, it } from 'vitest'\n\nit${modifier}('a', () => {})\nexpect(it)\n`

/** A breach a gate must find, the file that commits it, and the word by which the gate names it. */
const BREACHES: [gate: string, breach: string, file: string, text: string, says: string][] = [
  ['format', 'a semicolon', 'src/bus/semicolon.ts', 'export const a = 1;\n', ''],
  [
    'lint',
    'a floating promise',
    'src/bus/float.ts',
    `import { later } from './later.ts'\n\nlater(1)\n`,
    'no-floating-promises',
  ],
  ['lint', 'an any', 'src/bus/any.ts', 'export const a: any = 1\n', 'no-explicit-any'],
  [
    'lint',
    'an unchecked assertion',
    'src/bus/as.ts',
    'export const a = JSON.parse("1") as string\n',
    'no-unsafe-type-assertion',
  ],
  ['lint', 'a console', 'src/bus/console.ts', 'console.log(1)\n', 'no-console'],
  ['lint', 'the environment read in passing', 'src/bus/env.ts', 'export const a = process.env\n', 'no-process-env'],
  [
    'lint',
    'a clock in a rule of money',
    'src/domain/fee.ts',
    'export const now = () => Date.now()\n',
    'no-restricted-properties',
  ],
  ['lint', 'a switch that forgets a state', 'src/bus/switch.ts', FORGETFUL_SWITCH, 'switch-exhaustiveness-check'],
  ['lint', 'a focused test', 'test/only.test.ts', inTest('.only'), 'no-focused-tests'],
  ['lint', 'a skipped test', 'test/skip.test.ts', inTest('.skip'), 'no-disabled-tests'],
  ['lint', 'a test that expects nothing', 'test/nothing.test.ts', inTest(''), 'expect-expect'],
  ['types', 'a wrong type', 'src/bus/wrong.ts', `export const a: number = 'one'\n`, 'TS2322'],
  ['types', 'an index taken for granted', 'src/bus/index.ts', 'export const a: number = [1, 2][5]\n', 'TS2322'],
  ['types', 'syntax Node cannot strip', 'src/bus/enum.ts', 'export enum A {\n  One,\n}\n', 'TS1294'],
  [
    'imports',
    'an edge that opens the ledger',
    'src/edge/session.ts',
    `import '../ledger/sum.ts'\n`,
    'edge-holds-no-money-state',
  ],
  ['unused', 'a file nobody imports', 'src/bus/left-over.ts', 'export const a = 1\n', 'Unused files'],
  ['unused', 'an export nobody imports', 'src/bus/later.ts', `${LATER}export const a = 1\n`, 'Unused exports'],
  ['duplicates', 'a function copied', 'src/bus/copy.ts', COPY, ''],
]

const CONFIGS = [
  '.oxfmtrc.json',
  '.oxlintrc.json',
  '.dependency-cruiser.mjs',
  '.jscpd.json',
  'knip.jsonc',
  'tsconfig.json',
]
const trees: string[] = []

function plant(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'mooring-gates-'))
  trees.push(root)
  for (const config of CONFIGS) cpSync(join(ROOT, config), join(root, config))
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  for (const folder of ['workflows', 'activities', 'clients', 'sim', 'test', 'bench', 'tools'])
    mkdirSync(join(root, folder))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** Runs a step of `npm run verify` in a tree. */
function pass(gate: string, root: string): { status: number | null; output: string } {
  const step = STEPS.find(({ name }) => name === gate)
  if (step === undefined) throw new Error(`no step ${gate}`)
  const args = gate === 'format' ? ['--list-different', 'src'] : step.args
  const script = join(ROOT, 'node_modules', step.script)
  const child = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8' })
  return { status: child.status, output: child.stdout + child.stderr }
}

afterAll(() => {
  for (const tree of trees) rmSync(tree, { recursive: true, force: true })
})

describe.each(STEPS.map(({ name }) => name))('%s', (gate) => {
  const breaches = BREACHES.filter(([at]) => at === gate)

  it('lets a sound tree through', () => {
    expect(pass(gate, plant(SOUND))).toMatchObject({ status: 0 })
  })

  describe('refuses', () => {
    let broken = { status: null as number | null, output: '' }
    beforeAll(() => {
      const files = Object.fromEntries(breaches.map(([, , file, text]) => [file, text]))
      broken = pass(gate, plant({ ...SOUND, 'src/ledger/sum.ts': COPY, ...files }))
    })

    it.each(breaches)('%s: %s', (_gate, _breach, file, _text, says) => {
      expect(broken.output).toContain(basename(file))
      expect(broken.output).toContain(says)
      expect(broken.status).toBeGreaterThan(0)
    })
  })
})
