import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CODEC_KEY_FILE, open, readKeyRing, seal, type KeyRing, type Payload } from '../../src/codec/index.ts'
import { makePayloadCodec } from '../../src/codec/codec.ts'

const keys = new Map([
  ['a', createSecretKey(randomBytes(32))],
  ['b', createSecretKey(randomBytes(32))],
])
const ring = (writes: 'a' | 'b', ...also: ('a' | 'b')[]): KeyRing => ({
  writes,
  keys: new Map([...keys].filter(([id]) => id === writes || also.some((other) => other === id))),
})
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const PLAIN: Payload = { metadata: { encoding: bytes('json/plain') }, data: bytes('{"payment":"pay_1"}') }

describe('a sealed payload', () => {
  test('opens to what was sealed, whatever it was', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
          fc.uint8Array(),
        ),
        fc.uint8Array(),
        (about, data) => {
          const metadata = Object.fromEntries(Object.entries(about))
          expect(open(ring('a'), seal(ring('a'), { metadata, data }))).toEqual({
            ok: true,
            payload: { metadata, data },
          })
        },
      ),
    )
  })

  test('shows nothing of it, not even its encoding, and is another each time', () => {
    const [one, two] = [seal(ring('a'), PLAIN), seal(ring('a'), PLAIN)]
    expect(Object.keys(one.metadata ?? {})).toEqual(['encoding', 'key-id'])
    expect(Buffer.from(one.data ?? []).includes('pay_1')).toBe(false)
    expect(Buffer.from(one.data ?? []).includes('json')).toBe(false)
    expect(one.data).not.toEqual(two.data)
  })

  test('is read after its key was followed by another, as long as the ring has it', () => {
    const old = seal(ring('a'), PLAIN)
    expect(open(ring('b', 'a'), old)).toEqual({ ok: true, payload: PLAIN })
    expect(Buffer.from(seal(ring('b', 'a'), PLAIN).metadata?.['key-id'] ?? []).toString()).toBe('b')
    expect(open(ring('b'), old)).toEqual({ ok: false, why: 'unknown_key' })
  })

  test('with one bit changed anywhere is refused', () => {
    const sealed = seal(ring('a'), PLAIN)
    const data = sealed.data ?? new Uint8Array(0)
    for (let at = 0; at < data.length; at += 1) {
      const altered = Uint8Array.from(data)
      altered[at] = (altered[at] ?? 0) ^ 1
      expect(open(ring('a'), { ...sealed, data: altered })).toEqual({ ok: false, why: 'altered' })
    }
    expect(open(ring('a'), { ...sealed, data: data.subarray(0, 20) })).toEqual({ ok: false, why: 'altered' })
  })

  test('under the name of another key is refused, though that key be the same', () => {
    const key = createSecretKey(randomBytes(32))
    const twins: KeyRing = {
      writes: 'a',
      keys: new Map([
        ['a', key],
        ['b', key],
      ]),
    }
    const sealed = seal(twins, PLAIN)
    const renamed = { ...sealed, metadata: { ...sealed.metadata, 'key-id': bytes('b') } }
    expect(open(twins, renamed)).toEqual({ ok: false, why: 'altered' })
  })

  test('that never was one is refused', () => {
    expect(open(ring('a'), PLAIN)).toEqual({ ok: false, why: 'not_ours' })
    expect(open(ring('a'), {})).toEqual({ ok: false, why: 'not_ours' })
  })
})

test('the codec hands on a refused payload without its content, as one nothing can read', async () => {
  const [read] = await makePayloadCodec(ring('a')).decode([PLAIN])
  expect(Buffer.from(read?.data ?? [])).toHaveLength(0)
  expect(Buffer.from(read?.metadata?.['encoding'] ?? []).toString()).toBe(
    'refused: it is not encrypted; send it through the codec endpoint',
  )
})

describe('the key file', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'mooring-codec-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))
  const write = (text: string) => writeFileSync(join(dir, CODEC_KEY_FILE), text)
  const key = randomBytes(32).toString('base64url')

  test('gives the ring', () => {
    write(JSON.stringify({ writes: 'k2', keys: { k1: key, k2: key } }))
    expect([...readKeyRing(dir, 'live').keys.keys()]).toEqual(['k1', 'k2'])
  })

  test.each([
    ['that is not there', undefined, 'cannot be read'],
    ['that is no JSON', `{"writes": ${key}`, 'ill-formed'],
    ['with too short a key', JSON.stringify({ writes: 'k', keys: { k: 'c2hvcnQ' } }), 'key k must hold 32 bytes'],
    ['whose writing key is not in it', JSON.stringify({ writes: 'x', keys: { k: key } }), 'there is no key x'],
    ['made for development', JSON.stringify({ writes: 'k', keys: { k: key, 'dev-1': key } }), 'made for development'],
  ])('%s stops a production process, and is not quoted', (_what, text, words) => {
    if (text !== undefined) write(text)
    const read = () => readKeyRing(dir, 'live')
    expect(read).toThrow(words)
    expect(read).not.toThrow(key)
  })
})
