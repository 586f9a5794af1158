import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { DevJson } from '../../../tools/dev-json.ts'
import { compactJws, makeKey, random, sha256, type DeviceKey, type Json, type Signer } from './raw-key.ts'
import { granted, http, otpOf, text } from './raw-rest.ts'
import { RawSocket, type Reply } from './raw-socket.ts'

/**
 * A phone that speaks the wire by hand, from the protocol's text alone: nothing
 * of the SDK, so that none of its habits hides a fault of the servers.
 */

const Payment = z.looseObject({ id: z.string(), status: z.string(), version: z.number().int() })
export type Payment = z.infer<typeof Payment>

const TERMINAL = new Set(['succeeded', 'failed', 'canceled', 'expired'])
const LATER = new Set(['rate_limited', 'overloaded'])
/** 50 commands a second are everybody's: so long until there is room for some. */
const CATCH_BREATH_MS = 400

/** What a payer says yes to. */
export type Order = {
  kind: 'purchase' | 'transfer' | 'topup' | 'withdrawal'
  subject: { payment: string } | { key: string }
  payee: string
  amount: string
  source: string
  order_ref?: string
}

type Enrolled = { user: string; device: string; restrictedUntil: string }

export function randomNumber(): string {
  return `+2547${String(Math.floor(Math.random() * 1e8)).padStart(8, '0')}`
}

/** German IBAN of an account nobody has, ISO 13616 check digits. */
export function randomIban(): string {
  const account = `66666666${String(Math.floor(Math.random() * 1e10)).padStart(10, '0')}`
  const check = 98n - (BigInt(`${account}131400`) % 97n)
  return `DE${check.toString().padStart(2, '0')}${account}`
}

/** Proves the number and the key; what POST /enrolments and its verify answer. */
async function enrol(dev: DevJson, number: string, key: DeviceKey): Promise<Enrolled> {
  const body = { phone: number, device: { name: 'raw phone', public_key: key.publicJwk } }
  const enrolment = text(granted(await http(`${dev.bridge}/enrolments`, { body })), 'id')
  const otp = await otpOf(dev, number)
  const proof = await enrolProof(key, enrolment)
  const made = granted(await http(`${dev.bridge}/enrolments/${enrolment}/verify`, { body: { otp, proof } }))
  return {
    user: text(made, 'user'),
    device: text(made, 'device'),
    restrictedUntil: z.string().default('').parse(made['restricted_until']),
  }
}

export function enrolProof(key: DeviceKey, enrolment: string, header: Json = {}): Promise<string> {
  const claims = { aud: 'mooring:enrol', enrolment }
  return compactJws({ alg: 'ES256', typ: 'mooring-proof+jwt', ...header }, claims, key.sign)
}

export async function freshNonce(dev: DevJson): Promise<string> {
  return text(granted(await http(`${dev.bridge}/nonces`, { method: 'POST' })), 'nonce')
}

export class RawPhone {
  readonly dev: DevJson
  readonly number: string
  readonly key: DeviceKey
  readonly user: string
  readonly device: string
  /** Empty where it is not restricted. */
  readonly restrictedUntil: string
  /** An account at the demo bank that nobody else uses. */
  readonly account = randomIban()
  token = ''
  /** The linked account, once linked. */
  source = ''
  #socket: RawSocket | undefined

  private constructor(dev: DevJson, number: string, key: DeviceKey, enrolled: Enrolled) {
    this.dev = dev
    this.number = number
    this.key = key
    this.user = enrolled.user
    this.device = enrolled.device
    this.restrictedUntil = enrolled.restrictedUntil
  }

  /** A new phone with a new number, or a further phone of a number. */
  static async make(dev: DevJson, number = randomNumber()): Promise<RawPhone> {
    const key = await makeKey()
    const phone = new RawPhone(dev, number, key, await enrol(dev, number, key))
    await phone.renew()
    await phone.connect()
    return phone
  }

  /** Gets an access token, a newer one where there is one. */
  async renew(): Promise<void> {
    const proof = await this.tokenProof(await freshNonce(this.dev))
    const body = { device: this.device, proof }
    this.token = text(granted(await http(`${this.dev.bridge}/tokens`, { body })), 'access_token')
  }

  get socket(): RawSocket {
    if (this.#socket === undefined) throw new Error('this phone is offline')
    return this.#socket
  }

  /** Opens the phone's socket up to `ready`. */
  async connect(feeds?: Json, edge = this.dev.edge[0]): Promise<Json> {
    const socket = await RawSocket.open(edge ?? '')
    socket.send(await this.hello(socket, feeds === undefined ? {} : { feeds }))
    this.#socket = socket
    return socket.frame('ready', (frame) => frame['t'] === 'ready')
  }

  /** The hello for this socket's challenge. */
  async hello(socket: RawSocket, more: Json = {}, claims: Json = {}): Promise<Json> {
    const { nonce } = await socket.frame('challenge', (frame) => frame['t'] === 'challenge')
    const proof = await this.proof({ aud: 'mooring:socket', nonce, ath: await sha256(this.token), ...claims })
    return { t: 'hello', token: this.token, proof, agent: 'raw/1.0', ...more }
  }

  tokenProof(nonce: string, more: Json = {}): Promise<string> {
    return this.proof({ aud: 'mooring:token', sub: this.device, nonce, ...more })
  }

  proof(claims: Json, header: Json = {}): Promise<string> {
    return this.sign('mooring-proof+jwt', claims, header)
  }

  sign(typ: string, claims: Json, header: Json = {}, signer: Signer = this.key.sign): Promise<string> {
    return compactJws({ alg: 'ES256', typ, kid: this.device, ...header }, claims, signer)
  }

  /** The claims of a confirmation that is right in everything. */
  claims(order: Order): Json {
    const { subject, amount, order_ref, ...rest } = order
    return {
      aud: 'mooring:confirm',
      env: 'test',
      sub: this.user,
      device: this.device,
      ...rest,
      ...subject,
      amount,
      currency: this.dev.currency,
      payer_fee: '0',
      total: amount,
      capture_method: 'automatic',
      ...(order_ref === undefined ? {} : { order_ref }),
      jti: random(18),
      exp: inSeconds(120),
    }
  }

  confirmation(order: Order, more: Json = {}): Promise<string> {
    return this.sign('mooring-confirm+jwt', { ...this.claims(order), ...more })
  }

  /** The signature over a `source.link`, whose body is flat: its canonical JSON is its fields sorted. */
  async action(body: Json, more: Json = {}): Promise<string> {
    const sorted = Object.fromEntries(Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    const claims = {
      aud: 'mooring:action',
      sub: this.user,
      device: this.device,
      name: 'source.link',
      body: await sha256(JSON.stringify(sorted)),
      jti: random(18),
      exp: inSeconds(120),
    }
    return this.sign('mooring-action+jwt', { ...claims, ...more })
  }

  /** One command, one reply; told to come later, it does, not too soon (these two answers are never stored). */
  async ask(name: unknown, body: unknown, key?: unknown): Promise<Reply> {
    for (;;) {
      const reply = await this.socket.command(name, body, key)
      if (reply.error === undefined || !LATER.has(reply.error.code)) return reply
      await delay((reply.error.retry_after_ms ?? 0) + CATCH_BREATH_MS)
    }
  }

  /** As `ask`, and again while the answer is that it is still undecided: gives the one that stands. */
  async insist(name: string, body: unknown, key: string): Promise<Reply> {
    for (;;) {
      const reply = await this.ask(name, body, key)
      if (reply.error?.code !== 'in_flight') return reply
      await delay(reply.error.retry_after_ms ?? 0)
    }
  }

  /** The body of a command that must be granted. */
  async must(name: string, body: unknown, key?: string): Promise<Json> {
    const reply = await this.ask(name, body, key)
    if (!reply.ok) throw new Error(`${name}: ${JSON.stringify(reply.error)}`)
    return z.record(z.string(), z.unknown()).parse(reply.body)
  }

  /** A body of transfer.create, signed. */
  async transferBody(to: string, amount: string, key: string, more: Json = {}): Promise<Json> {
    const confirmation = await this.confirmation(
      { kind: 'transfer', subject: { key }, payee: to, amount, source: 'wallet' },
      more,
    )
    return { to, amount, currency: this.dev.currency, confirmation }
  }

  /** A body of topup.create or withdrawal.create, signed. */
  async ownBody(
    kind: 'topup' | 'withdrawal',
    source: string,
    amount: string,
    key: string,
    more: Json = {},
  ): Promise<Json> {
    const confirmation = await this.confirmation({ kind, subject: { key }, payee: 'self', amount, source }, more)
    return { source, amount, currency: this.dev.currency, confirmation }
  }

  async transfer(to: string, amount: string): Promise<Payment> {
    const key = random(18)
    const made = Payment.parse(await this.must('transfer.create', await this.transferBody(to, amount, key), key))
    return this.settled(made.id)
  }

  async topUp(amount: string): Promise<Payment> {
    const key = random(18)
    const made = Payment.parse(
      await this.must('topup.create', await this.ownBody('topup', this.source, amount, key), key),
    )
    return this.settled(made.id)
  }

  async link(): Promise<void> {
    const body = { type: 'bank', bank: this.dev.sim.bank.bank, account: this.account }
    const made = await this.must('source.link', { ...body, action: await this.action(body) }, random(18))
    this.source = text(made, 'id')
  }

  /** Waits for the event that ends a payment. */
  async settled(id: string): Promise<Payment> {
    const frame = await this.socket.frame(`the end of ${id}`, ({ name, body }) => {
      if (name !== 'payment.updated' || typeof body !== 'object' || body === null) return false
      return 'id' in body && body.id === id && TERMINAL.has(Payment.parse(body).status)
    })
    return Payment.parse(frame['body'])
  }
}

export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds
}

/** A refusal in one word, for tables: `code` or `code param`. */
export function fault(reply: Reply): string {
  if (reply.error === undefined) return 'granted'
  return reply.error.param === undefined ? reply.error.code : `${reply.error.code} ${reply.error.param}`
}

export function codeOf(reply: Reply): string {
  return reply.error?.code ?? 'granted'
}

export function paymentOf(reply: Reply): Payment {
  if (!reply.ok) throw new Error(JSON.stringify(reply.error))
  return Payment.parse(reply.body)
}
