/**
 * The operator's own JSON: numbers keep the text they were sent with, and an object that names a member twice is no
 * JSON at all here, since two readers could take different ones.
 */

export class Num {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** JSON that is already text, to stand in a larger one. */
export class Raw {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Json = null | boolean | string | Num | Json[] | { [member: string]: Json }

const DEPTH_MAX = 16
const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
// oxlint-disable-next-line no-control-regex -- JSON strings exclude exactly these
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const WORD = /true|false|null/y

/** null for what is not JSON. */
export function readJson(text: string): { value: Json } | null {
  try {
    const reader = new Reader(text)
    const value = reader.value(0)
    reader.end()
    return { value }
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): Json {
    if (depth > DEPTH_MAX) throw new SyntaxError('too deep')
    this.#take(SPACE)
    const next = this.#text[this.#at]
    if (next === '{') return this.#object(depth)
    if (next === '[') return this.#array(depth)
    if (next === '"') return this.#string()
    const word = this.#take(WORD)
    if (word !== null) return word === 'null' ? null : word === 'true'
    const number = this.#take(NUMBER)
    if (number === null) throw new SyntaxError(`at ${this.#at}`)
    return new Num(number)
  }

  end(): void {
    this.#take(SPACE)
    if (this.#at !== this.#text.length) throw new SyntaxError('more than one value')
  }

  #object(depth: number): Json {
    const members = new Map<string, Json>()
    this.#list('{', '}', () => {
      const name = this.#string()
      this.#take(SPACE)
      this.#expect(':')
      if (members.has(name)) throw new SyntaxError(`${name} twice`)
      members.set(name, this.value(depth + 1))
    })
    return Object.fromEntries(members)
  }

  #array(depth: number): Json {
    const items: Json[] = []
    this.#list('[', ']', () => items.push(this.value(depth + 1)))
    return items
  }

  #list(open: string, close: string, item: () => void): void {
    this.#expect(open)
    this.#take(SPACE)
    if (this.#text[this.#at] === close) return this.#expect(close)
    for (;;) {
      this.#take(SPACE)
      item()
      this.#take(SPACE)
      if (this.#text[this.#at] === close) return this.#expect(close)
      this.#expect(',')
    }
  }

  #string(): string {
    const literal = this.#take(STRING)
    if (literal === null) throw new SyntaxError(`at ${this.#at}`)
    return String(JSON.parse(literal))
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw new SyntaxError(`at ${this.#at}`)
    this.#at += 1
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? null
    if (found !== null) this.#at += found.length
    return found
  }
}

type Writable = Json | Raw | undefined | Writable[] | { [member: string]: Writable }

/** Members that are undefined are left out. */
export function writeJson(value: Writable): string {
  if (value instanceof Num || value instanceof Raw) return value.text
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${writeJson(member)}`).join(',')}}`
  }
  return JSON.stringify(value ?? null)
}
