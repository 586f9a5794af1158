const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Whether a JSON text nests deeper than `limit` (an object of plain values has
 * depth 1), found without parsing: a parser would already have paid for it.
 */
export function deeperThan(text: string, limit: number): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (inString) {
      if (unit === BACKSLASH) i++
      else if (unit === QUOTE) inString = false
      continue
    }
    if (unit === QUOTE) inString = true
    else if (unit === 0x5b /* [ */ || unit === 0x7b /* { */) depth++
    else if (unit === 0x5d /* ] */ || unit === 0x7d /* } */) depth--
    if (depth > limit) return true
  }
  return false
}
