import type { JSX } from 'preact'
import { code128 } from '../model/code128.ts'

const QUIET = 10
const HEIGHT = 40

/** An even number of digits as Code 128, set C: always dark on light, with its quiet zones. */
export function Barcode({ digits, label }: { digits: string; label: string }): JSX.Element {
  const data = code128(digits)
  const bars = [...data.matchAll(/1+/g)].map(
    ({ index, 0: bar }) => `M${QUIET + index} 0h${bar.length}v${HEIGHT}h-${bar.length}z`,
  )
  const width = data.length + 2 * QUIET
  return (
    <svg
      class="barcode"
      viewBox={`0 0 ${width} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect class="paper" width={width} height={HEIGHT} />
      <path class="ink" d={bars.join('')} />
    </svg>
  )
}
