import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { pino } from 'pino'
import { makeGsmaRail, type GsmaConfig } from '../../../src/rails/gsma/index.ts'
import type { Rail } from '../../../src/rails/port.ts'
import { ACCOUNT_ID, SECRETS } from './gsma.ts'

/** An operator of the test's own: a real server with a script for its answers. */

export type Asked = { method: string; path: string; headers: IncomingMessage['headers']; body: string }
export type Script = (asked: Asked, response: ServerResponse, socket: Socket) => void

export type ScriptedOperator = {
  rail: Rail
  /** Everything asked so far, token requests left out. */
  asked: Asked[]
  tokens: number
  script: Script
  /** Sockets of orders and how they ended. */
  closings: { reset: boolean }[]
  stop(): Promise<void>
}

export const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

export async function startScriptedOperator(
  more: Partial<GsmaConfig> = {},
  tls?: { key: string; cert: string },
): Promise<ScriptedOperator> {
  const sockets = new Set<Socket>()
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array)) // a request's body is bytes
    const asked: Asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    }
    if (asked.path === '/oauth2/token') {
      operator.tokens++
      json(response, 200, { access_token: `token-${operator.tokens}`, token_type: 'Bearer', expires_in: 300 })
      return
    }
    operator.asked.push(asked)
    operator.script(asked, response, request.socket)
  }
  const listener = (request: IncomingMessage, response: ServerResponse) => void serve(request, response)
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    let reset = false
    socket.on('error', (error) => {
      reset ||= 'code' in error && error.code === 'ECONNRESET'
    })
    socket.on('close', () => {
      sockets.delete(socket)
      operator.closings.push({ reset })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server's address
  const operator: ScriptedOperator = {
    rail: makeGsmaRail({
      id: 'scripted',
      baseUrl: `${tls === undefined ? 'http://127.0.0.1' : 'https://localhost'}:${port}/v1.2/mm`,
      callbackUrl: 'https://pay.example/v1/rails/gsma/callbacks',
      accountId: ACCOUNT_ID,
      credentials: {
        clientId: SECRETS.client_id,
        clientSecret: SECRETS.client_secret,
        apiKey: SECRETS.api_key,
        callbackApiKeys: [SECRETS.callback_api_key],
      },
      clock: { now: () => Date.now(), monotonic: () => performance.now() },
      log: pino({ level: 'silent' }),
      ...more,
    }),
    asked: [],
    tokens: 0,
    script: (_, response) => json(response, 500, {}),
    closings: [],
    stop: async () => {
      await operator.rail.close()
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return operator
}
