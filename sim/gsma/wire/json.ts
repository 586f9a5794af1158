/**
 * JSON as strictly as this operator takes it: UTF-8, one value, no member named twice at any level (a parser
 * that keeps the last of two amounts reads another order than one that keeps the first).
 */
export type ReadJson = { ok: true; value: unknown } | { ok: false; why: string }

const DEPTH_MAX = 16

export function readJson(body: Uint8Array): ReadJson {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    value = JSON.parse(text)
  } catch {
    return { ok: false, why: 'the body is not JSON in UTF-8' }
  }
  const why = faultOf(text)
  return why === null ? { ok: true, value } : { ok: false, why }
}

/** Walks valid JSON once: every string that a colon follows is a name of the innermost object. */
function faultOf(text: string): string | null {
  const names: Set<string>[] = []
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gs
  for (const [found, colon] of text.matchAll(token)) {
    if (found === '{' || found === '[') {
      names.push(new Set())
      if (names.length > DEPTH_MAX) return 'the body is nested too deeply'
    } else if (found === '}' || found === ']') names.pop()
    else if (colon !== undefined) {
      const name: unknown = JSON.parse(found.slice(0, -colon.length))
      if (typeof name !== 'string') continue
      if (names.at(-1)?.has(name) === true) return `the body names ${name} twice`
      names.at(-1)?.add(name)
    }
  }
  return null
}
