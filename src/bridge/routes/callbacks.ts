import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { railCallbackSubject, type Bus, type RailCallback, type RailCallbackReply } from '../../bus/index.ts'
import { refuse } from '../../domain/refusal.ts'
import { assertNever } from '../../domain/result.ts'
import type { Buckets } from '../../domain/rate.ts'
import type { Addresses } from '../address-cap.ts'
import type { Hub } from '../hub.ts'
import { BRIDGE_LIMITS } from '../limits.ts'
import { sendRefusal } from '../problem.ts'

const RAILS: ReadonlySet<string> = new Set(['iso20022', 'camara', 'gsma'])

/**
 * The rails' front door. The body is passed on as the bytes it was: the hub
 * verifies the rail's signature over them, stores them, and only then is 204
 * answered. Whoever gets no 204 sends again. Anybody may send them: they are counted by address before a body is read.
 */
export function callbackRoutes(
  app: FastifyInstance,
  deps: { hub: Hub; bus: Bus; publicUrl: string | null; addresses: Addresses; callbacks: Buckets },
): void {
  void app.register(async (raw) => {
    raw.removeAllContentTypeParsers()
    raw.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    raw.route<{ Params: { rail: string } }>({
      method: ['POST', 'PUT'],
      url: '/rails/:rail/callbacks',
      onRequest: async (request, reply) => {
        const refusal = deps.addresses.take(request, deps.callbacks, 'callbacks')
        if (refusal !== null) return sendRefusal(reply, refusal)
      },
      handler: async (request, reply) => {
        const { rail } = request.params
        if (!RAILS.has(rail)) return sendRefusal(reply, refuse('not_found', 'There is no such rail.'))
        const payload = JSON.stringify(callbackOf(request, deps.publicUrl))
        const answer = await deps.hub.exchange(async () => {
          const timeout = BRIDGE_LIMITS.hub_timeout_ms
          const message = await deps.bus.request(railCallbackSubject(rail), payload, { timeout })
          return message.json<RailCallbackReply>()
        })
        return sendVerdict(reply, answer?.status ?? 503)
      },
    })
  })
}

function callbackOf(request: FastifyRequest, publicUrl: string | null): RailCallback {
  const headers: Record<string, string> = {}
  // RFC 9110 §5.3: a field sent twice is one field with both values, which is what a signature is over.
  for (const [name, values] of Object.entries(request.raw.headersDistinct)) {
    if (values !== undefined) headers[name] = values.join(', ')
  }
  const origin = publicUrl ?? `http://${request.headers.host ?? ''}`
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  return { method: request.method, targetUri: `${origin}${request.url}`, headers, body: body.toString('base64') }
}

function sendVerdict(reply: FastifyReply, status: RailCallbackReply['status']): FastifyReply {
  switch (status) {
    case 204:
      return reply.code(204).send()
    case 400:
      return sendRefusal(reply, refuse('invalid_request', 'The message is not one this rail may send.'))
    case 401:
      return sendRefusal(reply, refuse('unauthenticated', 'The message is not signed by the rail.'))
    case 404:
      return sendRefusal(reply, refuse('not_found', 'The message is about nothing of ours.'))
    case 503:
      return sendRefusal(reply, refuse('temporarily_unavailable', 'The message could not be stored; send it again.'))
    default:
      return assertNever(status, 'verdict')
  }
}
