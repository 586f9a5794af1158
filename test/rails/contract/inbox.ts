import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CallbackStatement, CallbackVerdict, HttpMessage, Rail, RailOrder } from '../../../src/rails/port.ts'

/** Where the simulator's callbacks arrive, as they would at the bridge: read by the connector, answered 204 or refused. */
export type Inbox = {
  /** `http://127.0.0.1:<port><path>`, to be known before the connector is made. */
  url: string
  /** From now on callbacks are this rail's to read. */
  readBy(rail: Rail): void
  /** From now on a whole hub reads and answers them. */
  answerBy(hub: (message: HttpMessage) => Promise<{ status: number }>): void
  /** Orders a callback may be about: what the hub would have journalled. */
  know(order: RailOrder): void
  deliver(message: HttpMessage): Promise<CallbackVerdict>
  /** What has been heard of a reference, each delivery by itself, refused ones left out. */
  statements(reference: string): CallbackStatement[]
  /** The raw messages behind them. */
  messages(reference: string): HttpMessage[]
  refusals(): Extract<CallbackVerdict, { ok: false }>[]
  stop(): Promise<void>
}

export async function openInbox(path: string): Promise<Inbox> {
  const orders = new Map<string, RailOrder>()
  const heard: { statement: CallbackStatement; message: HttpMessage }[] = []
  const refused: Extract<CallbackVerdict, { ok: false }>[] = []
  let rail: Rail | null = null

  const deliver = async (message: HttpMessage): Promise<CallbackVerdict> => {
    if (rail === null) throw new Error('a callback before there is a connector to read it')
    const verdict = await rail.readCallback(message, (reference) => Promise.resolve(orders.get(reference) ?? null))
    if (verdict.ok) heard.push({ statement: verdict.statement, message })
    else refused.push(verdict)
    return verdict
  }

  let answer = async (message: HttpMessage): Promise<{ status: number }> => {
    const verdict = await deliver(message)
    return { status: verdict.ok ? 204 : verdict.status }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const headers: Record<string, string> = {}
      for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value)
      const targetUri = new URL(request.url ?? '', inbox.url).href
      answer({ method: request.method ?? '', targetUri, headers, body: Buffer.concat(chunks) })
        .then(({ status }) => response.writeHead(status).end())
        .catch(() => response.writeHead(500).end())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server's address

  const about = (reference: string) => heard.filter(({ statement }) => statement.reference === reference)
  const inbox: Inbox = {
    url: `http://127.0.0.1:${port}${path}`,
    readBy: (reader) => {
      rail = reader
    },
    answerBy: (hub) => {
      answer = hub
    },
    know: (order) => void orders.set(order.reference, order),
    deliver,
    statements: (reference) => about(reference).map(({ statement }) => statement),
    messages: (reference) => about(reference).map(({ message }) => message),
    refusals: () => refused,
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return inbox
}
