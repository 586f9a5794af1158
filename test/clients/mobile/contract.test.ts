import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { STARRED } from '../../../clients/mobile/answers.ts'
import { readFrame } from '../../../clients/mobile/frames.ts'
import { LIMITS } from '../../../clients/mobile/limits.ts'
import { COMMANDS, PROOF_MAX_AHEAD_S, SOCKET_LIMITS } from '../../../src/contract/index.ts'

const ALLOWED = ['canonicalize', '../../src/contract/names.ts', '../../src/domain/customer-code.ts']
const SDK = join(import.meta.dirname, '../../../clients/mobile')

describe('the SDK says what the contract says', () => {
  it('which commands carry a key', () => {
    const starred = Object.fromEntries(Object.entries(COMMANDS).map(([name, { starred: one }]) => [name, one]))
    expect(STARRED).toEqual(starred)
  })

  it('how long a frame and a proof may be', () => {
    expect(LIMITS.frame_bytes).toBe(SOCKET_LIMITS.frame_bytes)
    expect(LIMITS.proof_life_s).toBeLessThanOrEqual(PROOF_MAX_AHEAD_S)
  })
})

describe('the SDK runs in a browser', () => {
  const files = globSync('**/*.ts', { cwd: SDK }).map((name) => ({ name, text: readFileSync(join(SDK, name), 'utf8') }))

  it('imports at run time only itself, the contract’s plain names, how a code is made, and canonicalize', () => {
    expect(files.length).toBeGreaterThan(10)
    const foreign = files.flatMap(({ name, text }) =>
      [...text.matchAll(/^(?:import|export)\b(?! type)[^'"]*?\bfrom '([^']+)'/gm)]
        .map(([, from = '']) => from)
        .filter((from) => !/^\.\/[a-z0-9-]+\.ts$/.test(from) && !ALLOWED.includes(from))
        .map((from) => `${name} imports ${from}`),
    )
    expect(foreign).toEqual([])
  })

  it('imports nothing by another way, and names no global that only Node has', () => {
    const suspect = /\bimport\(|\brequire\(|^import '|\b(Buffer|process|global|__dirname|setImmediate)\b[.([]/m
    expect(files.filter(({ text }) => suspect.test(text)).map(({ name }) => name)).toEqual([])
  })

  it('takes WebCrypto by its port alone, and nothing of the language that Hermes lacks', () => {
    const code = files.map(({ name, text }) => ({ name, text: text.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '') }))
    const naming = (what: RegExp) => code.filter(({ text }) => what.test(text)).map(({ name }) => name)
    expect(naming(/\bcrypto\b/)).toEqual(['ports.ts'])
    expect(
      naming(/\b(?:withResolvers|Promise\.try|fromAsync|groupBy|toSorted|toReversed|toSpliced|isWellFormed)\b/),
    ).toEqual([])
  })
})

describe('a frame', () => {
  it('of a later version is passed over, one that breaks its shape is a fault', () => {
    expect(readFrame('{"t":"later","x":1}')).toEqual({ kind: 'unknown' })
    expect(readFrame('{"t":"toString"}')).toEqual({ kind: 'unknown' })
    const bad = [
      '',
      '[]',
      'null',
      '{}',
      '{"t":1}',
      '{"t":"ping","n":"1","heads":{}}',
      '{"t":"reply","id":"1","ok":false}',
    ]
    expect(bad.filter((text) => readFrame(text).kind !== 'malformed')).toEqual([])
    expect(readFrame(new Uint8Array(1))).toEqual({ kind: 'malformed' })
    expect(readFrame('{"t":"ping","n":1,"heads":{}}')).toMatchObject({ kind: 'frame' })
  })
})
