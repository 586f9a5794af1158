import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
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
const OS_RELEASE = '/etc/os-release'
const APT_TIMEOUT_MS = 180_000
const HOME = join(ROOT, '.cache', `glibc-${RELEASE}`)
const ARCHITECTURES = {
  x64: { debian: 'amd64', libraries: 'usr/lib/x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { debian: 'arm64', libraries: 'usr/lib/aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
} as const

/** Whether uWebSockets.js can be loaded by the Node that runs this. */
function glibcIsNewEnough(): boolean {
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
    // A world of its own: of the system's apt only keys and settings are read, a proxy for one, and nothing is written.
    const options = {
      'Dir::Etc::sourcelist': sources,
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State::lists': lists,
      'Dir::State::status': '/dev/null',
      'Dir::Cache': work,
      'APT::Architecture': debian,
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'APT::Update::Error-Mode': 'any', // otherwise an archive that cannot be reached is a warning
    }
    const apt = (...args: string[]): Promise<RunResult> =>
      run('apt-get', [...Object.entries(options).map(([name, value]) => `-o${name}=${value}`), ...args], {
        cwd: work,
        timeoutMs: APT_TIMEOUT_MS,
      })
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

/** Where this system gets its own Debian packages from: of this release, and of Debian's own component. */
async function archive(): Promise<string> {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(existsSync(OS_RELEASE) ? readFileSync(OS_RELEASE, 'utf8') : '')?.[1]
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)'
  const { code, output } = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const lines = code === 0 ? output.split('\n').map((line) => line.split(' ')) : []
  const found = lines.find(([, of, component]) => of === release && component === 'main')?.[0]
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
