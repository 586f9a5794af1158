/**
 * JSON whose numbers keep the text they were written with: an amount of money is
 * a JSON number on this wire, and a binary float is not what was written (connectors.md §2.1).
 */

/** A number as its literal: `12.50`, not 12.5. */
export class JsonNumber {
  readonly literal: string

  constructor(literal: string) {
    this.literal = literal
  }
}

const rawJson: unknown = Reflect.get(JSON, 'rawJSON')

/** Undefined for text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text, (...[, member, context]: unknown[]): unknown => {
      if (typeof member !== 'number') return member
      const source: unknown = typeof context === 'object' && context !== null ? Reflect.get(context, 'source') : null
      if (typeof source !== 'string') throw new TypeError('this Node does not tell the source text of JSON numbers')
      return new JsonNumber(source)
    })
    return value
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** JSON text in which each `JsonNumber` stands as its literal. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown): unknown => {
    if (!(member instanceof JsonNumber)) return member
    if (typeof rawJson !== 'function') throw new TypeError('this Node cannot write JSON numbers as text')
    return Reflect.apply(rawJson, JSON, [member.literal])
  })
}
