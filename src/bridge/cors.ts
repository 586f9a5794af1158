import type { FastifyInstance } from 'fastify'

/** What a page may ask of the bridge by itself: sign-up and tokens. Merchants' keys have no place in a browser. */
const PUBLIC = /^\/v1\/(nonces|tokens|enrolments(\/[^/?]+\/verify)?)(\?|$)/

const REMEMBER_S = '600'

/**
 * Cross-origin requests (WHATWG Fetch) of the phones' public routes, from exactly the origins on the list and
 * without credentials. Others get no header, and their browser keeps the answer from them.
 */
export function allowOrigins(app: FastifyInstance, origins: ReadonlySet<string>): void {
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers
    if (!PUBLIC.test(request.url)) return undefined
    void reply.header('vary', 'origin')
    if (origin === undefined || !origins.has(origin)) return undefined
    void reply.header('access-control-allow-origin', origin)
    void reply.header('access-control-expose-headers', 'retry-after, x-request-id')
    if (request.method !== 'OPTIONS') return undefined
    return reply
      .header('access-control-allow-methods', 'POST')
      .header('access-control-allow-headers', 'content-type')
      .header('access-control-max-age', REMEMBER_S)
      .code(204)
      .send()
  })
}
