import { createHash } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import { readCallback } from '../../src/rails/gsma/callback.ts'
import type { HttpMessage } from '../../src/rails/port.ts'
import { makeMoneyOrder } from './support/gsma.ts'

const NOW_MS = Date.UTC(2026, 10, 28, 12)
const API_KEY = 'the-key-of-the-operator'
const order = makeMoneyOrder()
const options = { apiKeys: ['the-next-key-of-the-operator', API_KEY], nowMs: NOW_MS }
const known = (reference: string) => Promise.resolve(reference === order.reference ? order : null)
const sha256 = (body: Uint8Array) => createHash('sha256').update(body).digest('hex')

function callback(more: Partial<HttpMessage> = {}, headers: Record<string, string | undefined> = {}): HttpMessage {
  const body = more.body ?? Buffer.from('{"transactionStatus":"completed"}')
  const all: Record<string, string | undefined> = {
    'x-api-key': API_KEY,
    'x-date': new Date(NOW_MS).toISOString(),
    'x-content-hash': sha256(body),
    'x-correlationid': order.uetr,
    ...headers,
  }
  return {
    method: 'PUT',
    targetUri: `https://pay.example/v1/rails/gsma/callbacks?ref=${order.reference}`,
    body,
    ...more,
    headers: Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  }
}

describe('a callback', () => {
  it('only wakes an inquiry, whatever it says', async () => {
    for (const [text, hint] of [
      ['{"transactionStatus":"completed"}', 'moved'],
      ['{"transactionStatus":"failed"}', 'declined'],
      ['{"transactionStatus":"reversed"}', null],
      ['{"errorCategory":"businessRule"}', 'declined'],
      ['not even JSON', null],
      ['', null],
    ] as const) {
      const verdict = await readCallback(callback({ body: Buffer.from(text) }), known, options)
      const says = { kind: 'look', hint }
      expect(verdict).toMatchObject({ ok: true, statement: { reference: order.reference, says } })
    }
  })

  it('is the same event when it is sent again, and another when it says something else', async () => {
    const idOf = async (message: HttpMessage) => {
      const verdict = await readCallback(message, known, options)
      return verdict.ok ? verdict.statement.eventId : null
    }
    const first = await idOf(callback())
    expect(first).toContain(order.uetr)
    expect(await idOf(callback({}, { 'x-date': new Date(NOW_MS + 60_000).toUTCString() }))).toBe(first)
    expect(await idOf(callback({ body: Buffer.from('{}') }))).not.toBe(first)
  })

  test.each([
    ['another key', { 'x-api-key': `${API_KEY}0` }],
    ['no key', { 'x-api-key': undefined }],
    ['a date of six minutes ago', { 'x-date': new Date(NOW_MS - 360_000).toISOString() }],
    ['a date six minutes ahead', { 'x-date': new Date(NOW_MS + 360_000).toISOString() }],
    ['a date that is none', { 'x-date': 'now' }],
    ['a date without zone', { 'x-date': '2026-11-28T12:00:00' }],
    ['no date', { 'x-date': undefined }],
    ['the hash of another body', { 'x-content-hash': sha256(Buffer.from('{}')) }],
    ['no hash', { 'x-content-hash': undefined }],
  ])('with %s is refused', async (_, headers) => {
    expect(await readCallback(callback({}, headers), known, options)).toMatchObject({ ok: false, status: 401 })
  })

  test.each([
    ['posted', { method: 'POST' }, {}, 400],
    ['for no reference', { targetUri: 'https://pay.example/v1/rails/gsma/callbacks' }, {}, 400],
    ['for two references', { targetUri: `https://pay.example/?ref=${order.reference}&ref=other` }, {}, 400],
    ['for a reference nobody sent', { targetUri: 'https://pay.example/?ref=other' }, {}, 404],
    [
      'under the correlation id of another order',
      {},
      { 'x-correlationid': '0c0ffee0-0000-4000-8000-000000000001' },
      404,
    ],
    ['without correlation id', {}, { 'x-correlationid': undefined }, 404],
    ['larger than any of its kind', { body: Buffer.alloc(65_537) }, {}, 400],
  ])('%s is refused', async (_, more, headers, status) => {
    expect(await readCallback(callback(more, headers), known, options)).toMatchObject({ ok: false, status })
  })

  it('takes its date as ISO 8601 or as an HTTP date, and its ids and hash in capitals', async () => {
    const headers = {
      'x-date': new Date(NOW_MS - 299_000).toUTCString(),
      'x-correlationid': order.uetr.toUpperCase(),
      'x-content-hash': sha256(callback().body).toUpperCase(),
    }
    expect(await readCallback(callback({}, headers), known, options)).toMatchObject({ ok: true })
  })
})
