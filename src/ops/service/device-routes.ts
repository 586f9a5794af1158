import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { recordOps } from '../audit-log.ts'
import { devicesOf, revokeDevice } from '../devices.ts'
import { OPS_LIMITS } from '../limits.ts'
import type { OpsDeps } from './deps.ts'
import { forKnown, refuse } from './known.ts'

/** Users' devices, for `npm run ops -- devices`. */

const Params = z.object({ id: z.string().max(OPS_LIMITS.id_letters) })
const RevokeBody = z.object({ reason: z.string().trim().min(10).max(1_000) })

export function deviceRoutes(app: FastifyInstance, deps: OpsDeps): void {
  const { sql } = deps
  const known = forKnown(deps)

  app.get(
    '/v1/users/:id/devices',
    known(async (who, request, reply) => {
      const { id } = Params.parse(request.params)
      const data = await devicesOf(sql, id)
      if (data === null) return refuse(reply, 404, 'not_found', 'there is no user of this id or phone number')
      await recordOps(sql, {
        kind: 'devices_viewed',
        operator: who.name,
        subject: data[0]?.user_id ?? null,
        detail: { by: 'api' },
      })
      return { data }
    }),
  )

  app.post(
    '/v1/devices/:id/revoke',
    known(async (who, request, reply) => {
      const { id: device } = Params.parse(request.params)
      const body = RevokeBody.safeParse(request.body)
      if (!body.success) return refuse(reply, 400, 'reason_too_short', 'say why, in 10 to 1,000 letters')
      const said = await revokeDevice(sql, deps.ids, { device, operator: who.name, reason: body.data.reason })
      if (said === 'unknown') return refuse(reply, 404, 'not_found', `there is no device ${device}`)
      return { device, revoked: said === 'revoked' ? 'now' : 'before' }
    }),
  )
}
