import { readFileSync, readdirSync } from 'node:fs'

/** Proportional set size of a process and all below it, kB (Linux; 0 where /proc has none). */
export function descendantsPssKb(root: number): number {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = /^PPid:\s+(\d+)$/m.exec(read(`/proc/${name}/status`))?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const below = (pid: number): boolean =>
    pid === root || (parents.has(pid) && pid !== 1 && below(parents.get(pid) ?? 1))
  let total = 0
  for (const pid of parents.keys()) {
    if (!below(pid)) continue
    total += Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${String(pid)}/smaps_rollup`))?.[1] ?? 0)
  }
  return total
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // gone meanwhile
  }
}
