import type { FastifyInstance } from 'fastify'
import { PaymentId } from '../../contract/index.ts'
import { refuse } from '../../domain/refusal.ts'
import { sendRefusal } from '../problem.ts'
import { idempotencyKey } from '../request.ts'
import { answer, type DoorDeps, merchantDoor } from './merchant-door.ts'

/** A merchant's payments. */
export function paymentRoutes(app: FastifyInstance, deps: DoorDeps): void {
  const { admit, requireKey, ask } = merchantDoor(deps)

  app.post('/payments', { onRequest: [admit, requireKey] }, async (request, reply) => {
    const key = idempotencyKey(request) ?? ''
    return answer(reply, await ask('checkout.create', request, request.body ?? null, key), 201, 'body')
  })

  app.get<{ Params: { id: string } }>('/payments/:id', { onRequest: admit }, async (request, reply) => {
    const { id } = request.params
    if (!PaymentId.safeParse(id).success) {
      return sendRefusal(reply, refuse('not_found', 'There is no such payment.'))
    }
    return answer(reply, await ask('checkout.get', request, { payment: id }), 200, 'path')
  })

  for (const verb of ['capture', 'cancel'] as const) {
    app.post<{ Params: { id: string } }>(
      `/payments/:id/${verb}`,
      { onRequest: [admit, requireKey] },
      async (request, reply) => {
        const { id } = request.params
        if (!PaymentId.safeParse(id).success) {
          return sendRefusal(reply, refuse('not_found', 'There is no such payment.'))
        }
        const body = { payment: id, body: request.body ?? null }
        return answer(reply, await ask(`checkout.${verb}`, request, body, idempotencyKey(request) ?? ''), 200, 'path')
      },
    )
  }

  app.get('/payments', { onRequest: admit }, async (request, reply) =>
    answer(reply, await ask('checkout.list', request, request.query), 200, 'body'),
  )
}
