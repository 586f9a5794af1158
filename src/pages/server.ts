import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { PaymentId } from '../contract/index.ts'
import type { Log } from '../observe/log.ts'
import { ChargeBody, SmsQuery, type Desk } from './desk.ts'
import type { Site } from './site.ts'

export type PagesDeps = {
  wallet: Site
  /** Scheme and authority under which people reach the pages. */
  publicUrl: URL
  /** Where the pages' scripts connect to. */
  bridge: string
  edges: readonly string[]
  env: 'test' | 'live'
  currency: string
  /** In a demo only. */
  desk: Desk | null
  log: Log
}

const BODY_BYTES = 4_096
const REQUEST_TIMEOUT_MS = 10_000
const FOREVER = 'public, max-age=31536000, immutable'
const WALLET = '/wallet/'

/** The pages people see, as files; they hold no secret and keep nothing. What they do, they do over socket and bridge. */
export function makePagesServer(deps: PagesDeps): FastifyInstance {
  const { wallet, publicUrl, bridge, edges, env, currency, desk } = deps
  const app = Fastify({ logger: false, bodyLimit: BODY_BYTES, requestTimeout: REQUEST_TIMEOUT_MS })
  const hosts = new Set([publicUrl.host, ...(isLoopback(publicUrl) ? [`localhost:${publicUrl.port}`] : [])])
  const csp = policy([bridge, ...edges].map((address) => new URL(address).origin))

  app.addHook('onRequest', async (request, reply) => {
    void reply
      .header('content-security-policy', csp)
      .header('permissions-policy', 'camera=(self), microphone=(), geolocation=()')
      .header('referrer-policy', 'no-referrer')
      .header('x-content-type-options', 'nosniff')
      .header('x-frame-options', 'DENY')
      .header('cross-origin-opener-policy', 'same-origin')
      .header('cache-control', 'no-cache')
    if (publicUrl.protocol === 'https:') void reply.header('strict-transport-security', 'max-age=31536000')
    // A name that somebody else points at this machine would share what this origin keeps with their page.
    if (hosts.has(request.headers.host ?? '')) return undefined
    return reply.code(421).type('text/plain').send(`These pages are at ${publicUrl.origin}\n`)
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) deps.log.error({ err: error }, 'a request failed')
    return reply.code(status).send({ error: status >= 500 ? 'something is wrong on our side' : 'ill-formed request' })
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/plain').send('There is nothing here.\n'))

  app.get('/', (_request, reply) => reply.redirect(WALLET, 302))
  app.get(WALLET, (_request, reply) => file(reply, wallet, 'index.html'))
  app.get(`${WALLET}config.json`, () => ({ env, bridge, edges, currency, demo: desk !== null }))
  app.get<{ Params: { '*': string } }>(`${WALLET}*`, (request, reply) => file(reply, wallet, request.params['*']))
  if (desk !== null) deskRoutes(app, desk)
  return app
}

function deskRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/demo/sms', async (request, reply) => {
    const query = SmsQuery.safeParse(request.query)
    if (!query.success) return reply.code(400).send({ error: 'phone is a number like +254700000001' })
    return { data: await desk.sms(query.data.phone) }
  })
  app.post('/demo/payments', async (request, reply) => {
    const body = ChargeBody.safeParse(request.body)
    if (!body.success) return reply.code(400).send({ error: 'amount is in minor units, like "12345"' })
    return reply.code(201).send(await desk.charge(body.data.amount))
  })
  app.get<{ Params: { id: string } }>('/demo/payments/:id', async (request, reply) => {
    const id = PaymentId.safeParse(request.params.id)
    return id.success ? desk.charged(id.data) : reply.callNotFound()
  })
}

function file(reply: FastifyReply, site: Site, path: string): FastifyReply {
  const found = site.get(path)
  if (found === undefined) {
    reply.callNotFound()
    return reply
  }
  if (found.forever) void reply.header('cache-control', FOREVER)
  return reply.type(found.type).send(found.body)
}

/** Scripts and styles of our own alone, connections to our own servers alone, and in nobody's frame. */
function policy(servers: string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    `connect-src 'self' ${[...new Set(servers)].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function isLoopback(url: URL): boolean {
  return ['127.0.0.1', 'localhost'].includes(url.hostname)
}
