import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { SimProcess } from './sim-process.ts'

/** A mobile money operator as a process, a client that writes requests by hand, and a place that takes its callbacks. */

export const MONEY = {
  client_id: 'stage-client',
  client_secret: 'stage-client-secret-0',
  api_key: 'stage-api-key-of-ours',
  callback_api_key: 'stage-key-of-the-operator',
  account_id: 'mooring',
}
const CONTROL_TOKEN = 'control-token-of-the-stage'

export type MoneyAnswer = { status: number; headers: Headers; text: string; body: Json }
/** JSON whose members a test looks at by name. */
export type Json = { readonly [name: string]: unknown }
export type MoneyCallback = {
  ref: string
  headers: IncomingHttpHeaders
  text: string
  body: Json
  distrust: string | null
}

const Answer = z.record(z.string(), z.unknown()).catch({})
const BookLine = z.strictObject({
  reference: z.string(),
  operation: z.enum(['collect', 'payOut', 'refund']),
  amount: z.string(),
  currency: z.string(),
  account: z.string(),
  effect: z.enum(['moved', 'returned']),
  at: z.iso.datetime(),
  times_requested: z.number(),
  original: z.string().optional(),
})
export type MoneyBookLine = z.infer<typeof BookLine>

export type MoneyRequest = { path: string; body: Json; correlationId: string; reference: string }

/** A request as the profile wants it; parts of its body can be bent. */
export function moneyRequest(type: 'merchantpay' | 'disbursement', over: Json = {}): MoneyRequest {
  const reference = `s${randomBytes(8).toString('hex')}`
  const customer = [{ key: 'msisdn', value: '+254700000001' }]
  const own = [{ key: 'accountid', value: MONEY.account_id }]
  const [debitParty, creditParty] = type === 'merchantpay' ? [customer, own] : [own, customer]
  const body = {
    amount: '125.50',
    currency: 'KES',
    debitParty,
    creditParty,
    requestingOrganisationTransactionReference: reference,
    descriptionText: 'Order 7',
    requestDate: new Date().toISOString(),
    ...over,
  }
  return { path: `/transactions/type/${type}`, body, correlationId: randomUUID(), reference }
}

export const collectFrom = (msisdn: string, over: Json = {}): MoneyRequest =>
  moneyRequest('merchantpay', { debitParty: [{ key: 'msisdn', value: msisdn }], ...over })

export function reversalOf(transactionReference: string, over: Json = {}): MoneyRequest {
  const reference = `r${randomBytes(8).toString('hex')}`
  const body = { type: 'reversal', requestingOrganisationTransactionReference: reference, ...over }
  return { path: `/transactions/${transactionReference}/reversals`, body, correlationId: randomUUID(), reference }
}

export const magic = (nn: string): string => `+999555000${nn}`

export class GsmaStage {
  readonly operator: SimProcess
  readonly callbacks: MoneyCallback[] = []
  /** What the next callbacks are answered, 204 when it runs out. */
  readonly replies: number[] = []
  readonly #directory: string
  readonly #sink: Server
  readonly #callbackUrl: string
  #token: string | null = null

  private constructor(directory: string, sink: Server, operator: SimProcess, callbackUrl: string) {
    this.#directory = directory
    this.#sink = sink
    this.operator = operator
    this.#callbackUrl = callbackUrl
  }

  static async open(): Promise<GsmaStage> {
    const directory = mkdtempSync(join(tmpdir(), 'mooring-gsma-'))
    const keys = join(directory, 'keys')
    mkdirSync(keys)
    writeFileSync(join(keys, 'client.json'), JSON.stringify(MONEY))
    writeFileSync(join(keys, 'control.token'), CONTROL_TOKEN)
    const sink = createServer()
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
    const { port } = sink.address() as AddressInfo // a TCP server's address
    const callbackUrl = `http://127.0.0.1:${port}/v1/rails/gsma/callbacks`
    const settings = { SIM_KEYS: keys, SIM_DATA: join(directory, 'data'), SIM_CALLBACK_URL: callbackUrl }
    const operator = new SimProcess('sim/gsma/main.ts', settings)
    await operator.start()
    const stage = new GsmaStage(directory, sink, operator, callbackUrl)
    stage.#take()
    return stage
  }

  async close(): Promise<void> {
    if (this.operator.alive) await this.operator.terminate()
    this.#sink.close()
    this.#sink.closeAllConnections()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  get log(): string {
    return join(this.#directory, 'data', 'money.jsonl')
  }

  async restart(): Promise<void> {
    await this.operator.start()
    this.#token = null
  }

  callbackUrlFor(reference: string): string {
    return `${this.#callbackUrl}?ref=${reference}`
  }

  async token(): Promise<string> {
    if (this.#token !== null) return this.#token
    const response = await this.askToken({ grant_type: 'client_credentials' })
    this.#token = z.object({ access_token: z.string() }).parse(await response.json()).access_token
    return this.#token
  }

  askToken(form: Record<string, string>, secret = MONEY.client_secret): Promise<Response> {
    return fetch(this.#at('/oauth2/token'), {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${MONEY.client_id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams(form),
    })
  }

  /** `headers` replace those of the profile; null leaves one out. `raw` replaces the body's bytes. */
  async post(
    request: MoneyRequest,
    over: { headers?: Record<string, string | null>; raw?: string; timeoutMs?: number } = {},
  ): Promise<MoneyAnswer> {
    const body = over.raw ?? JSON.stringify(request.body)
    const headers = {
      ...(await this.#common()),
      'content-type': 'application/json',
      'x-correlationid': request.correlationId,
      'x-callback-url': this.callbackUrlFor(request.reference),
      'x-content-hash': createHash('sha256').update(body).digest('hex'),
      ...over.headers,
    }
    return read(
      await fetch(this.#at(`/v1.2/mm${request.path}`), {
        method: 'POST',
        headers: without(headers),
        body,
        signal: AbortSignal.timeout(over.timeoutMs ?? 10_000),
      }),
    )
  }

  async get(path: string, headers: Record<string, string | null> = {}): Promise<MoneyAnswer> {
    const all = without({ ...(await this.#common()), ...headers })
    return read(await fetch(this.#at(`/v1.2/mm${path}`), { headers: all, signal: AbortSignal.timeout(10_000) }))
  }

  /** Follows `/responses` to what it links to. */
  async lookUp({ correlationId }: MoneyRequest): Promise<MoneyAnswer> {
    const answer = await this.get(`/responses/${correlationId}`)
    if (answer.status !== 200) return answer
    return this.get(String(answer.body['link']).slice('/v1.2/mm'.length))
  }

  async control(
    method: string,
    path: string,
    body?: unknown,
    token = CONTROL_TOKEN,
  ): Promise<{ status: number; body: Json }> {
    const response = await fetch(`http://127.0.0.1:${this.operator.controlPort}/control/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: Answer.parse(text === '' ? {} : JSON.parse(text)) }
  }

  async rule(reference: string, fault: object, times?: number): Promise<string> {
    const rule = { match: { reference }, fault, ...(times === undefined ? {} : { times }) }
    return String((await this.control('POST', 'rules', rule)).body['id'])
  }

  async book(query = ''): Promise<MoneyBookLine[]> {
    return z.array(BookLine).parse((await this.control('GET', `book${query}`)).body['data'])
  }

  moves(reference: string): Promise<MoneyBookLine[]> {
    return this.book(`?reference=${reference}`)
  }

  async balance(account: string, currency = 'KES'): Promise<bigint> {
    const { body } = await this.control('GET', `accounts/${encodeURIComponent(account)}?currency=${currency}`)
    return BigInt(String(body['balance']))
  }

  callbacksFor(reference: string): MoneyCallback[] {
    return this.callbacks.filter(({ ref }) => ref === reference)
  }

  #at(path: string): string {
    return `http://127.0.0.1:${this.operator.port}${path}`
  }

  async #common(): Promise<Record<string, string>> {
    return {
      authorization: `Bearer ${await this.token()}`,
      accept: 'application/json',
      'accept-charset': 'utf-8',
      'x-date': new Date().toISOString(),
      'x-api-key': MONEY.api_key,
      'x-client-id': MONEY.client_id,
    }
  }

  #take(): void {
    this.#sink.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const ref = new URL(request.url ?? '/', 'http://sink').searchParams.get('ref') ?? ''
        const { headers } = request
        const body = Answer.parse(JSON.parse(text))
        this.callbacks.push({ ref, headers, text, body, distrust: distrust(request.method ?? '', headers, text) })
        response.writeHead(this.replies.shift() ?? 204).end()
      })
    })
  }
}

/** Why nobody should believe a callback; null where it is as the profile wants it. */
function distrust(method: string, headers: IncomingHttpHeaders, text: string): string | null {
  if (method !== 'PUT') return 'method'
  if (headers['x-api-key'] !== MONEY.callback_api_key) return 'key'
  if (headers['x-content-hash'] !== createHash('sha256').update(text).digest('hex')) return 'hash'
  const age = Math.abs(Date.parse(String(headers['x-date'])) - Date.now())
  return age <= 300_000 ? null : 'date'
}

function without(headers: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [[name, value]])))
}

async function read(response: Response): Promise<MoneyAnswer> {
  const text = await response.text()
  let body: Json = {}
  try {
    body = Answer.parse(JSON.parse(text))
  } catch {
    // Some answers are unreadable on purpose.
  }
  return { status: response.status, headers: response.headers, text, body }
}
