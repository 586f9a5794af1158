import { WAYS } from '../e2e/support/orders.ts'
import { endOf, type Outcome } from './campaign.ts'

const WIDTH = { way: 28, end: 24, count: 6 }

/** What a run came to, as a table. */
export function report({ campaign, ended, byHand, kills, lastTerminalMs, elapsedMs, faults }: Outcome): string {
  const ends = [...new Set(ended.map(({ view }) => endOf(view)))].toSorted()
  const row = (name: string, cells: readonly (string | number)[]) =>
    name.padEnd(WIDTH.way) + cells.map((cell) => String(cell).padStart(WIDTH.end)).join('')
  const countOf = (way: string, end: string) =>
    ended.filter(({ order, view }) => order.way === way && endOf(view) === end).length
  const took = ended.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b)
  const quantile = (q: number) => Math.round(took[Math.min(took.length - 1, Math.floor(q * took.length))] ?? 0)
  const refunds = ended.flatMap((one) => one.refunds ?? []).map(({ last }) => endOf(last))
  const refunded = [...Map.groupBy(refunds, (end) => end)].map(([end, all]) => `${all.length} ${end}`).join(', ')
  const seconds = (ms: number) => (ms / 1000).toFixed(1)
  return [
    '',
    row('', ends),
    ...WAYS.map((way) =>
      row(
        way,
        ends.map((end) => countOf(way, end)),
      ),
    ),
    row(
      'all',
      ends.map((end) => ended.filter(({ view }) => endOf(view) === end).length),
    ),
    '',
    `seed ${campaign.seed}: ${ended.length} payments, ${campaign.inFlight} in flight, in ${seconds(elapsedMs)} s`,
    `${refunds.length} refunds: ${refunded || 'none'}; ${byHand} of them ended by an operator`,
    `killed: ${kills.map(({ process, processing }) => `${process} (${processing} processing)`).join(', ') || 'nothing'}`,
    `last terminal state ${seconds(lastTerminalMs)} s after the last fault`,
    `confirm to terminal: p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, longest ${Math.round(took.at(-1) ?? 0)} ms`,
    faults.length === 0
      ? 'Phones, merchants, hub, ledger, audit and rails agree about every payment.'
      : `${faults.length} disagreements:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  ].join('\n')
}
