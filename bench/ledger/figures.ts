import { median } from '../payments/measure.ts'
import type { Sample } from './drive.ts'
import type { Timed } from './history.ts'
import { grouped } from './table.ts'

/** A figure the ledger is to reach. */
export type Figure = { name: string; value: number; unit: string; atLeast?: number; atMost?: number }

export function reached(figure: Figure): boolean {
  return (
    (figure.atLeast === undefined || figure.value >= figure.atLeast) &&
    (figure.atMost === undefined || figure.value <= figure.atMost)
  )
}

export function figureRow(figure: Figure): string {
  const wanted =
    figure.atLeast !== undefined ? `at least ${grouped(figure.atLeast)}` : `at most ${grouped(figure.atMost ?? 0)}`
  const value = `${grouped(figure.value)}${figure.unit}`
  return `  ${reached(figure) ? '✓' : '✗'} ${figure.name.padEnd(62)}${value.padStart(10)}   (${wanted}${figure.unit})`
}

/** Of what was measured, in the order of the issue: medians over the rounds, of times the 99th percentile. */
export function figuresOf(
  samples: ReadonlyMap<string, readonly Sample[]>,
  timed: readonly Timed[],
  rows: number,
): Figure[] {
  const value = (key: string, of: (sample: Sample) => number) => median((samples.get(key) ?? []).map(of))
  const ratio = (over: string, under: string) =>
    median(
      (samples.get(over) ?? []).map(
        (s, i) => s.unitsPerSecond / (samples.get(under)?.[i]?.unitsPerSecond ?? Number.NaN),
      ),
    )
  const loaded: (Figure & { of: string })[] = [
    {
      of: 'pairs',
      name: 'two-phase operations/s',
      value: value('pairs', (s) => s.unitsPerSecond),
      unit: '',
      atLeast: 12_000,
    },
    { of: 'single', name: 'the same ÷ one call at a time', value: ratio('pairs', 'single'), unit: '', atLeast: 8 },
    { of: 'hot', name: 'hot merchant ÷ random pairs', value: ratio('hot', 'pairs'), unit: '', atLeast: 0.8 },
    {
      of: 'payments',
      name: 'full payments/s',
      value: value('payments', (s) => s.turnsPerSecond),
      unit: '',
      atLeast: 3_500,
    },
    { of: 'pairs', name: 'p99 of a unit', value: value('pairs', (s) => s.p99Ms), unit: ' ms', atMost: 20 },
    {
      of: 'growth-filled',
      name: `${String(rows / 1e6)} M transfers ÷ none`,
      value: ratio('growth-filled', 'growth-none'),
      unit: '',
      atLeast: 0.8,
    },
    { of: 'hubs-4', name: '4 hubs ÷ 1 on the hot merchant', value: ratio('hubs-4', 'hubs-1'), unit: '', atLeast: 0.8 },
  ]
  return [
    ...loaded.filter(({ of }) => samples.has(of)).map(({ of: _of, ...figure }) => figure),
    ...timed
      .filter(({ rounds }) => rounds.length > 0)
      .map(({ title, atMostMs, rounds }) => ({
        name: `p99 of ${title}`,
        value: median(rounds.map(({ p99Ms }) => p99Ms)),
        unit: ' ms',
        atMost: atMostMs,
      })),
  ]
}
