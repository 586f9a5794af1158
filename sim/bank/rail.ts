import { createServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import { Door } from '../common/door.ts'
import type { Log } from '../common/log.ts'
import { assertNever } from '../common/never.ts'
import { answerInOutage, jsonReply, xmlReply, type Answer } from './answer.ts'
import type { Bank } from './bank.ts'
import { answerInquiry } from './inquiries.ts'
import type { BankKeys } from './keys.ts'
import { createMandate, endMandate } from './mandates.ts'
import type { Nonce, Payments } from './payments.ts'
import { Responder } from './responder.ts'
import { answerStatement } from './statements.ts'
import { receive } from './wire/receive.ts'
import { groupRejection, unreadableNotice } from './wire/report.ts'
import { verifyRequest, type SignedRequest } from './wire/signature.ts'
import { XML_LIMIT_BYTES } from './wire/xml.ts'

/** Time an idle connection is kept for the next message. */
const KEEP_ALIVE_MS = 60_000
const REQUEST_DEADLINE_MS = 15_000

/** The rail port: TLS 1.3 with client certificates, signed questions and signed answers. */
export class Rail {
  readonly #bank: Bank
  readonly #keys: BankKeys
  readonly #payments: Payments
  readonly #responder: Responder
  readonly #log: Log
  readonly #door: Door
  readonly #fingerprints = new WeakMap<object, string>()

  constructor(bank: Bank, keys: BankKeys, payments: Payments, host: string, port: number, log: Log) {
    this.#bank = bank
    this.#keys = keys
    this.#payments = payments
    this.#log = log
    this.#responder = new Responder(keys.sign, () => bank.clock.nowMs())
    const server = createServer(
      {
        ...keys.tls,
        minVersion: 'TLSv1.3',
        requestCert: true,
        rejectUnauthorized: true,
        keepAliveTimeout: KEEP_ALIVE_MS,
        requestTimeout: REQUEST_DEADLINE_MS,
      },
      (request, response) => void this.#serve(request, response),
    )
    this.#door = new Door(server, { host, port }, { now: () => bank.state.outage, clock: bank.clock })
  }

  get port(): number {
    return this.#door.port
  }

  start(): Promise<void> {
    return this.#door.start()
  }

  /** Puts an outage that began or ended into effect. */
  outageChanged(): Promise<void> {
    const { mode, untilMs } = this.#bank.state.outage
    if (this.#bank.clock.nowMs() < untilMs) this.#log('outage', { mode, until: new Date(untilMs).toISOString() })
    return this.#door.outageChanged()
  }

  /** Lets requests in flight finish for a moment, then closes. */
  stop(): Promise<void> {
    return this.#door.stop()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { outage } = this.#bank.state
      const question: SignedRequest = {
        method: request.method ?? '',
        targetUri: `https://${request.headers.host ?? ''}${request.url ?? ''}`,
        headers: lowerHeaders(request),
        body: new Uint8Array(0),
      }
      const down = this.#bank.clock.nowMs() < outage.untilMs
      const body = await readBody(request)
      const asked = body === null ? question : { ...question, body }
      const answer = down
        ? answerInOutage(outage.mode)
        : body === null
          ? tooLarge()
          : await this.#answer(request, asked)
      this.#give(answer, asked, request, response)
    } catch (error) {
      this.#log('failed', { error: error instanceof Error ? error.message : String(error) })
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    }
  }

  #give(answer: Answer, question: SignedRequest, request: IncomingMessage, response: ServerResponse): void {
    if (answer.kind === 'reply') {
      if (!response.destroyed) this.#responder.send(response, answer, question)
    } else if (answer.kind === 'reset') request.socket.destroy()
    else {
      const timer = setTimeout(() => request.socket.destroy(), answer.forMs)
      request.socket.once('close', () => clearTimeout(timer))
    }
  }

  async #answer(request: IncomingMessage, question: SignedRequest): Promise<Answer> {
    const { clock, state } = this.#bank
    const verdict = verifyRequest(question, this.#keys.peer.keys, Math.floor(clock.nowMs() / 1000))
    const why = !verdict.ok
      ? verdict.why
      : this.#fingerprintOf(request) !== this.#keys.peer.fingerprint
        ? 'the certificate is not the one of this key id'
        : state.nonces.has(verdict.nonce)
          ? 'nonce'
          : null
    if (!verdict.ok || why !== null) {
      this.#log('refused', { why: why ?? '', path: new URL(question.targetUri).pathname })
      return jsonReply(401, { code: 'UNAUTHENTICATED', message: why })
    }
    const nonce: Nonce = [verdict.nonce, verdict.createdS]
    const { pathname } = new URL(question.targetUri)
    const route = `${question.method} ${pathname}`
    if (route === 'POST /iso20022/messages') return this.#message(question, nonce)
    if (route === 'POST /iso20022/mandates')
      return isType(question, 'application/json')
        ? createMandate(this.#bank, question.body, nonce)
        : this.#after(nonce, wrongType())
    if (route === 'GET /iso20022/heartbeat')
      return this.#after(nonce, jsonReply(200, { status: 'available', time: new Date(clock.nowMs()).toISOString() }))
    const [, account, date] = /^GET \/iso20022\/statements\/([A-Z0-9]{1,34})\/([0-9-]{1,10})$/.exec(route) ?? []
    if (account !== undefined && date !== undefined) {
      const { searchParams } = new URL(question.targetUri)
      return this.#after(nonce, answerStatement(this.#bank, account, date, searchParams))
    }
    const mandateId = /^DELETE \/iso20022\/mandates\/([A-Za-z0-9]{1,35})$/.exec(route)?.[1]
    if (mandateId !== undefined) return endMandate(this.#bank, mandateId, nonce)
    return this.#after(nonce, jsonReply(404, { code: 'NOT_FOUND', message: 'no such resource' }))
  }

  async #message(question: SignedRequest, nonce: Nonce): Promise<Answer> {
    if (!isType(question, 'application/xml')) return this.#after(nonce, wrongType())
    const message = receive(question.body)
    const now = this.#bank.clock.nowMs()
    switch (message.kind) {
      case 'payment': {
        const answer = await this.#payments.take(message, nonce)
        if (now < this.#bank.state.outage.untilMs) await this.outageChanged()
        return answer
      }
      case 'inquiry':
        return answerInquiry(this.#bank, message, nonce)
      case 'unreadable':
        return this.#after(nonce, xmlReply(400, unreadableNotice(now, message.why)))
      case 'malformed': {
        const { code, path, text } = message.fault
        this.#log('malformed', { name: message.name, code, path, text })
        // Refusing a message id is final for that id: it may not have been used, and cannot be from now on
        const used = this.#bank.state.byMessageId.has(message.messageId)
        const reply = used
          ? xmlReply(
              409,
              groupRejection(now, message.messageId, message.name, 'DU03', 'this message id was used before'),
            )
          : xmlReply(400, groupRejection(now, message.messageId, message.name, code, `${path}: ${text}`))
        if (message.messageId !== 'NOTPROVIDED') this.#bank.record({ refusedMessage: message.messageId })
        return this.#after(nonce, reply)
      }
      default:
        return assertNever(message)
    }
  }

  async #after(nonce: Nonce, answer: Answer): Promise<Answer> {
    this.#bank.record({ nonce })
    await this.#bank.durable()
    return answer
  }

  #fingerprintOf({ socket }: IncomingMessage): string {
    const known = this.#fingerprints.get(socket)
    if (known !== undefined) return known
    if (!(socket instanceof TLSSocket)) return ''
    const fingerprint = (socket.getPeerX509Certificate()?.fingerprint256 ?? '').replaceAll(':', '').toLowerCase()
    this.#fingerprints.set(socket, fingerprint)
    return fingerprint
  }
}

const tooLarge = () => jsonReply(413, { code: 'TOO_LARGE', message: 'a message has at most 64 KiB' })
const wrongType = () =>
  jsonReply(415, { code: 'WRONG_TYPE', message: 'the content type is not the one of this resource' })

function isType(question: SignedRequest, type: string): boolean {
  const [name = '', ...parameters] = (question.headers['content-type'] ?? '').toLowerCase().split(';')
  return name.trim() === type && parameters.every((one) => /^\s*charset="?utf-8"?\s*$/.test(one))
}

function lowerHeaders(request: IncomingMessage): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  return headers
}

/** null when it is longer than a message may be; the rest of it is read and dropped. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | null> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) throw new TypeError('the body is read as bytes')
    size += part.length
    if (size > XML_LIMIT_BYTES * 16) throw new RangeError('a body far beyond the limit')
    if (size <= XML_LIMIT_BYTES) parts.push(part)
  }
  return size > XML_LIMIT_BYTES ? null : Buffer.concat(parts)
}
