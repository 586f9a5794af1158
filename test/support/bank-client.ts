import { createHash, randomBytes, sign, verify, type KeyObject } from 'node:crypto'
import { Agent, request as httpsRequest } from 'node:https'
import type { ClientKeys } from './bank-keys.ts'

/** A bank client for tests: signs questions, checks answers. Shares no code with the bank or with the connector. */

export type Asked = { method: string; uri: string; headers: Record<string, string>; body: string }
export type Answered = {
  status: number
  headers: Record<string, string>
  body: string
  /** Why the answer cannot be trusted, null when it can. */
  distrust: string | null
}

const digestOf = (body: string | Buffer) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`

export type SignOptions = {
  createdS?: number
  nonce?: string
  keyId?: string
  key?: KeyObject
  tag?: string
  components?: string[]
  digest?: string
  expiresS?: number
}

export function signedHeaders(
  keys: ClientKeys,
  method: string,
  uri: string,
  type: string | null,
  body: string,
  options: SignOptions = {},
) {
  const created = options.createdS ?? Math.floor(Date.now() / 1000)
  const headers: Record<string, string> = {}
  if (type !== null) headers['content-type'] = type
  if (body !== '') headers['content-digest'] = options.digest ?? digestOf(body)
  const components = options.components ?? [
    '@method',
    '@target-uri',
    ...(body === '' ? [] : ['content-type', 'content-digest']),
  ]
  const value = (name: string) => (name === '@method' ? method : name === '@target-uri' ? uri : (headers[name] ?? ''))
  const parameters =
    `(${components.map((name) => `"${name}"`).join(' ')});created=${created};expires=${options.expiresS ?? created + 300}` +
    `;nonce="${options.nonce ?? randomBytes(16).toString('base64url')}";keyid="${options.keyId ?? keys.signKid}"` +
    `;alg="ed25519";tag="${options.tag ?? 'mooring-iso20022'}"`
  const base = [...components.map((name) => `"${name}": ${value(name)}`), `"@signature-params": ${parameters}`].join(
    '\n',
  )
  headers['signature-input'] = `m=${parameters}`
  headers['signature'] = `m=:${sign(null, Buffer.from(base), options.key ?? keys.sign).toString('base64')}:`
  return headers
}

/** What is wrong with the signature of an answer (`asked` given) or of a callback, or null. */
export function distrust(
  keys: ClientKeys,
  said: { status?: number; method?: string; uri?: string; headers: Record<string, string>; body: string },
  asked: Asked | null,
): string | null {
  const input = /^m=(\(([^)]*)\)(.*))$/.exec(said.headers['signature-input'] ?? '')
  const value = /^m=:([^:]+):$/.exec(said.headers['signature'] ?? '')?.[1]
  if (input === null || value === undefined) return 'unsigned'
  if (said.body !== '' && said.headers['content-digest'] !== digestOf(said.body)) return 'digest'
  const identifiers = (input[2] ?? '').split(' ')
  const needed =
    asked === null
      ? ['"@method"', '"@target-uri"', '"content-type"', '"content-digest"']
      : ['"@status"', '"@method";req', '"@target-uri";req', '"signature";req;key="m"']
  if (needed.some((identifier) => !identifiers.includes(identifier))) return 'uncovered'
  const created = Number(/;created=(\d+)/.exec(input[3] ?? '')?.[1])
  if (!(Math.abs(Date.now() / 1000 - created) <= 300)) return 'stale'
  if (!input[3]?.includes(`;keyid="${keys.bankKid}"`) || !input[3].includes(';tag="mooring-iso20022"')) return 'key'
  const component = (identifier: string): string => {
    if (identifier === '"@status"') return String(said.status)
    if (identifier === '"@method"') return said.method ?? ''
    if (identifier === '"@target-uri"') return said.uri ?? ''
    if (identifier === '"@method";req') return asked?.method ?? ''
    if (identifier === '"@target-uri";req') return asked?.uri ?? ''
    if (identifier === '"content-digest";req') return asked?.headers['content-digest'] ?? ''
    if (identifier === '"signature";req;key="m"') return (asked?.headers['signature'] ?? '').slice(2)
    return said.headers[identifier.slice(1, -1)] ?? ''
  }
  const base = [...identifiers.map((one) => `${one}: ${component(one)}`), `"@signature-params": ${input[1]}`].join('\n')
  return verify(null, Buffer.from(base), keys.bankVerify, Buffer.from(value, 'base64')) ? null : 'signature'
}

export class BankClient {
  readonly keys: ClientKeys
  readonly base: string
  readonly #agent: Agent

  constructor(keys: ClientKeys, port: number) {
    this.keys = keys
    this.base = `https://localhost:${port}`
    this.#agent = new Agent({ keepAlive: true, ca: keys.ca, cert: keys.cert, key: keys.key, minVersion: 'TLSv1.3' })
  }

  post(
    path: string,
    body: string,
    options: SignOptions & { type?: string; timeoutMs?: number } = {},
  ): Promise<Answered> {
    return this.send('POST', path, options.type ?? 'application/xml', body, options)
  }

  async send(
    method: string,
    path: string,
    type: string | null,
    body: string,
    options: SignOptions & { timeoutMs?: number; headers?: Record<string, string> } = {},
  ): Promise<Answered> {
    const uri = `${this.base}${path}`
    const headers = options.headers ?? signedHeaders(this.keys, method, uri, type, body, options)
    return this.exchange({ method, uri, headers, body }, options.timeoutMs ?? 10_000)
  }

  exchange(asked: Asked, timeoutMs: number): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(asked.uri, {
        method: asked.method,
        agent: this.#agent,
        headers: {
          ...asked.headers,
          ...(asked.body === '' ? {} : { 'content-length': Buffer.byteLength(asked.body) }),
        },
        signal: AbortSignal.timeout(timeoutMs),
      })
      request.on('error', reject)
      request.on('response', (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const body = Buffer.concat(parts).toString('utf8')
          const headers: Record<string, string> = {}
          for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value)
          const status = response.statusCode ?? 0
          resolve({ status, headers, body, distrust: distrust(this.keys, { status, headers, body }, asked) })
        })
      })
      request.end(asked.body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
