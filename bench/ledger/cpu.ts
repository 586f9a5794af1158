import { readFileSync, readdirSync } from 'node:fs'

/** Ticks a second in /proc; the same on every Linux that Node runs on. */
const TICKS = 100

/** CPU seconds of a postmaster and its processes, those that ended included (Linux; 0 where /proc has none). */
export function postgresCpuSeconds(postmaster: number): number {
  let ticks = 0
  for (const name of entries()) {
    if (!/^\d+$/.test(name)) continue
    const fields = statOf(name)
    const own = Number(name) === postmaster
    // proc_pid_stat(5): after the name, field 4 is the parent, 14 to 17 are utime, stime, cutime, cstime.
    if (!own && Number(fields[1]) !== postmaster) continue
    ticks += Number(fields[11]) + Number(fields[12])
    if (own) ticks += Number(fields[13]) + Number(fields[14])
  }
  return ticks / TICKS
}

/** Ticks of all cores since boot, and how many of them somebody used or the host took (proc_stat(5)). */
export function machineTicks(): { all: number; busy: number } {
  const line = /^cpu +(.*)$/m.exec(text('/proc/stat'))?.[1] ?? ''
  // user nice system idle iowait irq softirq steal; guest time is in user already.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(' ')
    .map(Number)
  const busy = user + nice + system + irq + softirq + steal
  return { all: busy + idle + iowait, busy }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // not Linux, or gone meanwhile
  }
}

function entries(): string[] {
  try {
    return readdirSync('/proc')
  } catch {
    return []
  }
}

/** The fields after the name, which may hold blanks: state first. */
function statOf(pid: string): string[] {
  const stat = text(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
