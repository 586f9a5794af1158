/** Text that is HTML already; everything else that goes into a page is escaped. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | number | Html | readonly Html[] | null

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function written(part: Part): string {
  if (part === null) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map((each) => each.text).join('')
  return String(part).replaceAll(/[&<>"']/g, (letter) => ESCAPES[letter] ?? '')
}

/** HTML with what stands in `${}` escaped, so that no value can be markup. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.map((text, n) => text + (n < parts.length ? written(parts[n] ?? null) : '')).join(''))
}
