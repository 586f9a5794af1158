import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT, type Say } from '../paths.ts'
import { waitForLock } from '../process/lock.mjs'
import { lastLines, run, type RunResult } from '../process/run.ts'
import { ServerUnavailable } from './acquire.ts'

/**
 * uWebSockets.js is built for glibc 2.38 and newer. On an older Debian an edge runs the same Node under Debian 13's
 * loader and C library, four megabytes that apt gets and verifies, unpacked beside the servers and seen by nobody else.
 */

/** What starts Node: a program and what comes before the script's own arguments. */
export type NodeCommand = { command: string; args: string[] }

const NEEDS = { major: 2, minor: 38 }
const RELEASE = 'trixie'
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1']
const HOME = join(ROOT, '.cache', `glibc-${RELEASE}`)
const ARCHITECTURES = {
  x64: { debian: 'amd64', libraries: 'usr/lib/x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { debian: 'arm64', libraries: 'usr/lib/aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
} as const

/** Whether uWebSockets.js can be loaded by the Node that runs this. */
export function glibcIsNewEnough(): boolean {
  if (process.platform !== 'linux') return true
  const report: unknown = process.report.getReport()
  const version = /"glibcVersionRuntime":"(\d+)\.(\d+)/.exec(JSON.stringify(report))
  if (version === null) return false
  const [major, minor] = [Number(version[1]), Number(version[2])]
  return major > NEEDS.major || (major === NEEDS.major && minor >= NEEDS.minor)
}

/**
 * How to start a Node that loads uWebSockets.js.
 * @throws ServerUnavailable where there is no way to one, with the ways out
 */
export async function nodeForUws(say: Say): Promise<NodeCommand> {
  if (glibcIsNewEnough()) return { command: process.execPath, args: [] }
  const architecture = process.arch === 'x64' || process.arch === 'arm64' ? ARCHITECTURES[process.arch] : undefined
  if (architecture === undefined) throw unavailable(`there are no packages for ${process.arch}`)
  const libraries = join(HOME, architecture.libraries)
  const loader = join(libraries, architecture.loader)
  if (!existsSync(loader)) {
    mkdirSync(dirname(HOME), { recursive: true })
    const release = await waitForLock(`${HOME}.lock`, ({ pid }) =>
      say(`glibc: another process (pid ${pid}) is getting it; waiting`),
    )
    try {
      if (!existsSync(loader)) await unpack(architecture.debian, say)
    } finally {
      release()
    }
  }
  return { command: loader, args: ['--library-path', libraries, process.execPath] }
}

async function unpack(debian: string, say: Say): Promise<void> {
  say(`glibc: this system's is older than ${NEEDS.major}.${NEEDS.minor}; getting Debian's newer one for the edges`)
  const work = mkdtempSync(`${HOME}.`)
  try {
    const [lists, root] = [join(work, 'lists'), join(work, 'root')]
    for (const dir of [join(lists, 'partial'), join(work, 'archives', 'partial'), root])
      mkdirSync(dir, { recursive: true })
    const sources = join(work, 'sources.list')
    writeFileSync(sources, `deb ${await archive()} ${RELEASE} main\n`)
    // A world of apt's own: nothing of the system's is read but its keys, and nothing is written.
    const options = {
      'Dir::Etc::sourcelist': sources,
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State::lists': lists,
      'Dir::State::status': '/dev/null',
      'Dir::Cache': work,
      'APT::Architecture': debian,
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
    }
    const apt = (...args: string[]): Promise<RunResult> =>
      run('apt-get', [...Object.entries(options).map(([name, value]) => `-o${name}=${value}`), ...args], { cwd: work })
    must(await apt('--quiet', 'update'))
    must(await apt('--quiet', 'download', ...PACKAGES))
    for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      must(await run('dpkg-deb', ['--extract', join(work, file), root]))
    }
    rmSync(HOME, { recursive: true, force: true })
    renameSync(root, HOME)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Where this system gets its own Debian packages from. */
async function archive(): Promise<string> {
  const { code, output } = await run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE)',
    'Created-By: Packages',
  ])
  // Security and other updates have a dash in their release's name.
  const found = code === 0 ? /^(\S+) [a-z]+$/m.exec(output)?.[1] : undefined
  if (found === undefined) throw unavailable('apt knows of no Debian archive')
  return found
}

function must({ code, output }: RunResult): void {
  if (code !== 0) throw unavailable(lastLines(output, 5))
}

function unavailable(why: string): ServerUnavailable {
  return new ServerUnavailable(
    [
      `uWebSockets.js needs glibc ${NEEDS.major}.${NEEDS.minor} or newer, which this system has not, and Debian's cannot be had:`,
      `  ${why}`,
      'Three ways out:',
      '  1. --transport ws, which runs everywhere',
      '  2. a newer system (Debian 13, Ubuntu 24.04), or the container image',
      `  3. unpack ${PACKAGES.join(', ')} of Debian 13 into ${HOME}`,
    ].join('\n'),
  )
}
