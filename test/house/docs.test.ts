import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { banner } from '../../src/proc/dev/banner.ts'
import { devPorts } from '../../src/proc/dev/ports.ts'
import { FAILPOINTS } from '../../src/config/failpoint.ts'
import { INVARIANTS } from '../../src/ledger/index.ts'
import { LEDGER_COMMANDS } from '../../src/ops/ledger/index.ts'
import { withBlocks } from '../../tools/docs/blocks.ts'
import { protocolBlocks } from '../../tools/docs/protocol.ts'
import { ROOT } from '../../tools/paths.ts'
import { PROOFS } from '../ledger/proofs/list.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const scripts = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json'))).scripts

function documents(): string[] {
  const list = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '*.md']
  return execFileSync('git', list, { cwd: ROOT, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(ROOT, path)))
}

/** GitHub's anchor of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-')

const anchorsOf = (text: string) => [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))

/** Links and images that lead into this repository and lead nowhere. */
function brokenLinks(path: string): string[] {
  const links = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false
    const [file = '', fragment] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file)
    if (!existsSync(join(ROOT, target))) return true
    return fragment !== undefined && !anchorsOf(read(target)).includes(fragment)
  })
}

describe('the documents', () => {
  it('are where this test looks', () => {
    expect(documents()).toEqual(expect.arrayContaining(['README.md', 'CONTRIBUTING.md', 'docs/architecture.md']))
  })

  it.each(documents())('%s leads only to what is there', (path) => {
    expect(brokenLinks(path)).toEqual([])
  })

  it.each(documents())('%s names only npm scripts that there are', (path) => {
    const named = [...read(path).matchAll(/\bnpm (?:run ([a-z][\w:-]*)|(start|test)\b)/g)]
    expect(named.map(([, run, short]) => run ?? short ?? '').filter((name) => scripts[name] === undefined)).toEqual([])
  })

  it('name every page of docs in the README or in a page it leads to', () => {
    const readme = read('README.md')
    const pages = documents().filter((path) => /^docs\/[^/]+\.md$/.test(path))
    expect(pages.filter((page) => !readme.includes(`(${page})`))).toEqual([])
  })
})

describe('docs/protocol.md', () => {
  it('says what the schemas say', () => {
    expect(withBlocks(read('docs/protocol.md'), protocolBlocks()), 'run tools/docs.ts').toBe(read('docs/protocol.md'))
  })

  it('would not pass with a table that has gone stale', () => {
    const stale = read('docs/protocol.md').replace('| `payment.get` |', '| `payment.fetch` |')
    expect(withBlocks(stale, protocolBlocks())).not.toBe(stale)
  })

  it('has a place for every table and no other', () => {
    expect(() => withBlocks('nothing here', { commands: 'a table' })).toThrow('commands')
    expect(() => withBlocks('<!-- made from the code: lost -->\n<!-- /lost -->', {})).toThrow('lost')
  })
})

describe('the README', () => {
  it('shows the addresses a start really prints', () => {
    const ports = devPorts(0)
    const sim = (port: number) => ({ control: `http://127.0.0.1:${port}/control`, control_token: '' })
    const printed = banner(
      {
        env: 'test',
        currency: 'KES',
        edge: [`ws://127.0.0.1:${ports.edge(0)}/v1/socket`],
        bridge: `http://127.0.0.1:${ports.bridge}/v1`,
        pages: { wallet: `http://127.0.0.1:${ports.walletPage}/wallet/`, ops: `http://127.0.0.1:${ports.opsPage}` },
        ops: {
          url: `http://127.0.0.1:${ports.opsPage}`,
          operators: ['amara', 'joseph'].map((name) => ({ name, password: '' })),
        },
        temporal: {
          address: `127.0.0.1:${ports.temporal}`,
          namespace: 'default',
          ui: `http://127.0.0.1:${ports.temporalUi}`,
        },
        database: `postgres://mooring_owner:secret@127.0.0.1:${ports.postgres}/mooring`,
        nats: `nats://ops:secret@127.0.0.1:${ports.nats}`,
        pin_above: '0',
        code_consent_above: '0',
        limits: { payment: '0', day: '0', month: '0' },
        merchants: [],
        sim: {
          bank: { url: `https://localhost:${ports.bank}`, bank: 'demo-bank', ...sim(ports.bankControl) },
          camara: { url: `http://127.0.0.1:${ports.camara}`, operator: 'demo-mobile', ...sim(ports.camara) },
          gsma: { url: `http://127.0.0.1:${ports.gsma}`, operator: 'demo-money', ...sim(ports.gsma) },
        },
      },
      { dataDir: join(ROOT, '.data'), caps: false, readyInMs: 11_900 },
    )
    const shown = /```\n(Mooring is ready[^]*?)```/.exec(read('README.md'))?.[1] ?? ''
    expect(shown.split('\n').length).toBeGreaterThan(10)
    expect(printed.startsWith(shown.trimEnd())).toBe(true)
  })
})

describe('docs/architecture.md and docs/testing.md', () => {
  it.each(FAILPOINTS)('say what happens at %s', (step) => {
    expect(read('docs/architecture.md')).toContain(`\`${step}\``)
    expect(read('docs/testing.md')).toContain(`\`${step}\``)
  })
})

describe('docs/testing.md', () => {
  const lengths = PROOFS.flatMap(({ file, env }) => Object.entries(env).map(([name, value]) => ({ file, name, value })))

  it.each(lengths)('says how long $name is in npm test and at full length', ({ file, name, value }) => {
    const short = new RegExp(`process\\.env\\['${name}'\\] \\?\\? ([\\d_]+)\\)`)
      .exec(read(file))?.[1]
      ?.replaceAll('_', '')
    expect(read('docs/testing.md')).toMatch(new RegExp(`\\| \`${name}\`: .+ \\| ${String(short)} \\| ${value} \\|\n`))
  })
})

describe('docs/operations.md', () => {
  const page = read('docs/operations.md')
  const sources = ['src/config', 'src/proc', 'src/proc/dev', 'src/ops'].flatMap((dir) =>
    readdirSync(join(ROOT, dir))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(join(dir, file))),
  )
  const settings = new Set(sources.join('\n').match(/\bMOORING_[A-Z_]+\b|\bTEMPORAL_NAMESPACE\b/g))

  it('names every setting that a process reads, and no other', () => {
    expect(settings.size).toBeGreaterThan(30)
    const named = new Set([...page.matchAll(/`(MOORING_[A-Z_]+|TEMPORAL_NAMESPACE)\b/g)].map(([, name = '']) => name))
    expect([...named].toSorted()).toEqual([...settings].toSorted())
  })

  it.each(LEDGER_COMMANDS)('says what $name answers and takes', ({ name, argument, options }) => {
    const row = new RegExp(`^\\| \`${name}${argument === null ? '' : ` ${argument}`}\` \\| .+ \\| (.*)\\|$`, 'm').exec(
      page,
    )
    expect(row).not.toBeNull()
    expect(options.filter((option) => row?.[1]?.includes(`--${option}`) !== true)).toEqual([])
  })

  it.each(INVARIANTS)('says what it means that %s is broken, and shows it where it holds', (name) => {
    expect(page).toContain(`\n| ${name} | `)
    expect(page).toMatch(new RegExp(`^  ${name} +(holds|not proved) +\\S`, 'm'))
  })
})

describe('docs/accounting.md', () => {
  it.each(INVARIANTS)('says what %s is', (name) => {
    expect(read('docs/accounting.md')).toContain(`\n- **${name}** `)
  })
})
