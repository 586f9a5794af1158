/** Rows as aligned columns, two spaces between; one letter a column, `l` or `r`, says where its cells stand. */
export function columns(rows: readonly (readonly string[])[], align: string): string[] {
  const widths = Array.from(align, (_, n) => Math.max(0, ...rows.map((row) => row[n]?.length ?? 0)))
  return rows.map((row) =>
    widths
      .map((width, n) => {
        const cell = row[n] ?? ''
        return align[n] === 'r' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}

export const indented = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `  ${line}`))
