import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import canonicalize from 'canonicalize'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import * as contract from '../../src/contract/index.ts'
import { ROOT } from '../../tools/paths.ts'

/** Everything that crosses the wire: each schema as JSON Schema, and each list and table of values. */
function wire(exported: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const described = (value: unknown): unknown => {
    if (value instanceof z.ZodType) return z.toJSONSchema(value, { io: 'input', unrepresentable: 'any' })
    if (Array.isArray(value)) return value.map(described)
    if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, described(member)]))
  }
  return Object.fromEntries(
    Object.entries(exported).flatMap(([name, value]) =>
      typeof value === 'function' ? [] : [[name, described(value)]],
    ),
  )
}

const digestOf = (exported: Readonly<Record<string, unknown>>): string =>
  createHash('sha256')
    .update(canonicalize(wire(exported)) ?? '')
    .digest('hex')
    .slice(0, 16)

/** `## 2026-11-29 · 0123456789abcdef`, newest first, each with what changed below it. */
const ENTRY = /^## (\d{4}-\d{2}-\d{2}) · ([0-9a-f]{16})\n\n(.+)$/gm
const entries = [...readFileSync(join(ROOT, 'docs/protocol-changes.md'), 'utf8').matchAll(ENTRY)].map(
  ([, day = '', digest = '', what = '']) => ({ day, digest, what }),
)

describe('docs/protocol-changes.md', () => {
  it('has the wire as it is now for its newest entry', () => {
    const now = digestOf(contract)
    const howTo = `the wire has changed: say what in docs/protocol-changes.md, in a new entry at the top for ${now}, and raise PROTOCOL_VERSION where clients of before would break`
    expect([entries[0]?.digest, howTo]).toEqual([now, howTo])
  })

  it('is ordered from the newest, and each entry says what changed', () => {
    const days = entries.map(({ day }) => day)
    expect(days).toEqual(days.toSorted().toReversed())
    expect(new Set(entries.map(({ digest }) => digest)).size).toBe(entries.length)
    for (const { what } of entries) expect(what.length).toBeGreaterThan(20)
  })

  it('would notice a field, a command, a limit and a code', () => {
    const changed: [string, object][] = [
      ['a field', { PingFrame: contract.PingFrame.extend({ more: z.string() }) }],
      [
        'a field of a command',
        {
          COMMANDS: {
            ...contract.COMMANDS,
            'payment.get': { ...contract.COMMANDS['payment.get'], body: z.strictObject({}) },
          },
        },
      ],
      ['a command', { COMMANDS: { ...contract.COMMANDS, another: contract.COMMANDS.quote } }],
      ['a limit', { SOCKET_LIMITS: { ...contract.SOCKET_LIMITS, frame_bytes: 1 } }],
      ['a code', { ERROR_CODES: [...contract.ERROR_CODES, 'another'] }],
      ['a close code', { CLOSE: { ...contract.CLOSE, another: 4999 } }],
    ]
    const now = digestOf(contract)
    for (const [what, change] of changed)
      expect([what, digestOf({ ...contract, ...change }) === now]).toEqual([what, false])
  })
})
