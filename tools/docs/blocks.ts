/** Parts of a document that are made from the code: by their names, what stands between their markers. */
export type Blocks = Readonly<Record<string, string>>

const BLOCK = /<!-- made from the code: ([a-z-]+) -->\n[^]*?<!-- \/\1 -->/g

/**
 * The document with every block as it should be.
 * @throws where a block of the document is not made, or one that is made has no place in it.
 */
export function withBlocks(document: string, blocks: Blocks): string {
  const missing = new Set(Object.keys(blocks))
  const text = document.replaceAll(BLOCK, (_all, name: string) => {
    const made = blocks[name]
    if (made === undefined) throw new Error(`nothing makes the block ${name}`)
    missing.delete(name)
    return `<!-- made from the code: ${name} -->\n${made}\n<!-- /${name} -->`
  })
  if (missing.size > 0) throw new Error(`the document has no place for ${[...missing].join(', ')}`)
  return text
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}
