import { readFileSync, readdirSync } from 'node:fs'

/** What processes used of the machine (Linux; nothing where there is no /proc). */

/** Ticks a second in /proc; the same on every Linux that Node runs on. */
const TICKS = 100

/** The pid of a process and of all below it. */
export function tree(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of entries('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = statOf(`/proc/${name}/stat`)?.[1]
    if (parent !== undefined) parents.set(Number(name), Number(parent))
  }
  const below = (pid: number): boolean =>
    pid === root || (parents.has(pid) && pid !== 1 && below(parents.get(pid) ?? 1))
  return [...parents.keys()].filter(below)
}

/** CPU seconds of these processes, and of the children they have buried. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const fields = statOf(`/proc/${String(pid)}/stat`)
    // proc_pid_stat(5): 14 to 17 are utime, stime, cutime, cstime; the first of these fields is the third of the page.
    for (const at of [11, 12, 13, 14]) ticks += Number(fields?.[at] ?? 0)
  }
  return ticks / TICKS
}

/** CPU seconds of a process by the names of its threads. */
export function threadSeconds(pid: number): Map<string, number> {
  const seconds = new Map<string, number>()
  for (const id of entries(`/proc/${String(pid)}/task`)) {
    const path = `/proc/${String(pid)}/task/${id}`
    const fields = statOf(`${path}/stat`)
    const name = Number(id) === pid ? 'main' : read(`${path}/comm`).trim()
    const used = (Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)) / TICKS
    seconds.set(name, (seconds.get(name) ?? 0) + used)
  }
  return seconds
}

/** Proportional set size of a process and all below it, kB. */
export function treePssKb(root: number): number {
  let total = 0
  for (const pid of tree(root)) {
    total += Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${String(pid)}/smaps_rollup`))?.[1] ?? 0)
  }
  return total
}

/** The fields after the name, which may hold blanks: state first, then the parent. */
function statOf(path: string): string[] | undefined {
  const stat = read(path)
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function entries(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return [] // not Linux, or gone meanwhile
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // gone meanwhile
  }
}
