import type { Socket } from 'node:net'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { toWireError } from '../bus/index.ts'
import type { Ids } from '../domain/ids.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import type { Log } from '../observe/log.ts'
import { RefusedBody } from './json.ts'
import { BRIDGE_LIMITS } from './limits.ts'
import { PROBLEM_TYPE, problemOf, sendRefusal } from './problem.ts'

/** HTTP itself: limits, ids of requests, and every error, whoever makes it, as problem+json. */
export function makeServer(deps: { ids: Ids; log: Log }): FastifyInstance {
  const requestId = () => deps.ids.make('req')
  const app = Fastify({
    logger: false,
    genReqId: requestId,
    requestIdHeader: false,
    bodyLimit: BRIDGE_LIMITS.body_bytes,
    requestTimeout: BRIDGE_LIMITS.request_timeout_ms,
    keepAliveTimeout: BRIDGE_LIMITS.keep_alive_timeout_ms,
    http: {
      headersTimeout: BRIDGE_LIMITS.headers_timeout_ms,
      maxHeaderSize: BRIDGE_LIMITS.header_bytes,
      connectionsCheckingInterval: BRIDGE_LIMITS.check_connections_every_ms,
    },
    // A request on an open connection is answered during drain; the answer closes the connection.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 128 },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, requestId()),
    frameworkErrors: (error, request, reply) => {
      void reply.header('x-request-id', request.id)
      answerError(error, request, reply)
    },
  })
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
    void reply.header('cache-control', 'no-store')
    void reply.header('x-content-type-options', 'nosniff')
  })
  // While draining, an answer closes its connection, also one that was asked for before.
  let draining = false
  app.addHook('preClose', async () => {
    draining = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (draining) void reply.header('connection', 'close')
  })
  const routes = new Routes(app)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) => {
    const allowed = routes.methodsAt(request.url)
    if (allowed.length === 0) return sendRefusal(reply, refuse('not_found', 'There is nothing at this address.'))
    void reply.header('allow', allowed.join(', '))
    return sendRefusal(reply, refuse('invalid_request', `Use ${allowed.join(' or ')} here.`), { status: 405 })
  })

  function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (error instanceof RefusedBody) return sendRefusal(reply, error.refusal)
    const status = 'statusCode' in error && error.statusCode !== undefined ? error.statusCode : 500
    if (status >= 400 && status < 500) return sendRefusal(reply, formRefusal(status), { status })
    deps.log.error({ err: error, requestId: request.id }, 'a request failed')
    return sendRefusal(reply, refuse('internal', 'Something is wrong on our side; it has been noted.'))
  }
  return app
}

/** Which methods an address takes: what tells 405 from 404. */
class Routes {
  readonly #routes: { pattern: RegExp; methods: string[] }[] = []

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const methods = [method].flat().filter((name) => name !== 'HEAD')
      const pattern = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')
      this.#routes.push({ pattern: new RegExp(`^${pattern}$`), methods })
    })
  }

  methodsAt(url: string): string[] {
    const path = url.split('?')[0] ?? url
    const found = this.#routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods)
    return [...new Set(found)].toSorted()
  }
}

function formRefusal(status: number): Refusal {
  switch (status) {
    case 413:
      return refuse('invalid_request', `A body may have ${BRIDGE_LIMITS.body_bytes} bytes.`)
    case 415:
      return refuse('invalid_request', 'Send the body as application/json.')
    case 408:
      return refuse('invalid_request', 'The request did not arrive in time.')
    case 431:
      return refuse('invalid_request', `The headers may have ${BRIDGE_LIMITS.header_bytes} bytes.`)
    default:
      return refuse('invalid_request', 'The request is ill-formed.')
  }
}

/** What never became a request: answered on the bare socket, in the same form. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = brokenStatus(error.code)
  const body = JSON.stringify(problemOf(toWireError(formRefusal(status), requestId), { status }))
  const reasons: Record<number, string> = {
    400: 'Bad Request',
    408: 'Request Timeout',
    431: 'Request Header Fields Too Large',
  }
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Bad Request'}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function brokenStatus(code: string | undefined): number {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408
  return code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
}
