import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { BankClient, distrust, type Answered } from './bank-client.ts'
import { makeBankKeys, type TestKeys } from './bank-keys.ts'
import { collect, inquiry, order, payOut, type Order } from './bank-messages.ts'
import { SimProcess } from './sim-process.ts'

export type CallbackSeen = { reference: string; body: string; distrust: string | null; atMs: number }

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
const Book = z.strictObject({ data: z.array(BookLine) })
const Account = z.strictObject({ account: z.string(), balance: z.string(), currency: z.string(), holder: z.string() })
export type BookLine = z.infer<typeof BookLine>

/** A bank process with a client and a place that takes its callbacks. */
export class BankStage {
  readonly bank: SimProcess
  readonly callbacks: CallbackSeen[] = []
  readonly failpoints: string
  /** What the next callbacks are answered, 204 when it runs out. */
  readonly replies: number[] = []
  readonly keys: TestKeys
  readonly #directory: string
  readonly #sink: Server
  client: BankClient

  private constructor(directory: string, keys: TestKeys, sink: Server, bank: SimProcess) {
    this.#directory = directory
    this.failpoints = join(directory, 'failpoints')
    this.keys = keys
    this.#sink = sink
    this.bank = bank
    this.client = new BankClient(keys.client, bank.port)
  }

  static async open(): Promise<BankStage> {
    const directory = mkdtempSync(join(tmpdir(), 'mooring-bank-'))
    const keys = await makeBankKeys(join(directory, 'keys'))
    const sink = createServer()
    await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
    const base = `http://127.0.0.1:${portOf(sink)}/v1/rails/iso20022/callbacks`
    const bank = new SimProcess('sim/bank/main.ts', {
      SIM_KEYS: keys.directory,
      SIM_DATA: join(directory, 'data'),
      SIM_CALLBACK_URL: base,
      SIM_FAILPOINTS: join(directory, 'failpoints'),
    })
    await bank.start()
    const stage = new BankStage(directory, keys, sink, bank)
    stage.#take()
    return stage
  }

  async close(): Promise<void> {
    this.client.close()
    if (this.bank.alive) await this.bank.terminate()
    this.#sink.close()
    this.#sink.closeAllConnections()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** Starts the bank again on its data and ports, and connects anew. */
  async restart(): Promise<void> {
    await this.bank.start()
    this.client.close()
    this.client = new BankClient(this.keys.client, this.bank.port)
  }

  message(body: string, options: Parameters<BankClient['post']>[2] = {}): Promise<Answered> {
    return this.client.post('/iso20022/messages', body, options)
  }

  async collect(over: Partial<Order> = {}): Promise<{ order: Order; answer: Answered }> {
    const asked = order(over)
    return { order: asked, answer: await this.message(collect(asked)) }
  }

  async payOut(over: Partial<Order> = {}): Promise<{ order: Order; answer: Answered }> {
    const asked = order(over)
    return { order: asked, answer: await this.message(payOut(asked)) }
  }

  inquire(asked: Order, name?: string): Promise<Answered> {
    return this.message(inquiry(asked, name))
  }

  async control(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${this.bank.controlPort}/control/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.keys.controlToken}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : JSON.parse(text) }
  }

  /** A rule for one reference; answers its id. */
  async rule(reference: string, fault: object, times?: number): Promise<string> {
    const made = await this.control('POST', 'rules', {
      match: { reference },
      fault,
      ...(times === undefined ? {} : { times }),
    })
    return z.object({ id: z.string() }).parse(made.body).id
  }

  async book(query: string): Promise<BookLine[]> {
    return Book.parse((await this.control('GET', `book?${query}`)).body).data
  }

  moves(reference: string): Promise<BookLine[]> {
    return this.book(`reference=${reference}`)
  }

  async balance(account: string, currency = 'KES'): Promise<bigint> {
    const { body } = await this.control('GET', `accounts/${account}?currency=${currency}`)
    return BigInt(Account.parse(body).balance)
  }

  callbacksFor(reference: string): CallbackSeen[] {
    return this.callbacks.filter((seen) => seen.reference === reference)
  }

  #take(): void {
    this.#sink.on('request', (request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const body = Buffer.concat(parts).toString('utf8')
        const uri = `http://127.0.0.1:${portOf(this.#sink)}${request.url ?? ''}`
        const headers: Record<string, string> = {}
        for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value)
        const wrong = distrust(this.keys.client, { method: request.method ?? '', uri, headers, body }, null)
        const reference = new URL(uri).searchParams.get('ref') ?? ''
        this.callbacks.push({ reference, body, distrust: wrong, atMs: Date.now() })
        response.writeHead(this.replies.shift() ?? 204).end()
      })
    })
  }
}

function portOf(server: Server): number {
  const address: string | AddressInfo | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
