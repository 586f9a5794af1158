import { createHash } from 'node:crypto'
import { rowName } from '../../e2e/support/fault-rows.ts'
import { BLOWS, POINTS, SIGNALS, type Blow } from './points.ts'

export const blowName = ({ row, point, signal }: Blow): string => `${signal} at ${point.step}, ${rowName(row)}`

/**
 * So many blows of the product, the same for the same seed: by turns of every point and signal, so that each comes before
 * any comes twice.
 */
export function dealBlows(seed: number, count: number, from: readonly Blow[] = BLOWS): Blow[] {
  const shuffled = byDraw(seed, from)
  const hands = byDraw(
    seed,
    POINTS.flatMap((point) => SIGNALS.map((signal) => ({ point, signal }))),
  ).map(({ point, signal }) => shuffled.filter((blow) => blow.point === point && blow.signal === signal))
  return turns(hands).slice(0, count)
}

/** One a point, kills and freezes by turns, of those after which a payment has ended within some seconds. */
export function dealShort(seed: number): Blow[] {
  const brief = byDraw(seed, BLOWS.filter(isBrief))
  return POINTS.flatMap((point, i) => {
    // Both signals come before a commit and after one: of each pair, now this one is killed, now that one.
    const signal = SIGNALS[(i + Math.floor(i / 2)) % SIGNALS.length]
    const blow = brief.find((one) => one.point === point && one.signal === signal)
    return blow === undefined ? [] : [blow]
  })
}

/** Kinds after which nothing is heard for many seconds. */
const LENGTHY = new Set(['late_callback', 'inquiry_fail', 'inquiry_lag', 'hang_before', 'drop_before', 'error_before'])
/** Where a call struck here may be lost on its way. */
const ON_ITS_WAY = new Set(['journalled', 'first-byte-sent'])

/** An operator is believed only after a minute that it never saw a call; a bank at once. */
function isBrief({ row, point }: Blow): boolean {
  if (row.faults.some(({ kind }) => LENGTHY.has(kind))) return false
  return row.rail === 'bank' || !ON_ITS_WAY.has(point.step)
}

function turns(hands: readonly (readonly Blow[])[]): Blow[] {
  const longest = Math.max(...hands.map((hand) => hand.length))
  return Array.from({ length: longest }, (_, i) => hands.flatMap((hand) => hand.slice(i, i + 1))).flat()
}

/** In an order that only seed and content decide. */
function byDraw<T extends Pick<Blow, 'point' | 'signal'> & Partial<Blow>>(seed: number, items: readonly T[]): T[] {
  const drawn = items.map((item) => {
    const { row, point, signal } = item
    const words = [seed, point.step, signal, row === undefined ? '' : rowName(row)]
    return { item, at: createHash('sha256').update(JSON.stringify(words)).digest('hex') }
  })
  return drawn.toSorted((a, b) => (a.at < b.at ? -1 : 1)).map(({ item }) => item)
}
