import { median } from './measure.ts'
import type { Sample } from './meter.ts'

export const HEAD = [
  `  ${''.padEnd(34)}`,
  ...['/s', 'p50 ms', 'p99 ms', 'worker ms', 'others'].map((title) => title.padStart(10)),
].join('')

/** One line of the table: medians over the rounds. */
export function row(name: string, samples: readonly Sample[]): string {
  const of = (value: (sample: Sample) => number, digits: number) =>
    median(samples.map(value)).toFixed(digits).padStart(10)
  const others = `${(100 * median(samples.map((s) => s.others))).toFixed(0)} %`
  return [
    `  ${name.padEnd(34)}`,
    of((s) => s.perSecond, 1),
    of((s) => s.p50Ms, 1),
    of((s) => s.p99Ms, 1),
    of((s) => s.workerMs, 2),
    others.padStart(10),
  ].join('')
}

/** Processes that used less of a piece are left out, ms. */
const NAMED_FROM_MS = 0.02

/** Where the CPU of a piece went, most first; medians over the rounds. */
export function cpuLine(name: string, samples: readonly Sample[]): string {
  const names = Object.keys(samples[0]?.cpuMs ?? {})
  const parts = names
    .map((process) => ({ process, ms: median(samples.map(({ cpuMs }) => cpuMs[process] ?? 0)) }))
    .filter(({ ms }) => ms >= NAMED_FROM_MS)
    .toSorted((a, b) => b.ms - a.ms)
    .map(({ process, ms }) => `${process} ${ms.toFixed(2)}`)
  return `  CPU ms of a ${name}: ${parts.join(', ')}`
}
