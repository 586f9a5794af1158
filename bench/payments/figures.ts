import type { Figure } from '../ledger/figures.ts'
import type { Histories } from './histories.ts'
import { median } from './measure.ts'
import type { Sample } from './meter.ts'
import type { TemporalKind } from './place.ts'
import type { Round } from './rounds.ts'

/** What payments are to reach: medians over the rounds, each ratio within its own round. */

const NAMES: Record<TemporalKind, string> = { dev: 'dev server', postgres: 'Temporal on Postgres' }

export function mixedFigures(kind: TemporalKind, rounds: readonly Round[], events: Histories): Figure[] {
  const ratio = (of: (round: Round) => number) => median(rounds.map(of))
  const on = `, ${NAMES[kind]}`
  return [
    {
      name: `payments on all rails ÷ bare workflows${on}`,
      value: ratio((r) => r.ours.perSecond / r.bare.perSecond),
      unit: '',
      atLeast: 0.6,
    },
    {
      name: `payments on all rails ÷ naive payments${on}`,
      value: ratio((r) => r.ours.perSecond / r.naive.perSecond),
      unit: '',
      atLeast: 1.8,
    },
    {
      name: `worker CPU of a payment ÷ of a bare workflow${on}`,
      value: ratio((r) => r.ours.workerMs / r.bare.workerMs),
      unit: '',
      atMost: 1.6,
    },
    {
      name: `p50 of one at a time ÷ bare${on}`,
      value: ratio((r) => r.oursIdle.p50Ms / r.bareIdle.p50Ms),
      unit: '',
      atMost: 2.5,
    },
    {
      name: `history events of a happy payment, most${on}`,
      value: Math.max(...Object.values(events)),
      unit: '',
      atMost: 12,
    },
  ]
}

export function expressFigures(samples: readonly Sample[]): Figure[] {
  return [
    {
      name: 'wallet payments/s, express always',
      value: median(samples.map((s) => s.perSecond)),
      unit: '',
      atLeast: 800,
    },
  ]
}
