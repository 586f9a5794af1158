import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJson } from '../../src/bridge/json.ts'
import { deeperThan } from '../../src/domain/json-depth.ts'

const read = (text: string) => readJson(Buffer.from(text))

describe('a body', () => {
  it('of plain JSON is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!text.includes('__proto__'))
        const parsed: unknown = JSON.parse(text)
        expect(read(text)).toEqual({ ok: true, value: parsed })
      }),
    )
  })

  it('that is empty is none', () => {
    expect(read('')).toEqual({ ok: true, value: undefined })
  })

  it('may name a field constructor as long as it does not reach for the prototype', () => {
    expect(read('{"constructor":"x"}').ok).toBe(true)
    expect(read('{"constructor":{"prototype":1}}').ok).toBe(false)
  })
})

describe('depth', () => {
  it('is counted outside strings alone', () => {
    expect(deeperThan('{"a":"[[[[{{{{\\"[[[["}', 1)).toBe(false)
    expect(deeperThan('{"a":["\\\\",[1]]}', 2)).toBe(true)
    expect(deeperThan('[[],[],[]]', 2)).toBe(false)
  })

  it('equals the nesting of the parsed value', () => {
    const depth = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value)
        expect(deeperThan(text, depth(value))).toBe(false)
        expect(depth(value) === 0 || deeperThan(text, depth(value) - 1)).toBe(true)
      }),
    )
  })
})
