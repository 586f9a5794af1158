import { cpus } from 'node:os'
import { median } from '../payments/measure.ts'
import type { Sample } from './drive.ts'

/** One line of the table: medians over the rounds. */
export function row(name: string, samples: readonly Sample[], rate: 'units' | 'turns'): string {
  const of = (value: (sample: Sample) => number) => median(samples.map(value))
  const perSecond = of((s) => (rate === 'units' ? s.unitsPerSecond : s.turnsPerSecond))
  return [
    `  ${name.padEnd(46)}`,
    grouped(perSecond).padStart(8),
    of((s) => s.p50Ms)
      .toFixed(1)
      .padStart(8),
    of((s) => s.p99Ms)
      .toFixed(1)
      .padStart(8),
    of((s) => s.batch)
      .toFixed(1)
      .padStart(7),
    of((s) => s.nodeUs)
      .toFixed(0)
      .padStart(7),
    of((s) => s.postgresUs)
      .toFixed(0)
      .padStart(7),
    of((s) => s.walBytes)
      .toFixed(0)
      .padStart(7),
    `${(100 * of(elsewhere)).toFixed(0)} %`.padStart(8),
  ].join('')
}

/** Share of the machine that neither this bench nor its Postgres had: where it is not near 0, a rate says little. */
export function elsewhere(sample: Sample): number {
  const own = (sample.unitsPerSecond * (sample.nodeUs + sample.postgresUs)) / 1_000_000 / cpus().length
  return Math.max(0, sample.busy - own)
}

export const HEAD = [
  `  ${''.padEnd(46)}`,
  ...['/s', 'p50 ms', 'p99 ms'].map((title) => title.padStart(8)),
  ...['batch', 'node µs', 'pg µs', 'wal B', 'others'].map((title) => title.padStart(title.length > 5 ? 8 : 7)),
].join('')

/** Four digits and more with a comma, fewer with what matters of their decimals. */
export function grouped(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value >= 1_000) return Math.round(value).toLocaleString('en-GB')
  if (Number.isInteger(value)) return String(value)
  // A ratio just short of what is wanted must not read as that.
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 3)
}
