import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { MerchantPayment, Problem, RefundView } from '../../src/contract/index.ts'
import { Surprise, type Patience } from './patience.ts'

const CALL_TIMEOUT_MS = 10_000

/** Answers that say "later", not "no". */
const LATER = new Set([408, 425, 429, 500, 502, 503, 504])

type Call = { method: 'GET' | 'POST'; url: string; bearer: string; body?: object; key?: string }

/** Calls until there is an answer that stands; a POST goes out again under the same Idempotency-Key. */
async function call<T>(
  patience: Patience,
  what: string,
  schema: z.ZodType<T>,
  { method, url, bearer, body, key }: Call,
) {
  return patience.until(what, async () => {
    const response = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    const answer: unknown = await response.json()
    if (response.ok) return schema.parse(answer)
    const problem = Problem.safeParse(answer)
    if (LATER.has(response.status) || problem.data?.retryable === true) return undefined
    const why = problem.data === undefined ? JSON.stringify(answer) : `${problem.data.code}: ${problem.data.detail}`
    throw new Surprise(`${method} ${url} was refused with ${response.status} (${why}).`)
  })
}

/** A merchant's server, speaking REST with its secret key. */
export class MerchantServer {
  readonly id: string
  readonly name: string
  readonly #secretKey: string
  readonly #bridge: string
  readonly #patience: Patience

  constructor(options: { id: string; name: string; secret_key: string }, bridge: string, patience: Patience) {
    this.id = options.id
    this.name = options.name
    this.#secretKey = options.secret_key
    this.#bridge = bridge
    this.#patience = patience
  }

  /** A payment to be paid by QR, and what the QR says. */
  async createPayment(order: {
    amount: string
    currency: string
    order_ref: string
    description: string
    capture_method?: 'manual'
    store?: string
  }) {
    const what = `${this.name} to create a payment`
    const payment = await call(this.#patience, what, MerchantPayment, {
      method: 'POST',
      url: `${this.#bridge}/payments`,
      bearer: this.#secretKey,
      body: { ...order, method: { type: 'qr' } },
      key: randomUUID(),
    })
    if (payment.qr === undefined) throw new Surprise(`The payment ${payment.id} came without a QR code.`)
    return { payment, payload: payment.qr.payload }
  }

  /** Gives a payment back, or part of it. */
  refund(body: { payment: string; amount?: string }): Promise<RefundView> {
    const url = `${this.#bridge}/refunds`
    const what = `${this.name} to refund ${body.payment}`
    return call(this.#patience, what, RefundView, {
      method: 'POST',
      url,
      bearer: this.#secretKey,
      body,
      key: randomUUID(),
    })
  }

  readRefund(id: string): Promise<RefundView> {
    const url = `${this.#bridge}/refunds/${id}`
    return call(this.#patience, `${this.name} to read ${id}`, RefundView, {
      method: 'GET',
      url,
      bearer: this.#secretKey,
    })
  }

  /** Takes all that is held. */
  capture(id: string): Promise<MerchantPayment> {
    return call(this.#patience, `${this.name} to capture ${id}`, MerchantPayment, {
      method: 'POST',
      url: `${this.#bridge}/payments/${id}/capture`,
      bearer: this.#secretKey,
      body: {},
      key: randomUUID(),
    })
  }

  readPayment(id: string): Promise<MerchantPayment> {
    const url = `${this.#bridge}/payments/${id}`
    return call(this.#patience, `${this.name} to read ${id}`, MerchantPayment, {
      method: 'GET',
      url,
      bearer: this.#secretKey,
    })
  }
}

const Book = z.object({
  data: z.array(
    z.object({
      reference: z.string(),
      operation: z.string(),
      amount: z.string(),
      currency: z.string(),
      account: z.string(),
      effect: z.enum(['moved', 'returned']),
    }),
  ),
})
export type BookLine = z.infer<typeof Book>['data'][number]
const Messages = z.object({ data: z.array(z.object({ phone: z.string(), text: z.string(), at: z.string() })) })

export type Control = { control: string; control_token: string }

/** What a rail's own book says of a reference: how often money really moved. */
export async function bookOf(patience: Patience, rail: Control, reference: string): Promise<BookLine[]> {
  const url = `${rail.control}/book?reference=${reference}`
  const get = { method: 'GET', url, bearer: rail.control_token } as const
  return (await call(patience, 'a rail to show its book', Book, get)).data
}

/** The bank ends what it has left pending, once: asked again, nothing is pending any more. */
export async function decideAtBank(
  patience: Patience,
  bank: Control,
  decision: { reference: string; outcome: 'settled' | 'declined' },
): Promise<void> {
  await patience.until('the bank to decide', async () => {
    const response = await fetch(`${bank.control}/decide`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bank.control_token}`, 'content-type': 'application/json' },
      body: JSON.stringify(decision),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    await response.body?.cancel()
    return response.ok || response.status === 409 ? true : undefined
  })
}

/** Texts of the messages the operator sent to a phone, newest first. */
export async function smsTo(patience: Patience, operator: Control, phone: string): Promise<string[]> {
  const url = `${operator.control}/sms?phone=${encodeURIComponent(phone)}`
  const get = { method: 'GET', url, bearer: operator.control_token } as const
  return (await call(patience, 'the operator to show its messages', Messages, get)).data.map(({ text }) => text)
}
