import { createHash, sign, timingSafeEqual, verify } from 'node:crypto'
import {
  parseDictionary,
  serializeInnerList,
  serializeItem,
  type Dictionary,
  type InnerList,
  type Item,
} from 'structured-headers'
import { err, ok, type Result } from '../../domain/result.ts'
import type { SignatureKey } from './keys.ts'

/**
 * HTTP message signatures (RFC 9421) with content digests (RFC 9530), Ed25519
 * only, by the profile of connectors.md §1.4. An answer's signature covers the
 * question's, so that no answer can be shown for another question.
 */

const LABEL = 'm'
const TAG = 'mooring-iso20022'
const ALGORITHM = 'ed25519'
/** A signature is good for this long after it was made, and no clock may be further off. */
export const WINDOW_S = 300

export type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A request as it was signed, all that its answer is bound to. */
export type SignedRequest = {
  method: string
  targetUri: string
  headers: { 'content-type'?: string; 'content-digest'?: string; 'signature-input': string; signature: string }
}

/** `content` is null for a request without a body, which has no digest either. */
export type Signable = { method: string; targetUri: string; content: { type: string; body: Uint8Array } | null }

const BARE_COMPONENTS = ['"@method"', '"@target-uri"']
const REQUEST_COMPONENTS = [...BARE_COMPONENTS, '"content-type"', '"content-digest"']
const QUESTION_DIGEST = '"content-digest";req'
const RESPONSE_COMPONENTS = [
  '"@status"',
  '"content-type"',
  '"content-digest"',
  '"@method";req',
  '"@target-uri";req',
  QUESTION_DIGEST,
  `"signature";req;key="${LABEL}"`,
]
/** To a question without a body. */
const BARE_RESPONSE_COMPONENTS = RESPONSE_COMPONENTS.filter((component) => component !== QUESTION_DIGEST)

const itemsOf = (components: readonly string[]): Item[] => components.map((one) => [one.slice(1, -1), new Map()])

/** Signs a request at `nowMs`; `nonce` is fresh and base64url. */
export function signRequest(request: Signable, key: SignatureKey, nowMs: number, nonce: string): SignedRequest {
  const { method, targetUri, content } = request
  const contentDigest = content === null ? null : digestOf(content.body)
  const components = content === null ? BARE_COMPONENTS : REQUEST_COMPONENTS
  const created = Math.floor(nowMs / 1000)
  const list: InnerList = [
    itemsOf(components),
    new Map<string, string | number>([
      ['created', created],
      ['expires', created + WINDOW_S],
      ['nonce', nonce],
      ['keyid', key.id],
      ['alg', ALGORITHM],
      ['tag', TAG],
    ]),
  ]
  const parameters = serializeInnerList(list)
  const values = requestValues(method, targetUri, content?.type ?? null, contentDigest)
  const base = signatureBase(components, values, parameters)
  const signature = sign(null, Buffer.from(base), key.key).toString('base64')
  return {
    method,
    targetUri,
    headers: {
      ...(content === null ? {} : { 'content-type': content.type }),
      ...(contentDigest === null ? {} : { 'content-digest': contentDigest }),
      'signature-input': `${LABEL}=${parameters}`,
      signature: `${LABEL}=:${signature}:`,
    },
  }
}

/** Whether an answer is the bank's and about this very request. */
export function verifyResponse(
  answer: { status: number; headers: Headers; body: Uint8Array },
  request: SignedRequest,
  keys: readonly SignatureKey[],
  nowMs: number,
): Result<void, string> {
  const values = new Map<string, string | null>([
    ['"@status"', String(answer.status)],
    ['"content-type"', header(answer.headers, 'content-type')],
    ['"content-digest"', header(answer.headers, 'content-digest')],
    ['"@method";req', request.method],
    ['"@target-uri";req', request.targetUri],
    [QUESTION_DIGEST, request.headers['content-digest'] ?? null],
    [`"signature";req;key="${LABEL}"`, request.headers.signature.slice(LABEL.length + 1)],
  ])
  const required = request.headers['content-digest'] === undefined ? BARE_RESPONSE_COMPONENTS : RESPONSE_COMPONENTS
  const verified = verifyMessage(answer.headers, answer.body, values, required, keys, nowMs)
  return verified.ok ? ok(undefined) : verified
}

/** Whether a request to us is the bank's; its nonce is for the caller to refuse when seen before. */
export function verifyRequest(
  request: { method: string; targetUri: string; headers: Headers; body: Uint8Array },
  keys: readonly SignatureKey[],
  nowMs: number,
): Result<{ nonce: string }, string> {
  const values = requestValues(
    request.method,
    request.targetUri,
    header(request.headers, 'content-type'),
    header(request.headers, 'content-digest'),
  )
  const verified = verifyMessage(request.headers, request.body, values, REQUEST_COMPONENTS, keys, nowMs)
  if (!verified.ok) return verified
  return verified.value.nonce === null ? err('no nonce') : ok({ nonce: verified.value.nonce })
}

/** Digest over the raw bytes first, then the signature over the digest and what else must be covered. */
function verifyMessage(
  headers: Headers,
  body: Uint8Array,
  values: ReadonlyMap<string, string | null>,
  required: readonly string[],
  keys: readonly SignatureKey[],
  nowMs: number,
): Result<{ nonce: string | null }, string> {
  if (!digestFits(dictionary(headers, 'content-digest'), body)) return err('content-digest does not fit the body')
  const input = dictionary(headers, 'signature-input')?.get(LABEL)
  const signature = byteSequence(dictionary(headers, 'signature')?.get(LABEL))
  if (input === undefined || !isInnerList(input) || signature === null) return err('no signature')

  const parameters = input[1]
  if (parameters.get('alg') !== ALGORITHM) return err('signature algorithm is not the key’s')
  const keyId = parameters.get('keyid')
  const key = keys.find(({ id }) => id === keyId)
  if (key === undefined) return err('signature of another key')
  if (parameters.get('tag') !== TAG) return err('signature for another purpose')
  const created = parameters.get('created')
  const expires = parameters.get('expires')
  const nowS = nowMs / 1000
  if (typeof created !== 'number' || Math.abs(nowS - created) > WINDOW_S)
    return err('signature too old or from the future')
  if (typeof expires !== 'number' || expires < created || nowS > expires) return err('signature expired')

  const covered: string[] = []
  for (const item of input[0]) {
    const component = serializeItem(item)
    if (covered.includes(component)) return err('component signed twice')
    covered.push(component)
  }
  const missing = required.find((component) => !covered.includes(component))
  if (missing !== undefined) return err(`signature does not cover ${missing}`)
  const unknown = covered.find((component) => typeof values.get(component) !== 'string')
  if (unknown !== undefined) return err(`signature covers ${unknown}, which is not there`)

  const base = signatureBase(covered, values, serializeInnerList(input))
  if (!verify(null, Buffer.from(base), key.key, signature)) return err('signature does not fit')
  const nonce = parameters.get('nonce')
  return ok({ nonce: typeof nonce === 'string' ? nonce : null })
}

/** RFC 9421 §2.5. */
function signatureBase(
  components: readonly string[],
  values: ReadonlyMap<string, string | null>,
  parameters: string,
): string {
  let base = ''
  for (const component of components) base += `${component}: ${values.get(component) ?? ''}\n`
  return `${base}"@signature-params": ${parameters}`
}

function requestValues(method: string, targetUri: string, contentType: string | null, contentDigest: string | null) {
  return new Map<string, string | null>([
    ['"@method"', method],
    ['"@target-uri"', targetUri],
    ['"content-type"', contentType],
    ['"content-digest"', contentDigest],
  ])
}

export function digestOf(body: Uint8Array): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

function digestFits(digests: Dictionary | null, body: Uint8Array): boolean {
  const claimed = byteSequence(digests?.get('sha-256'))
  if (claimed === null) return false
  const actual = createHash('sha256').update(body).digest()
  return claimed.byteLength === actual.byteLength && timingSafeEqual(claimed, actual)
}

function header(headers: Headers, name: string): string | null {
  const value = headers[name]
  return typeof value === 'string' ? value.trim() : null
}

function dictionary(headers: Headers, name: string): Dictionary | null {
  const value = header(headers, name)
  if (value === null) return null
  try {
    return parseDictionary(value)
  } catch {
    return null
  }
}

function isInnerList(member: Item | InnerList): member is InnerList {
  return Array.isArray(member[0])
}

function byteSequence(member: Item | InnerList | undefined): Buffer | null {
  const value = member?.[0]
  return value instanceof ArrayBuffer ? Buffer.from(value) : null
}
