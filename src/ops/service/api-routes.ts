import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { OPS_ACTIONS } from '../../contract/names.ts'
import { recoveryId } from '../../domain/ids.ts'
import { makeApproval, needsTwo } from '../approvals.ts'
import { recordOps } from '../audit-log.ts'
import { evidenceOf } from '../evidence.ts'
import { whatBecameOfIt, whatItSays } from '../heard.ts'
import { OPS_LIMITS } from '../limits.ts'
import { closeSession } from '../sessions.ts'
import { timelineOf } from '../timeline.ts'
import { waitingPayments, whyItWaits } from '../waiting.ts'
import type { OpsDeps } from './deps.ts'
import { deviceRoutes } from './device-routes.ts'
import { forKnown, refuse } from './known.ts'
import { stepsInTemporal } from './steps-in-temporal.ts'

/** For `npm run ops`: the pages' own questions and decisions as JSON, by a bearer token. */

const LoginBody = z.object({ name: z.string().max(64), password: z.string().max(1_024) })
const DecisionBody = z.object({
  action: z.enum(OPS_ACTIONS),
  reason: z.string().max(2_000),
  /** What was seen, as `GET /v1/payments/:id` answered it. */
  evidence_hash: z.string(),
})
const Params = z.object({ id: z.string().max(OPS_LIMITS.id_letters) })

export function apiRoutes(app: FastifyInstance, deps: OpsDeps): void {
  const { sql } = deps
  const known = forKnown(deps)
  deviceRoutes(app, deps)

  app.post('/v1/login', async (request, reply) => {
    const body = LoginBody.safeParse(request.body)
    if (!body.success) return refuse(reply, 400, 'bad_request', 'expected {"name","password"}')
    const said = await deps.login({ ...body.data, address: request.ip })
    if (said.ok) return { token: said.value.token, operator: said.value.operator.name }
    switch (said.error.code) {
      case 'wrong':
        return refuse(reply, 401, 'unauthenticated', 'no operator has this name and password')
      case 'locked':
        return refuse(
          reply.header('retry-after', Math.ceil(said.error.retryAfterMs / 1_000)),
          429,
          'locked',
          `too many logins failed: try again in ${String(Math.ceil(said.error.retryAfterMs / 1_000))} s`,
        )
      case 'busy':
        return refuse(reply, 503, 'busy', 'too many logins at once: try again')
    }
  })

  app.post(
    '/v1/logout',
    known(async (who) => {
      await closeSession(sql, who.token)
      await recordOps(sql, { kind: 'logout', operator: who.name, subject: null, detail: {} })
      return {}
    }),
  )

  app.get(
    '/v1/waiting',
    known(async () => ({ data: (await waitingPayments(sql)).map((each) => wire({ ...each, why: whyItWaits(each) })) })),
  )

  app.get(
    '/v1/payments/:id',
    known(async (who, request, reply) => {
      const { id } = Params.parse(request.params)
      const seen = await evidenceOf(sql, id)
      if (seen === null) return refuse(reply, 404, 'not_found', `there is no payment, refund or recovery ${id}`)
      await recordOps(sql, { kind: 'payment_viewed', operator: who.name, subject: id, detail: { by: 'api' } })
      const [money] = await sql<{ exponent: number }[]>`
        select exponent::int as exponent from ledgers where currency = ${seen.currency} limit 1`
      return {
        ...seen.evidence,
        exponent: money?.exponent ?? 0,
        heard: seen.evidence.heard.map((each) => ({
          ...each,
          says: whatItSays(each),
          became: whatBecameOfIt(each),
          decided_as: each.state === 'needs_operator' ? recoveryId(seen.bearer, each.id) : null,
        })),
        evidence_hash: seen.hash,
        needs_two: needsTwo(seen.amountMinor, deps.twoAboveMinor),
        timeline: await timelineOf(sql, seen.bearer),
      }
    }),
  )

  app.post(
    '/v1/payments/:id/approvals',
    known(async (who, request, reply) => {
      const { id } = Params.parse(request.params)
      const body = DecisionBody.safeParse(request.body)
      if (!body.success) {
        const expected = `expected {"action","reason","evidence_hash"}, an action being one of ${OPS_ACTIONS.join(', ')}`
        return refuse(reply, 400, 'bad_request', expected)
      }
      const { action, reason, evidence_hash: evidenceHash } = body.data
      const made = await makeApproval(sql, deps.ids, { payment: id, action, reason, evidenceHash, operator: who })
      if (!made.ok)
        return refuse(
          reply,
          made.error.code === 'not_found' ? 404 : 409,
          made.error.code,
          APPROVAL_WORDS[made.error.code],
        )
      const seen = await evidenceOf(sql, id)
      return reply.code(201).send({
        approval: made.value.id,
        expires_at: made.value.expiresAt,
        needs_two: seen !== null && needsTwo(seen.amountMinor, deps.twoAboveMinor),
        ...stepsInTemporal(deps.temporal, made.value),
      })
    }),
  )
}

/** What to do about an approval that was not made. */
export const APPROVAL_WORDS = {
  not_found: 'there is no payment, refund or recovery of this id',
  evidence_changed: 'something has happened since you looked: look at it again, and decide anew',
  other_action:
    'this action is not for this: a recovery is approved by its own id, and everything else is of the payment',
  reason_too_short: 'say why, in 10 to 1,000 letters: others will read it',
  already_approved: 'you have approved this already; a second approval must be another person’s',
} as const

/** bigint as decimal text, as on every wire of ours. */
const wire = (row: object): object =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? String(value) : value]),
  )
