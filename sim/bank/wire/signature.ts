import { createHash, randomBytes, sign, verify, type KeyObject } from 'node:crypto'

/**
 * HTTP message signatures of the profile (connectors.md §1.4): RFC 9421 with ed25519, RFC 9530 Content-Digest.
 * One label, `m`; the algorithm belongs to the key, never to the message.
 */

export const TAG = 'mooring-iso20022'
export const SIGNATURE_WINDOW_S = 300

export type SignedRequest = {
  method: string
  targetUri: string
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>
  body: Uint8Array
}

export type SigningKey = { id: string; key: KeyObject }

export function contentDigest(body: Uint8Array | string): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
}

export type Verdict = { ok: true; nonce: string; createdS: number } | { ok: false; why: string }

type Component = { identifier: string; name: string }
type Parsed = { components: Component[]; raw: string; parameters: Map<string, string | number> }

const MEMBER =
  /^m=(\((?:"[a-z0-9@-]+"(?: "[a-z0-9@-]+")*)?\)((?:;[a-z]+=(?:"[\x20\x21\x23-\x5b\x5d-\x7e]*"|\d{1,15}))*))$/

function parseInput(header: string): Parsed | null {
  const member = MEMBER.exec(header.trim())
  if (member === null) return null
  const raw = member[1] ?? ''
  const tail = member[2] ?? ''
  const list = raw.slice(1, raw.length - tail.length - 1)
  const components =
    list === '' ? [] : list.split(' ').map((identifier) => ({ identifier, name: identifier.slice(1, -1) }))
  const parameters = new Map<string, string | number>()
  for (const [, key = '', text, number] of tail.matchAll(/;([a-z]+)=(?:"([^"]*)"|(\d+))/g)) {
    if (parameters.has(key)) return null
    parameters.set(key, text ?? Number(number))
  }
  return new Set(components.map((one) => one.name)).size === components.length ? { components, raw, parameters } : null
}

/** Verifies a client's request: digest over the raw bytes first, then the signature. Whether the nonce is new is the caller's to say. */
export function verifyRequest(request: SignedRequest, peers: readonly SigningKey[], nowS: number): Verdict {
  const refuse = (why: string): Verdict => ({ ok: false, why })
  const hasBody = request.body.length > 0
  const digest = request.headers['content-digest']
  if (hasBody && digest?.trim() !== contentDigest(request.body)) return refuse('content digest')
  const input = parseInput(request.headers['signature-input'] ?? '')
  const value = /^m=:([A-Za-z0-9+/]+={0,2}):$/.exec((request.headers['signature'] ?? '').trim())?.[1]
  if (input === null || value === undefined) return refuse('signature headers')
  const covered = new Set(input.components.map((one) => one.name))
  const required = ['@method', '@target-uri', ...(hasBody ? ['content-type', 'content-digest'] : [])]
  if (required.some((name) => !covered.has(name))) return refuse('a required component is not covered')
  const { parameters } = input
  const created = parameters.get('created')
  const expires = parameters.get('expires')
  const nonce = parameters.get('nonce')
  const peer = peers.find(({ id }) => id === parameters.get('keyid'))
  if (peer === undefined) return refuse('key id')
  if (parameters.get('tag') !== TAG) return refuse('tag')
  if (parameters.has('alg') && parameters.get('alg') !== 'ed25519') return refuse('algorithm')
  if (typeof created !== 'number' || Math.abs(nowS - created) > SIGNATURE_WINDOW_S) return refuse('created')
  if (typeof expires !== 'number' || expires < nowS || expires > created + SIGNATURE_WINDOW_S) return refuse('expires')
  if (typeof nonce !== 'string' || nonce.length < 16 || nonce.length > 128) return refuse('nonce')
  const lines: string[] = []
  for (const { identifier, name } of input.components) {
    const found = requestComponent(request, name)
    if (found === null) return refuse(`component ${name} is absent`)
    lines.push(`${identifier}: ${found}`)
  }
  lines.push(`"@signature-params": ${input.raw}`)
  const good = verify(null, Buffer.from(lines.join('\n')), peer.key, Buffer.from(value, 'base64'))
  return good ? { ok: true, nonce, createdS: created } : refuse('signature')
}

function requestComponent(request: SignedRequest, name: string): string | null {
  if (name === '@method') return request.method
  if (name === '@target-uri') return request.targetUri
  if (name === '@authority') return new URL(request.targetUri).host
  if (name === '@path') return new URL(request.targetUri).pathname
  return name.startsWith('@') ? null : (request.headers[name]?.trim() ?? null)
}

/** Signature headers; `createdS` may lie, for the fault that does. */
function signed(lines: string[], identifiers: string[], key: SigningKey, createdS: number): Record<string, string> {
  const parameters =
    `(${identifiers.join(' ')});created=${createdS};expires=${createdS + SIGNATURE_WINDOW_S};` +
    `nonce="${randomBytes(16).toString('base64url')}";keyid="${key.id}";alg="ed25519";tag="${TAG}"`
  const base = [...lines, `"@signature-params": ${parameters}`].join('\n')
  return {
    'signature-input': `m=${parameters}`,
    signature: `m=:${sign(null, Buffer.from(base), key.key).toString('base64')}:`,
  }
}

/** Headers of a callback: the bank asks here, so the components are a request's. */
export function signCallback(
  method: string,
  targetUri: string,
  body: string,
  key: SigningKey,
  nowS: number,
): Record<string, string> {
  const digest = contentDigest(body)
  const values: [string, string][] = [
    ['"@method"', method],
    ['"@target-uri"', targetUri],
    ['"content-type"', 'application/xml'],
    ['"content-digest"', digest],
  ]
  const lines = values.map(([identifier, value]) => `${identifier}: ${value}`)
  const identifiers = values.map(([identifier]) => identifier)
  return { 'content-type': 'application/xml', 'content-digest': digest, ...signed(lines, identifiers, key, nowS) }
}

/** Headers of an answer, bound by `;req` components to the question it answers, as far as the question had them. */
export function signAnswer(
  answer: { status: number; contentType: string | null; body: string },
  request: SignedRequest,
  key: SigningKey,
  createdS: number,
): Record<string, string> {
  const headers: Record<string, string> = {}
  const values: [string, string][] = [['"@status"', String(answer.status)]]
  if (answer.contentType !== null) {
    headers['content-type'] = answer.contentType
    headers['content-digest'] = contentDigest(answer.body)
    values.push(['"content-type"', answer.contentType], ['"content-digest"', headers['content-digest']])
  }
  values.push(['"@method";req', request.method], ['"@target-uri";req', request.targetUri])
  const askedDigest = request.headers['content-digest']
  if (askedDigest !== undefined) values.push(['"content-digest";req', askedDigest.trim()])
  const askedSignature = /(?:^|,)\s*m=(:[A-Za-z0-9+/=]+:)/.exec(request.headers['signature'] ?? '')?.[1]
  if (askedSignature !== undefined) values.push(['"signature";req;key="m"', askedSignature])
  const lines = values.map(([identifier, value]) => `${identifier}: ${value}`)
  const identifiers = values.map(([identifier]) => identifier)
  return { ...headers, ...signed(lines, identifiers, key, createdS) }
}
