import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode } from '@temporalio/worker'
import { z } from 'zod'
import { FAILURE_CONVERTER_PATH } from '../codec/index.ts'

const SILENT = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** All that workflows may import (see the import rule): what the bundle can depend on. */
const SOURCES = ['workflows', 'src/domain', 'src/contract/names.ts', 'src/codec/failure-converter.ts']

/** `build` names the state of the sources that the file was built from. */
export type Bundle = { codePath: string; build: string }

/**
 * The workflow bundle, as a file: built once for each state of its sources and the
 * SDK, then taken from the cache. Building takes seconds, so no process should pay
 * for it twice.
 */
export async function workflowBundle(cacheDir: string): Promise<Bundle> {
  const build = await fingerprint()
  const codePath = join(cacheDir, `workflows-${build}.js`)
  try {
    await readFile(codePath)
    return { codePath, build }
  } catch {
    // Not built yet.
  }
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'workflows/index.ts'),
    failureConverterPath: FAILURE_CONVERTER_PATH,
    // Read once for all workflows, which keep nothing of their own in it.
    preloadModules: ['@temporalio/workflow'],
    // What is wrong with the code is thrown; the bundler's progress interests nobody.
    logger: SILENT,
  })
  await mkdir(dirname(codePath), { recursive: true })
  // Two processes may build at once: each moves a whole file into place.
  const partial = `${codePath}.${String(process.pid)}`
  await writeFile(partial, code)
  await rename(partial, codePath)
  return { codePath, build }
}

async function fingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const require = createRequire(import.meta.url)
  const { version } = z.object({ version: z.string() }).parse(require('@temporalio/worker/package.json'))
  hash.update(version)
  for (const source of SOURCES) {
    for (const file of await filesOf(join(ROOT, source))) {
      hash.update(file).update('\0')
      hash.update(await readFile(file))
    }
  }
  return hash.digest('hex').slice(0, 24)
}

async function filesOf(path: string): Promise<string[]> {
  if (path.endsWith('.ts')) return [path]
  const names = await readdir(path, { recursive: true })
  return names
    .filter((name) => name.endsWith('.ts'))
    .toSorted()
    .map((name) => join(path, name))
}
