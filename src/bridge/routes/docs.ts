import swagger, { type StaticDocumentSpec } from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** Everything the page needs comes from here: no other host is asked. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** `/docs`: the document, rendered. */
export function docsRoutes(app: FastifyInstance, document: Record<string, unknown>): void {
  if (!isDocument(document)) throw new TypeError('this is no OpenAPI document')
  void app.register(swagger, { mode: 'static', specification: { document } })
  void app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CONTENT_SECURITY_POLICY,
    uiConfig: { validatorUrl: null, deepLinking: true, tryItOutEnabled: true },
  })
  app.get('/v1/docs', (_request, reply) => reply.redirect('/docs', 308))
}

type Document = StaticDocumentSpec['document']

function isDocument(value: object): value is Document {
  return 'openapi' in value && 'info' in value && 'paths' in value
}
