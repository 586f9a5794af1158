import { encodeQR } from 'qr'
import type { JSX } from 'preact'

/** A QR code, always dark on light with its quiet zone: scanners need that in dark mode too. */
export function Qr({ text, label }: { text: string; label: string }): JSX.Element {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: 3 })
  const path = rows.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('')
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${rows.length} ${rows.length}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect class="paper" width={rows.length} height={rows.length} />
      <path class="ink" d={path} />
    </svg>
  )
}
