import { z } from 'zod'

const Names = z.record(z.string(), z.string()).optional()

const LockEntry = z.looseObject({
  version: z.string().optional(),
  dev: z.boolean().optional(),
  optional: z.boolean().optional(),
  optionalDependencies: Names,
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
})
export type LockEntry = z.infer<typeof LockEntry>

const Lock = z.looseObject({ packages: z.record(z.string(), LockEntry) })
type Lock = z.infer<typeof Lock>

/** As npm wrote it, its members in their order: a parsed copy would have those first that the schema names. */
export function parseLock(text: string): Lock {
  const lock: unknown = JSON.parse(text)
  assertLock(lock)
  return lock
}

function assertLock(lock: unknown): asserts lock is Lock {
  Lock.parse(lock)
}

/** Folders in which Node looks for a package that `at` needs: its own node_modules, then outward. */
function* placesFor(at: string, name: string): Generator<string> {
  for (let folder = at; folder !== '';) {
    yield `${folder}/node_modules/${name}`
    const end = folder.lastIndexOf('/node_modules/')
    folder = end === -1 ? '' : folder.slice(0, end)
  }
  yield `node_modules/${name}`
}

/** Optional packages that a package of the lock asks for and the lock does not have: `npm ci` refuses such a lock. */
export function missingFromLock(lock: Lock): { at: string; name: string; version: string }[] {
  return Object.entries(lock.packages).flatMap(([at, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => ![...placesFor(at, name)].some((place) => lock.packages[place] !== undefined))
      .map(([name, version]) => ({ at, name, version })),
  )
}
