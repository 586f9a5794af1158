import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { SimProcess } from './sim-process.ts'

/** The operator as a process, a client of it that speaks plain HTTP, and a place that takes its events. */

export type Seen = { target: string; headers: Record<string, string>; body: string }
export type Said = { status: number; headers: Headers; text: string; body: unknown }

const Token = z.object({ access_token: z.string() })
const BookLine = z.strictObject({
  reference: z.string(),
  operation: z.enum(['collect', 'refund']),
  amount: z.string(),
  currency: z.string(),
  account: z.string(),
  effect: z.enum(['moved', 'returned']),
  at: z.iso.datetime(),
  times_requested: z.number(),
  original: z.string().optional(),
})
export type OperatorLine = z.infer<typeof BookLine>
const Book = z.strictObject({ data: z.array(BookLine) })
const Inbox = z.object({ data: z.array(z.object({ phone: z.string(), text: z.string() })) })
const Id = z.object({ id: z.string() })

export const SCOPES = [
  'carrier-billing:payments:create',
  'carrier-billing:payments:write',
  'carrier-billing:payments:read',
  'carrier-billing-refund:refunds:create',
  'carrier-billing-refund:refunds:read',
  'sim-swap:retrieve-date',
].join(' ')

export const PAYMENTS = '/carrier-billing/v0.5/payments'
export const refundsOf = (paymentId: string) => `/carrier-billing-refund/v0.3/payments/${paymentId}/refunds`

/** A member of something parsed, or undefined. */
export function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, name) : undefined),
    value,
  )
}

let references = 0
/** As ours are: ≤ 30 of [A-Za-z0-9]. */
export function newReference(suffix: 'CO01' | 'RF01' = 'CO01'): string {
  references += 1
  return `${randomBytes(9).toString('hex')}${String(references).padStart(4, '0')}${suffix}`
}

export class CamaraStage {
  readonly operator: SimProcess
  readonly failpoints: string
  readonly events: Seen[] = []
  /** What the next events are answered; 204 when it runs out. */
  readonly replies: number[] = []
  readonly client = { client_id: 'mooring', client_secret: randomBytes(24).toString('base64url') }
  readonly keysDir: string
  /** Told of each event instead of `replies`. */
  onEvent: ((seen: Seen) => Promise<number>) | null = null
  readonly #directory: string
  readonly #sink: Server
  readonly #controlToken = randomBytes(24).toString('base64url')
  #token: Promise<string> | null = null

  private constructor(directory: string, sink: Server, env: Record<string, string>) {
    this.#directory = directory
    this.#sink = sink
    this.keysDir = join(directory, 'hub')
    this.failpoints = join(directory, 'failpoints')
    const keys = join(directory, 'keys')
    for (const dir of [keys, this.keysDir, this.failpoints]) mkdirSync(dir)
    writeFileSync(join(keys, 'client.json'), JSON.stringify(this.client))
    writeFileSync(join(keys, 'control.token'), this.#controlToken)
    writeFileSync(join(this.keysDir, 'camara.json'), JSON.stringify(this.client))
    this.operator = new SimProcess('sim/camara/main.ts', {
      SIM_KEYS: keys,
      SIM_DATA: join(directory, 'data'),
      SIM_FAILPOINTS: this.failpoints,
      SIM_ALLOW_HTTP_LOOPBACK: '1',
      ...env,
    })
    sink.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const headers = Object.fromEntries(
          Object.entries(request.headersDistinct).map(([name, values]) => [name, values?.join(', ') ?? '']),
        )
        const seen = {
          target: new URL(request.url ?? '', this.sinkUrl).href,
          headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }
        this.events.push(seen)
        const verdict = this.onEvent?.(seen) ?? Promise.resolve(this.replies.shift() ?? 204)
        void verdict.then((status) => response.writeHead(status).end())
      })
    })
  }

  static async open(env: Record<string, string> = {}): Promise<CamaraStage> {
    const sink = createServer()
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
    const stage = new CamaraStage(mkdtempSync(join(tmpdir(), 'mooring-camara-')), sink, env)
    await stage.operator.start()
    return stage
  }

  async close(): Promise<void> {
    if (this.operator.alive) await this.operator.terminate()
    this.#sink.close()
    this.#sink.closeAllConnections()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** The book's file. */
  get log(): string {
    return join(this.#directory, 'data/billing.jsonl')
  }

  get url(): string {
    return `http://127.0.0.1:${this.operator.port}`
  }

  /** Where events are taken, without query. */
  get sinkUrl(): string {
    const address = this.#sink.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return `http://127.0.0.1:${port}/v1/rails/camara/callbacks`
  }

  /** kill -9, and up again on the same data and port. */
  async crash(): Promise<void> {
    await this.operator.kill()
    await this.operator.start()
    this.#token = null
  }

  async token(scope = SCOPES): Promise<string> {
    const basic = Buffer.from(`${this.client.client_id}:${this.client.client_secret}`).toString('base64')
    const response = await fetch(`${this.url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
    })
    return Token.parse(await response.json()).access_token
  }

  /** A token that died meanwhile (a shifted clock, a crash) is fetched again, unless the test brought its own. */
  async call(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Said> {
    const token = (this.#token ??= this.token())
    const said = await this.#once(method, path, body, await token, headers)
    if (said.status !== 401 || headers['authorization'] !== undefined) return said
    if (this.#token === token) this.#token = this.token()
    return this.#once(method, path, body, await this.#token, headers)
  }

  async #once(
    method: string,
    path: string,
    body: unknown,
    token: string,
    headers: Record<string, string>,
  ): Promise<Said> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: text === '' ? null : parsed(text) }
  }

  async control(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.operator.controlPort}/control/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#controlToken}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : parsed(text) }
  }

  async rule(match: object, fault: object, times?: number): Promise<string> {
    const made = await this.control('POST', 'rules', { match, fault, ...(times === undefined ? {} : { times }) })
    if (made.status !== 201) throw new Error(`rule refused: ${JSON.stringify(made.body)}`)
    return Id.parse(made.body).id
  }

  async book(reference: string): Promise<OperatorLine[]> {
    return Book.parse((await this.control('GET', `book?reference=${reference}`)).body).data
  }

  async wholeBook(): Promise<OperatorLine[]> {
    return Book.parse((await this.control('GET', 'book')).body).data
  }

  /** The newest code sent to a phone. */
  async code(phone: string): Promise<string> {
    const inbox = Inbox.parse((await this.control('GET', `sms?phone=${encodeURIComponent(phone)}`)).body)
    return /\d{6}/.exec(inbox.data[0]?.text ?? '')?.[0] ?? ''
  }

  arm(name: string, content: object): void {
    writeFileSync(join(this.failpoints, name), JSON.stringify(content))
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A request body of create and prepare. */
export function paymentRequest(
  reference: string,
  over: { phone?: string; amount?: number; currency?: string; sink?: string; merchant?: string } = {},
) {
  const { phone = '+254700000001', amount = 12.5, currency = 'KES', sink, merchant } = over
  return {
    amountTransaction: {
      phoneNumber: phone,
      clientCorrelator: reference,
      paymentAmount: {
        chargingInformation: { amount, currency, description: 'Coffee', isTaxIncluded: true },
        ...(merchant === undefined ? {} : { chargingMetaData: { merchantName: 'M', merchantIdentifier: merchant } }),
      },
      referenceCode: reference,
    },
    ...(sink === undefined
      ? {}
      : {
          sink: `${sink}?ref=${reference}`,
          sinkCredential: {
            credentialType: 'ACCESSTOKEN',
            accessToken: `token-${reference}`,
            accessTokenExpiresUtc: '2099-01-01T00:00:00Z',
            accessTokenType: 'bearer',
          },
        }),
  }
}
