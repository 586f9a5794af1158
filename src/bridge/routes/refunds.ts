import type { FastifyInstance } from 'fastify'
import { RefundId } from '../../contract/index.ts'
import { refuse } from '../../domain/refusal.ts'
import { sendRefusal } from '../problem.ts'
import { idempotencyKey } from '../request.ts'
import { answer, type DoorDeps, merchantDoor } from './merchant-door.ts'

/** A merchant's refunds. */
export function refundRoutes(app: FastifyInstance, deps: DoorDeps): void {
  const { admit, requireKey, ask } = merchantDoor(deps)

  app.post('/refunds', { onRequest: [admit, requireKey] }, async (request, reply) => {
    const key = idempotencyKey(request) ?? ''
    return answer(reply, await ask('refund.create', request, request.body ?? null, key), 201, 'body')
  })

  app.get<{ Params: { id: string } }>('/refunds/:id', { onRequest: admit }, async (request, reply) => {
    const { id } = request.params
    if (!RefundId.safeParse(id).success) return sendRefusal(reply, refuse('not_found', 'There is no such refund.'))
    return answer(reply, await ask('refund.get', request, { refund: id }), 200, 'path')
  })

  app.get('/refunds', { onRequest: admit }, async (request, reply) =>
    answer(reply, await ask('refund.list', request, request.query), 200, 'body'),
  )
}
