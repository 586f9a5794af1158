import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { refuse } from '../../domain/refusal.ts'
import type { Addresses } from '../address-cap.ts'
import type { Hub } from '../hub.ts'
import { BRIDGE_LIMITS } from '../limits.ts'
import { sendProblem, sendRefusal } from '../problem.ts'
import type { Buckets } from '../../domain/rate.ts'
import { traceparent } from '../request.ts'

/** Sign-up and tokens of phones: public, so counted by address, and sign-ups by its network too. */
export function enrolmentRoutes(
  app: FastifyInstance,
  deps: { hub: Hub; addresses: Addresses; requests: Buckets; signUps: Buckets },
): void {
  const admit = async (request: FastifyRequest, reply: FastifyReply) => {
    const refusal = deps.addresses.take(request, deps.requests, 'requests')
    if (refusal !== null) return sendRefusal(reply, refusal)
  }
  const admitSignUp = async (request: FastifyRequest, reply: FastifyReply) => {
    const refusal =
      deps.addresses.take(request, deps.requests, 'requests') ??
      deps.addresses.takeOfNetwork(request, deps.signUps, 'sign-ups')
    if (refusal !== null) return sendRefusal(reply, refusal)
  }

  const forward = async (
    request: FastifyRequest,
    reply: FastifyReply,
    to: { name: string; body: unknown; status: number; timeoutMs?: number },
  ) => {
    const hub = await deps.hub.ask(to.name, {
      requestId: request.id,
      credential: { type: 'none' },
      body: to.body,
      address: deps.addresses.of(request),
      ...traceparent(request),
      ...(to.timeoutMs === undefined ? {} : { timeoutMs: to.timeoutMs }),
    })
    if (!hub.ok) return sendProblem(reply, hub.error)
    return reply.code(to.status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(hub.body)
  }
  const timeoutMs = BRIDGE_LIMITS.hub_operator_timeout_ms

  app.post('/nonces', { onRequest: admit }, async (request, reply) =>
    forward(request, reply, { name: 'identity.nonce', body: request.body ?? {}, status: 201 }),
  )

  app.post('/enrolments', { onRequest: admitSignUp }, async (request, reply) =>
    forward(request, reply, { name: 'identity.enrol', body: request.body ?? null, status: 201, timeoutMs }),
  )

  app.post<{ Params: { id: string } }>('/enrolments/:id/verify', { onRequest: admitSignUp }, async (request, reply) => {
    const { body } = request
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      return sendRefusal(reply, refuse('invalid_request', 'The body must be a JSON object.'))
    }
    // The path's id comes last: a field of this name in the body is unknown there.
    if (Object.hasOwn(body, 'enrolment')) {
      return sendRefusal(reply, refuse('invalid_request', 'This field is not known here.', { param: 'enrolment' }))
    }
    const withId = { ...body, enrolment: request.params.id }
    return forward(request, reply, { name: 'identity.verify', body: withId, status: 200, timeoutMs })
  })

  app.post('/tokens', { onRequest: admit }, async (request, reply) =>
    forward(request, reply, { name: 'identity.token', body: request.body ?? null, status: 200 }),
  )
}
