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

function entries(): string[] {
  try {
    return readdirSync('/proc')
  } catch {
    return []
  }
}

/** The fields after the name, which may hold blanks: state first. */
function statOf(pid: string): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return [] // gone meanwhile
  }
}
