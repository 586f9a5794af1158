import { mkdirSync, writeFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import { dirname } from 'node:path'

/** Functions printed of a profile. */
const TOP = 12

export type Profile = { during<T>(name: string, act: () => Promise<T>): Promise<T> }

export const noProfile: Profile = { during: (_name, act) => act() }

/** Writes `<prefix>-<name>.cpuprofile` (opened by Chrome's and VS Code's profilers) and prints where the time went. */
export function cpuProfile(prefix: string): Profile {
  const session = new Session()
  session.connect()
  return {
    during: async (name, act) => {
      await session.post('Profiler.enable')
      await session.post('Profiler.start')
      const result = await act()
      const { profile } = await session.post('Profiler.stop')
      keepProfile(`${prefix}-${name}`, name, profile)
      return result
    },
  }
}

export type CpuProfile = Profiler.Profile

/** Writes `<path>.cpuprofile` and prints the functions that took most. */
export function keepProfile(path: string, name: string, profile: CpuProfile): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.cpuprofile`, JSON.stringify(profile))
  const self = new Map<number, number>()
  profile.samples?.forEach((id, i) => self.set(id, (self.get(id) ?? 0) + (profile.timeDeltas?.[i] ?? 0)))
  const byFunction = new Map<string, number>()
  let total = 0
  for (const node of profile.nodes) {
    const us = self.get(node.id) ?? 0
    total += us
    const { functionName, url, lineNumber } = node.callFrame
    const file = url.slice(url.lastIndexOf('/') + 1)
    const key = `${functionName === '' ? '(anonymous)' : functionName}${file === '' ? '' : `  ${file}:${String(lineNumber + 1)}`}`
    byFunction.set(key, (byFunction.get(key) ?? 0) + us)
  }
  console.log(`\n  ${name}: self time`)
  for (const [key, us] of [...byFunction].toSorted((a, b) => b[1] - a[1]).slice(0, TOP)) {
    console.log(`    ${((us / total) * 100).toFixed(1).padStart(5)} %  ${key}`)
  }
}
