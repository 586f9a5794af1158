import Fastify, { type FastifyInstance } from 'fastify'
import { recordOps } from '../audit-log.ts'
import { OPS_LIMITS } from '../limits.ts'
import type { OpsDeps } from './deps.ts'
import { apiRoutes } from './api-routes.ts'
import { codecRoutes } from './codec-routes.ts'
import { cameFrom } from './who.ts'
import { pageRoutes } from './page-routes.ts'

/** No script at all, styles of our own, forms to ourselves, and in nobody's frame. */
const CSP =
  "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** The ops service over HTTP: pages for people, JSON for the command line, the codec for Temporal's UI. */
export function makeOpsServer(deps: OpsDeps): FastifyInstance {
  const app = Fastify({
    logger: false,
    genReqId: () => deps.ids.make('req'),
    requestIdHeader: false,
    bodyLimit: OPS_LIMITS.body_bytes,
    requestTimeout: OPS_LIMITS.request_timeout_ms,
    http: { maxHeaderSize: OPS_LIMITS.header_bytes },
    forceCloseConnections: 'idle',
  })
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())))
  })
  app.addHook('onRequest', async (request, reply) => {
    void reply
      .header('cache-control', 'no-store')
      .header('content-security-policy', CSP)
      // Not `no-referrer`: under it a form of our own page names its origin `null`.
      .header('referrer-policy', 'same-origin')
      .header('x-content-type-options', 'nosniff')
      .header('x-frame-options', 'DENY')
      .header('cross-origin-opener-policy', 'same-origin')
    if (deps.publicUrl.protocol === 'https:') void reply.header('strict-transport-security', 'max-age=31536000')
    // A name that somebody else points at this machine would share the machine's cookies with their page.
    if (request.headers.host !== deps.publicUrl.host) {
      return reply.code(421).type('text/plain').send(`This service is at ${deps.publicUrl.origin}\n`)
    }
    // The codec has its own rule: its pages are Temporal's.
    if (request.method !== 'GET' && !request.url.startsWith('/codec/') && !cameFrom(request, [deps.publicUrl.origin])) {
      await recordOps(deps.sql, {
        kind: 'request_refused',
        operator: null,
        subject: null,
        detail: { path: request.url.slice(0, 200), origin: request.headers.origin ?? null },
      })
      return reply.code(403).send({ error: { code: 'forbidden', message: 'this request came from another page' } })
    }
    return undefined
  })
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 400 && status < 500) {
      return reply.code(status).send({ error: { code: 'bad_request', message: 'the request is ill-formed' } })
    }
    deps.log.error({ err: error, requestId: request.id }, 'a request failed')
    const message = 'something is wrong on our side; it has been noted'
    return reply.code(500).send({ error: { code: 'internal', message } })
  })
  codecRoutes(app, deps)
  apiRoutes(app, deps)
  pageRoutes(app, deps)
  return app
}
