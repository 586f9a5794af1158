import type { FastifyInstance } from 'fastify'
import { deeperThan } from '../domain/json-depth.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { BRIDGE_LIMITS } from './limits.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * A request's body as JSON: UTF-8, nested no deeper than the socket's frames,
 * without keys that would reach a prototype. What a schema then makes of it is
 * the hub's. An empty body is none.
 */
export function readJson(bytes: Uint8Array): Result<unknown, Refusal> {
  if (bytes.length === 0) return ok(undefined)
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return err(refuse('invalid_request', 'The body is not UTF-8.'))
  }
  if (deeperThan(text, BRIDGE_LIMITS.json_depth)) {
    return err(refuse('invalid_request', `The body nests deeper than ${BRIDGE_LIMITS.json_depth} levels.`))
  }
  let poisoned: string | null = null
  try {
    const value: unknown = JSON.parse(text, (key, inner: unknown) => {
      if (reachesPrototype(key, inner)) poisoned ??= key
      return inner
    })
    if (poisoned !== null) {
      return err(refuse('invalid_request', 'This field name is never accepted.', { param: poisoned }))
    }
    return ok(value)
  } catch {
    return err(refuse('invalid_request', 'The body is not JSON.'))
  }
}

function reachesPrototype(key: string, value: unknown): boolean {
  if (key === '__proto__') return true
  return key === 'constructor' && typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
}

/** A body that `readJson` refused, on its way to the one place where problems are written. */
export class RefusedBody extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'RefusedBody'
    this.refusal = refusal
  }
}

/** JSON is the only media type our routes take. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    const read = readJson(Buffer.from(body))
    if (read.ok) done(null, read.value)
    else done(new RefusedBody(read.error))
  })
}
