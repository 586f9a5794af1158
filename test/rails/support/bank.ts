import 'reflect-metadata'
import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { pino } from 'pino'
import { makeIso20022Rail, readIso20022Keys, type Iso20022Config } from '../../../src/rails/iso20022/index.ts'
import type { BankRail, HttpMessage, RailOrder } from '../../../src/rails/port.ts'

/**
 * A bank of the test's own: a real TLS server with a script for its answers,
 * and its own hand at signing, so that no mistake of the connector's is repeated here.
 */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

export type Authority = { certificate: string; issue(name: string): Promise<{ certificate: string; key: string }> }

export async function makeAuthority(name: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) }
  const ca = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
    ...validity,
  })
  return {
    certificate: ca.toString('pem'),
    issue: async (subject) => {
      const leaf = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${subject}`,
        issuer: ca.subject,
        signingKey: keys.privateKey,
        publicKey: leaf.publicKey,
        signingAlgorithm: ALGORITHM,
        extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: subject }])],
        ...validity,
      })
      const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', leaf.privateKey)).toString('base64')
      return {
        certificate: certificate.toString('pem'),
        key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replaceAll(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
      }
    },
  }
}

export function ed25519(id: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    id,
    privateKey,
    privateJwk: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: id }),
    publicJwk: JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid: id }),
  }
}

export type Signing = {
  key: KeyObject
  keyId: string
  createdS: number
  expiresS?: number
  alg?: string
  tag?: string
  nonce?: string | null
  /** Components left out of the signature. */
  without?: string[]
}

/** Signature headers over lines `identifier: value`, written out by hand (RFC 9421 §2.5). */
export function signLines(lines: [string, string][], signing: Signing): Record<string, string> {
  const covered = lines.filter(([identifier]) => signing.without?.includes(identifier) !== true)
  const nonce = signing.nonce === undefined ? randomBytes(16).toString('base64url') : signing.nonce
  const parameters =
    `(${covered.map(([identifier]) => identifier).join(' ')});created=${signing.createdS}` +
    `;expires=${signing.expiresS ?? signing.createdS + 300}${nonce === null ? '' : `;nonce="${nonce}"`}` +
    `;keyid="${signing.keyId}";alg="${signing.alg ?? 'ed25519'}";tag="${signing.tag ?? 'mooring-iso20022'}"`
  const base = [
    ...covered.map(([identifier, value]) => `${identifier}: ${value}`),
    `"@signature-params": ${parameters}`,
  ]
  const signature = sign(null, Buffer.from(base.join('\n')), signing.key).toString('base64')
  return { 'signature-input': `m=${parameters}`, signature: `m=:${signature}:` }
}

export const digest = (body: string | Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(body).digest('base64')}:`

/** A message that a bank posts to us, signed by hand. */
export function signedCallback(
  key: ReturnType<typeof ed25519>,
  targetUri: string,
  body: string,
  signing: Partial<Signing> = {},
): HttpMessage {
  const lines: [string, string][] = [
    ['"@method"', 'POST'],
    ['"@target-uri"', targetUri],
    ['"content-type"', 'application/xml'],
    ['"content-digest"', digest(body)],
  ]
  const by = { key: key.privateKey, keyId: key.id, createdS: Math.floor(Date.now() / 1000), ...signing }
  const headers = { 'content-type': 'application/xml', 'content-digest': digest(body), ...signLines(lines, by) }
  return { method: 'POST', targetUri, headers, body: Buffer.from(body) }
}

/** The question an answer is bound to, as the server saw it. */
export type Question = { method: string; targetUri: string; headers: Record<string, string>; body: Buffer }

export function signAnswer(
  answer: { status: number; contentType: string; body: string },
  question: Question,
  signing: Signing,
): Record<string, string> {
  const contentDigest = digest(answer.body)
  const lines: [string, string][] = [
    ['"@status"', String(answer.status)],
    ['"content-type"', answer.contentType],
    ['"content-digest"', contentDigest],
    ['"@method";req', question.method],
    ['"@target-uri";req', question.targetUri],
    ...(question.headers['content-digest'] === undefined
      ? []
      : ([['"content-digest";req', question.headers['content-digest']]] satisfies [string, string][])),
    ['"signature";req;key="m"', (question.headers['signature'] ?? '').slice(2)],
  ]
  return { 'content-type': answer.contentType, 'content-digest': contentDigest, ...signLines(lines, signing) }
}

/** What the bank does with a question, with `reply` to answer it signed. */
export type Script = (call: {
  question: Question
  socket: Socket
  response: ServerResponse
  /** Gives back the headers it sent. */
  reply(status: number, body: string, more?: Partial<Signing> & { contentType?: string }): Record<string, string>
}) => unknown

export type TestBank = {
  url: string
  port: number
  rail: BankRail
  keysDir: string
  bankKey: ReturnType<typeof ed25519>
  /** TLS connections that completed their handshake. */
  connections: Socket[]
  /** Bytes of HTTP the server has been sent, by whole requests. */
  questions: Question[]
  script: Script
  makeRail(more?: Partial<Iso20022Config>): BankRail
  close(): Promise<void>
}

export async function startBank(
  options: { serverAuthority?: Authority; clientAuthority?: Authority } = {},
): Promise<TestBank> {
  const authority = await makeAuthority('Test CA')
  const server = await (options.serverAuthority ?? authority).issue('localhost')
  const client = await (options.clientAuthority ?? authority).issue('mooring')
  const bankKey = ed25519('bank-1')
  const ourKey = ed25519('mooring-1')
  const keysDir = mkdtempSync(join(tmpdir(), 'mooring-rail-'))
  const files: Record<string, string> = {
    'bank-ca.crt': authority.certificate,
    'bank-client.crt': client.certificate,
    'bank-client.key': client.key,
    'bank-sign.jwk.json': ourKey.privateJwk,
    'bank-verify.jwk.json': bankKey.publicJwk,
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(keysDir, name), content)

  const rails: BankRail[] = []
  const https = createServer({
    cert: server.certificate,
    key: server.key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
  })
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array)) // http gives Buffers
    } catch {
      return
    }
    const headers = Object.fromEntries(
      Object.entries(request.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
    )
    const question: Question = {
      method: request.method ?? '',
      targetUri: `https://${headers['host'] ?? ''}${request.url ?? ''}`,
      headers,
      body: Buffer.concat(chunks),
    }
    bank.questions.push(question)
    bank.script({
      question,
      socket: request.socket,
      response,
      reply: (status, body, more = {}) => {
        const { contentType = 'application/xml', ...signing } = more
        const nowS = Math.floor(Date.now() / 1000)
        const by = { key: bankKey.privateKey, keyId: bankKey.id, createdS: nowS, ...signing }
        const signed = signAnswer({ status, contentType, body }, question, by)
        response.writeHead(status, signed).end(body)
        return signed
      },
    })
  }
  https.on('request', (request: IncomingMessage, response: ServerResponse) => void handle(request, response))
  https.on('secureConnection', (socket) => {
    bank.connections.push(socket)
    socket.on('error', () => {})
  })
  https.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => {
    https.listen(0, 'localhost', resolve)
  })
  const port = (https.address() as AddressInfo).port // a TCP server's address
  const url = `https://localhost:${port}`

  const makeRail = (more: Partial<Iso20022Config> = {}): BankRail => {
    const rail = makeIso20022Rail({
      id: 'test-bank',
      baseUrl: url,
      callbackUrl: 'http://127.0.0.1:7200/v1/rails/iso20022/callbacks',
      platform: PLATFORM,
      keys: readIso20022Keys(keysDir),
      clock: { now: () => Date.now(), monotonic: () => performance.now() },
      log: pino({ level: 'silent' }),
      ...more,
    })
    rails.push(rail)
    return rail
  }
  const bank: TestBank = {
    url,
    port,
    rail: makeRail(),
    keysDir,
    bankKey,
    connections: [],
    questions: [],
    script: ({ response }) => void response.writeHead(500).end(),
    makeRail,
    close: async () => {
      https.closeAllConnections()
      await Promise.all(rails.map((rail) => rail.close()))
      await new Promise((resolve) => https.close(resolve))
      rmSync(keysDir, { recursive: true })
    },
  }
  return bank
}

export const PLATFORM = {
  name: 'Mooring',
  iban: 'DE19888888880000000001',
  bic: 'MOORDEFFXXX',
  customerBic: 'DEMODEFFXXX',
}

let orderNo = 0

export function makeOrder(more: Partial<RailOrder> = {}): RailOrder {
  return {
    operation: 'collect',
    step: 'submit',
    reference: `0abcdefghijklmnopqrs${String(++orderNo).padStart(2, '0')}CO01`,
    uetr: randomUUID(),
    amountMinor: 12_345n,
    currency: 'KES',
    dispatchedAtMs: Date.now(),
    sends: 1,
    account: { type: 'iban', iban: 'DE23999999990000000000', holder: 'Wanjiru Kamau' },
    mandate: { id: 'MNDT1', signedOn: '2026-11-01' },
    description: 'Order 7',
    merchant: null,
    original: null,
    memo: {},
    input: null,
    ...more,
  }
}

/** Parts of a pacs.002, each of which a test can bend; `null` leaves an element out. */
export type ReportParts = {
  messageId?: string
  statusId?: string
  originalMessageId?: string
  originalMessageName?: string
  instructionId?: string | null
  endToEndId?: string
  txId?: string
  uetr?: string
  status?: string | null
  reasons?: string[]
  proprietary?: string
  railReference?: string | null
  amount?: string | null
  currency?: string
}

/** A refund of a settled collect. */
export function makeRefund(collect: RailOrder, more: Partial<RailOrder> = {}): RailOrder {
  const { reference, uetr, amountMinor, dispatchedAtMs, memo } = collect
  return makeOrder({
    operation: 'refund',
    account: collect.account,
    currency: collect.currency,
    amountMinor,
    mandate: null,
    original: { reference, uetr, amountMinor, dispatchedAtMs, railReference: null, memo },
    ...more,
  })
}

const MESSAGE_NAMES = { collect: 'pacs.003.001.09', payOut: 'pacs.008.001.08', refund: 'pacs.004.001.11' } as const

export const messageName = (order: RailOrder): string => MESSAGE_NAMES[order.operation]

export function report(order: RailOrder, parts: ReportParts = {}): string {
  const { reference } = order
  // A return carries the ids of the collect it gives back, and no instruction.
  const original = order.original ?? order
  const tag = (name: string, text: string | null): string => (text === null ? '' : `<${name}>${text}</${name}>`)
  const reasons = [
    ...(parts.reasons ?? []).map(
      (code) => `<StsRsnInf><Rsn><Cd>${code}</Cd></Rsn><AddtlInf>said &amp; done</AddtlInf></StsRsnInf>`,
    ),
    ...(parts.proprietary === undefined
      ? []
      : [`<StsRsnInf><Rsn><Prtry>${parts.proprietary}</Prtry></Rsn></StsRsnInf>`]),
  ]
  const status = parts.status === undefined ? 'ACSC' : parts.status
  const railReference = parts.railReference === undefined ? 'ASREF1' : parts.railReference
  const amount = parts.amount === undefined ? '123.45' : parts.amount
  return document(
    `<GrpHdr><MsgId>${parts.messageId ?? 'BANKMSG1'}</MsgId><CreDtTm>2026-11-23T09:00:00.000Z</CreDtTm></GrpHdr>` +
      `<TxInfAndSts>${tag('StsId', parts.statusId ?? 'STS1')}` +
      `<OrgnlGrpInf>${tag('OrgnlMsgId', parts.originalMessageId ?? reference)}` +
      `${tag('OrgnlMsgNmId', parts.originalMessageName ?? messageName(order))}</OrgnlGrpInf>` +
      tag(
        'OrgnlInstrId',
        parts.instructionId === undefined ? (order.original === null ? reference : null) : parts.instructionId,
      ) +
      tag('OrgnlEndToEndId', parts.endToEndId ?? original.reference) +
      tag('OrgnlTxId', parts.txId ?? reference) +
      tag('OrgnlUETR', parts.uetr ?? original.uetr) +
      tag('TxSts', status) +
      reasons.join('') +
      tag('AcctSvcrRef', railReference) +
      (amount === null
        ? ''
        : `<OrgnlTxRef><IntrBkSttlmAmt Ccy="${parts.currency ?? order.currency}">${amount}</IntrBkSttlmAmt></OrgnlTxRef>`) +
      `</TxInfAndSts>`,
  )
}

/** Parts of a pacs.004 to us, as `ReportParts`. */
export type ReturnParts = {
  returnId?: string
  originalMessageId?: string
  originalMessageName?: string
  endToEndId?: string
  txId?: string
  uetr?: string
  originalAmount?: string
  amount?: string
  total?: string
  currency?: string
  reason?: string | null
  proprietary?: string
}

export function paymentReturn(order: RailOrder, parts: ReturnParts = {}): string {
  const { reference } = order
  const money = (name: string, text: string): string =>
    `<${name} Ccy="${parts.currency ?? order.currency}">${text}</${name}>`
  const amount = parts.amount ?? '123.45'
  const reason =
    parts.proprietary === undefined
      ? parts.reason === null
        ? ''
        : `<Rsn><Cd>${parts.reason ?? 'MD06'}</Cd></Rsn>`
      : `<Rsn><Prtry>${parts.proprietary}</Prtry></Rsn>`
  return (
    `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.11"><PmtRtr>` +
    `<GrpHdr><MsgId>BANKMSG2</MsgId><CreDtTm>2026-11-23T09:00:00.000Z</CreDtTm><NbOfTxs>1</NbOfTxs>` +
    `${money('TtlRtrdIntrBkSttlmAmt', parts.total ?? amount)}<IntrBkSttlmDt>2026-11-23</IntrBkSttlmDt>` +
    `<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr><TxInf><RtrId>${parts.returnId ?? 'RTR1'}</RtrId>` +
    `<OrgnlGrpInf><OrgnlMsgId>${parts.originalMessageId ?? reference}</OrgnlMsgId>` +
    `<OrgnlMsgNmId>${parts.originalMessageName ?? messageName(order)}</OrgnlMsgNmId></OrgnlGrpInf>` +
    `<OrgnlEndToEndId>${parts.endToEndId ?? reference}</OrgnlEndToEndId><OrgnlTxId>${parts.txId ?? reference}</OrgnlTxId>` +
    `<OrgnlUETR>${parts.uetr ?? order.uetr}</OrgnlUETR>` +
    money('OrgnlIntrBkSttlmAmt', parts.originalAmount ?? '123.45') +
    money('RtrdIntrBkSttlmAmt', amount) +
    `<IntrBkSttlmDt>2026-11-23</IntrBkSttlmDt><RtrRsnInf>${reason}</RtrRsnInf></TxInf></PmtRtr></Document>`
  )
}

export function groupReport(parts: {
  messageId: string
  messageName: string
  status?: string
  reasons: string[]
}): string {
  return document(
    `<GrpHdr><MsgId>BANKMSG1</MsgId><CreDtTm>2026-11-23T09:00:00Z</CreDtTm></GrpHdr>` +
      `<OrgnlGrpInfAndSts><OrgnlMsgId>${parts.messageId}</OrgnlMsgId><OrgnlMsgNmId>${parts.messageName}</OrgnlMsgNmId>` +
      `<GrpSts>${parts.status ?? 'RJCT'}</GrpSts>` +
      parts.reasons.map((code) => `<StsRsnInf><Rsn><Cd>${code}</Cd></Rsn></StsRsnInf>`).join('') +
      `</OrgnlGrpInfAndSts>`,
  )
}

function document(content: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.12">` +
    `<FIToFIPmtStsRpt>${content}</FIToFIPmtStsRpt></Document>`
  )
}
