// Plain JavaScript for the system's Node with nothing installed.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { waitForLock } from './process/lock.mjs'

/** What was installed from: the sum of package-lock.json, kept beside what it describes. */
const STAMP = '.mooring-stamp'
const PROGRESS_EVERY_MS = 15_000

/** @param {string} root
 * @returns {string} */
function wanted(root) {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

/** @param {string} root
 * @returns {boolean} */
function isInstalled(root) {
  const modules = join(root, 'node_modules')
  try {
    return readFileSync(join(modules, STAMP), 'utf8') === wanted(root) && existsSync(join(modules, 'node/bin/node'))
  } catch {
    return false
  }
}

/** @param {string} root
 * @param {string[]} args
 * @returns {Promise<number>} npm's exit code */
function npm(root, args) {
  return new Promise((resolve) => {
    // Variables that the npm around us set are about its own run, not about this one.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_(?!config_(registry|cache|userconfig|proxy|https_proxy|cafile))/i.test(name),
      ),
    )
    const child = spawn('npm', args, { cwd: root, env, stdio: 'inherit', shell: process.platform === 'win32' })
    child.once('error', () => resolve(127))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

/**
 * Installs the packages of package-lock.json where they are missing or of an
 * older one; npm's own progress is shown. Two at once do it once.
 * @param {string} root
 * @returns {Promise<string | undefined>} what went wrong, in words for a person
 */
export async function install(root) {
  if (isInstalled(root)) return undefined
  const release = await waitForLock(join(root, '.cache', 'install.lock'), ({ pid }) =>
    console.error(`mooring: packages are being installed by another process (pid ${pid}); waiting`),
  )
  try {
    if (isInstalled(root)) return undefined
    const before = wanted(root)
    console.error('mooring: installing packages, a minute or so the first time')
    const startedAt = Date.now()
    // A terminal sees npm's own progress; a log sees that something goes on.
    const progress = setInterval(() => {
      console.error(`mooring: still installing, ${Math.round((Date.now() - startedAt) / 1000)} s`)
    }, PROGRESS_EVERY_MS)
    // Some packages ask for a newer Node than this one, which is the Node they will run on: no warnings about that.
    const code = await npm(root, ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false'])
    clearInterval(progress)
    if (code !== 0) {
      return [
        code === 127 ? 'npm is not on PATH.' : `npm ci ended with code ${code}; its message is above.`,
        'Without a way to the npm registry, set one that can be reached (npm config set registry <url>) and start again.',
      ].join('\n')
    }
    const node = join(root, 'node_modules', 'node', 'bin', 'node')
    // Some npm settings (ignore-scripts) leave out the script that puts Node 24 there.
    if (!existsSync(node)) await npm(root, ['rebuild', 'node', '--ignore-scripts=false'])
    if (!existsSync(node))
      return 'Node 24 did not come with the packages: run "npm rebuild node --ignore-scripts=false"'
    writeFileSync(join(root, 'node_modules', STAMP), before)
    return undefined
  } finally {
    release()
  }
}
