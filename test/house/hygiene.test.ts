import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../../tools/verify/steps.ts'

const SELF = 'test/house/hygiene.test.ts'
const CODE_FOLDERS = /^(src|workflows|activities|clients|sim|tools)\//
const CODE = /\.(ts|tsx|css|mjs|cjs|sql)$/
const MAX_LINES = 400

/** Files over the limit, each with the reason why it is one idea all the same. */
const LONG: Record<string, string> = {
  // PL/pgSQL shares what it has read only inside one body: lock, decide and write are one function.
  'src/ledger/functions/apply_units.sql': 'the unit of work',
}

/** Public places that a lockfile or a build may name. */
const PUBLIC_HOSTS = ['registry.npmjs.org', 'proxy.golang.org', 'sum.golang.org']

/** What is tracked or about to be: a file that git ignores is none of ours. */
function files(): string[] {
  // Command-scope configuration: a clone may belong to another user than the one who tests it.
  const list = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
  return execFileSync('git', list, { cwd: ROOT, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 })
    .split('\0')
    .filter((path) => path !== '' && path !== SELF && existsSync(join(ROOT, path)))
}

/** What no line may hold: the rule, where it holds, its pattern, a line it must find, one it must let through. */
const RULES: [rule: string, where: RegExp, pattern: RegExp, guilty: string, innocent: string][] = [
  [
    'names no folder of the machine it was written on',
    /./,
    /(^|[\s'"`(=:])\/(work|home|root|Users)\/[\w.-]/,
    'cd /home/jane/mooring',
    "import './work/queue.ts'",
  ],
  ['names no package registry to install from', /./, /^\s*registry\s*=/, 'registry=https://npm.example', 'fund=false'],
  ['holds no private JWK', /./, /"d"\s*:\s*"[A-Za-z0-9_-]{40,}"/, `"d": "${'x'.repeat(43)}"`, '"d": "short"'],
  ['holds no live key', /./, /\bsk_live_[A-Za-z0-9]{8}/, 'sk_live_a1b2c3d4', 'sk_live_…'],
  ['leaves nothing for later', CODE, /\b(TODO|FIXME|HACK)\b/, '// TODO later', 'const todos = 1'],
  ['runs every test it has', CODE, /\b(it|test|describe)\.(only|skip|todo)\b/, 'it.only(', 'split.only('],
  ['hides nothing from the type checker', CODE, /@ts-(ignore|nocheck|expect-error)/, '// @ts-ignore', '@ts'],
  [
    'disables no lint rule without its name and a reason',
    CODE,
    /(oxlint|eslint)-disable(?!(-next-line|-line)? [\w-]+(\/[\w-]+)?(, [\w-]+(\/[\w-]+)?)* -- \S)/,
    '// oxlint-disable-next-line no-console',
    '// oxlint-disable-next-line no-console -- the operator reads it here',
  ],
  [
    'hides nothing from the other gates',
    CODE,
    /(jscpd|knip|dependency-cruiser)[:-](ignore|disable)/,
    'jscpd:ignore',
    '',
  ],
]

type Line = { at: string; text: string }

function* lines(of: readonly string[]): Generator<Line> {
  for (const path of of) {
    const text = readFileSync(join(ROOT, path), 'utf8')
    if (text.includes('\0')) continue // an image or another binary
    for (const [index, line] of text.split('\n').entries()) yield { at: `${path}:${index + 1}`, text: line }
  }
}

const tracked = files()
const all = [...lines(tracked)]
const code = all.filter(({ at }) => /\.(ts|tsx|mjs|cjs|sql):/.test(at))

const matching = (within: readonly Line[], pattern: RegExp) =>
  within.filter(({ text }) => pattern.test(text)).map(({ at, text }) => `${at} ${text.trim().slice(0, 100)}`)

describe('the tree', () => {
  it.each(RULES)('%s', (_rule, where, pattern, guilty, innocent) => {
    expect(pattern.test(guilty)).toBe(true)
    expect(pattern.test(innocent)).toBe(false)
    expect(
      matching(
        all.filter(({ at }) => where.test(at.replace(/:\d+$/, ''))),
        pattern,
      ),
    ).toEqual([])
  })

  it('is not empty where this test looks', () => {
    expect(tracked.length).toBeGreaterThan(20)
    expect(code.length).toBeGreaterThan(1_000)
  })

  it('names no package registry but the public ones', () => {
    const urls = all.flatMap(({ at, text }) =>
      [...text.matchAll(/https?:\/\/([\w.-]*(?:registry|proxy|nexus|artifactory|verdaccio|npmjs)[\w.-]*)/gi)].map(
        (match) => ({ at, host: match[1] ?? '' }),
      ),
    )
    expect(urls.filter(({ host }) => !PUBLIC_HOSTS.includes(host))).toEqual([])
  })

  it('holds no private key in PEM', () => {
    const pem = /-----BEGIN [A-Z ]*PRIVATE KEY-----(\s|\\n)+[A-Za-z0-9+/]{20}/
    expect(tracked.filter((path) => pem.test(readFileSync(join(ROOT, path), 'utf8')))).toEqual([])
  })

  it('has no file of more than one idea', () => {
    const long = tracked
      .filter((path) => CODE_FOLDERS.test(path) && CODE.test(path))
      .filter((path) => readFileSync(join(ROOT, path), 'utf8').split('\n').length - 1 > MAX_LINES)
    expect(long.filter((path) => LONG[path] === undefined)).toEqual([])
    expect(Object.keys(LONG).filter((path) => !long.includes(path))).toEqual([])
  })

  it('has no page that links to nowhere', () => {
    const pages = all.filter(({ at }) => /\.md:/.test(at))
    const broken = pages.flatMap(({ at, text }) =>
      [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)[^)]*\)/g)]
        .filter((match) => !existsSync(join(ROOT, dirname(at.replace(/:\d+$/, '')), match[1] ?? '')))
        .map((match) => `${at} ${match[1]}`),
    )
    expect(broken).toEqual([])
  })
})
