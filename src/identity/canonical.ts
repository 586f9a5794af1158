import canonicalize from 'canonicalize'

/**
 * RFC 8785 canonical JSON of a value that came as JSON. For the few such values
 * it has no form for (lone surrogates, 1e999) plain JSON, which is as stable:
 * every body has one text, whatever it holds.
 */
export function canonicalJson(value: unknown): string {
  try {
    return canonicalize(value) ?? ''
  } catch {
    return JSON.stringify(value)
  }
}
