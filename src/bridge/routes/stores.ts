import type { FastifyInstance } from 'fastify'
import { encodeQR } from 'qr'
import { z } from 'zod'
import { StoreId } from '../../contract/index.ts'
import { refuse } from '../../domain/refusal.ts'
import { sendRefusal } from '../problem.ts'
import { idempotencyKey } from '../request.ts'
import { answer, type DoorDeps, merchantDoor } from './merchant-door.ts'

/** As the hub answers `store.qr`. */
const Sticker = z.object({ payload: z.string() })

/** A merchant's stores, and the tokens of its sockets. */
export function storeRoutes(app: FastifyInstance, deps: DoorDeps): void {
  const { admit, requireKey, ask } = merchantDoor(deps)

  app.post('/socket_tokens', { onRequest: [admit, requireKey] }, async (request, reply) => {
    const key = idempotencyKey(request) ?? ''
    return answer(reply, await ask('merchant.socket_token', request, request.body ?? null, key), 201, 'body')
  })

  app.post('/stores', { onRequest: [admit, requireKey] }, async (request, reply) => {
    const key = idempotencyKey(request) ?? ''
    return answer(reply, await ask('store.create', request, request.body ?? null, key), 201, 'body')
  })

  app.get<{ Params: { id: string } }>('/stores/:id', { onRequest: admit }, async (request, reply) => {
    const { id } = request.params
    if (!StoreId.safeParse(id).success) return sendRefusal(reply, refuse('not_found', 'There is no such store.'))
    return answer(reply, await ask('store.get', request, id), 200, 'path')
  })

  app.get<{ Params: { id: string } }>('/stores/:id/qr.svg', { onRequest: admit }, async (request, reply) => {
    const { id } = request.params
    if (!StoreId.safeParse(id).success) return sendRefusal(reply, refuse('not_found', 'There is no such store.'))
    const asked = await ask('store.qr', request, id)
    const sticker = asked.ok ? Sticker.safeParse(asked.body) : null
    if (sticker?.success !== true) return answer(reply, asked, 200, 'path')
    // Medium: a sticker gets scratched.
    return reply.type('image/svg+xml').send(encodeQR(sticker.data.payload, 'svg', { ecc: 'medium', border: 4 }))
  })

  app.get('/stores', { onRequest: admit }, async (request, reply) =>
    answer(reply, await ask('store.list', request, request.query), 200, 'body'),
  )
}
