import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { assertNever } from '../common/never.ts'
import type { Reply } from './answer.ts'
import { contentDigest, signAnswer, type SignedRequest } from './wire/signature.ts'

const STALE_BY_S = 3_600

/** Writes replies, signed as they should be or as a fault wants them. */
export class Responder {
  readonly #key: { id: string; key: KeyObject }
  readonly #nowMs: () => number
  #last: { status: number; headers: Record<string, string>; body: string } | null = null
  #strangersKey: KeyObject | null = null

  constructor(key: { id: string; key: KeyObject }, nowMs: () => number) {
    this.#key = key
    this.#nowMs = nowMs
  }

  send(response: ServerResponse, reply: Reply, request: SignedRequest): void {
    const { status, headers, body } = this.#signed(reply, request)
    response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }) })
    response.end(body)
  }

  #signed(reply: Reply, request: SignedRequest): { status: number; headers: Record<string, string>; body: string } {
    const nowS = Math.floor(this.#nowMs() / 1000)
    const unsigned = reply.contentType === null ? {} : { 'content-type': reply.contentType }
    const { status, body } = reply
    switch (reply.signature) {
      case 'none':
        return { status, body, headers: { ...unsigned, ...reply.headers } }
      case 'missing':
        return { status, body, headers: { ...unsigned, 'content-digest': contentDigest(body), ...reply.headers } }
      case 'wrong_key': {
        this.#strangersKey ??= generateKeyPairSync('ed25519').privateKey
        const stranger = { id: this.#key.id, key: this.#strangersKey }
        return { status, body, headers: { ...signAnswer(reply, request, stranger, nowS), ...reply.headers } }
      }
      case 'stale':
        return {
          status,
          body,
          headers: { ...signAnswer(reply, request, this.#key, nowS - STALE_BY_S), ...reply.headers },
        }
      case 'digest':
        // Signed well, over a digest of other bytes
        return {
          status,
          body,
          headers: { ...signAnswer({ ...reply, body: `${body} ` }, request, this.#key, nowS), ...reply.headers },
        }
      case 'replayed': {
        // An authentic answer to another question
        const other = { ...request, headers: { ...request.headers, signature: 'm=:AAAA:' } }
        return (
          this.#last ?? { status, body, headers: { ...signAnswer(reply, other, this.#key, nowS), ...reply.headers } }
        )
      }
      case 'right': {
        this.#last = { status, body, headers: { ...signAnswer(reply, request, this.#key, nowS), ...reply.headers } }
        return this.#last
      }
      default:
        return assertNever(reply.signature)
    }
  }
}
