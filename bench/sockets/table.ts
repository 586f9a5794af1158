import type { Many, Measured } from './measure.ts'

const COLUMNS = ['KB each', 'heap KB', 'open µs', 'opens/s', 'push µs', 'p50 ms', 'p99 ms', 'lost', 'idle %', 'busy %']

export const HEAD = `  ${'peer'.padEnd(12)}${COLUMNS.map((title) => title.padStart(9)).join('')}`

/** Memory of the process for each socket; its CPU to open one and to push one event; from commit sent to frame. */
export function row(m: Measured): string {
  const numbers = [
    [m.rssBytes / 1_024, 1],
    [m.heapBytes / 1_024, 1],
    [m.acceptUs, 0],
    [m.openedPerSecond, 0],
    [m.pushUs, 1],
    [m.fromSent.p50Ms, 1],
    [m.fromSent.p99Ms, 1],
    [m.fromSent.lost, 0],
    [m.idle * 100, 1],
    [m.busy * 100, 0],
  ] as const
  return `  ${m.peer.padEnd(12)}${numbers.map(([value, digits]) => value.toFixed(digits).padStart(9)).join('')}`
}

export function growthLine(many: Many): string {
  const { meanwhile, afterwards } = many
  const ms = (value: number) => `${value.toFixed(1)} ms`
  return [
    `  to ${many.sockets} sessions at ${many.perSecond.toFixed(0)} a second: ${many.acceptUs.toFixed(0)} µs of CPU each,`,
    `${(many.rssBytes / 1_024).toFixed(1)} KB each, ${many.rssMb.toFixed(0)} MB in all, idle ${(many.idle * 100).toFixed(0)} % of a core;`,
    `to those before them meanwhile p50 ${ms(meanwhile.fromSent.p50Ms)}, p99 ${ms(meanwhile.fromSent.p99Ms)}, lost ${meanwhile.fromSent.lost};`,
    `to all afterwards p50 ${ms(afterwards.fromSent.p50Ms)}, p99 ${ms(afterwards.fromSent.p99Ms)}, lost ${afterwards.fromSent.lost}`,
  ].join(' ')
}
