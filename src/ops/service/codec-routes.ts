import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { open, seal, type Payload } from '../../codec/index.ts'
import { recordOps, type OpsEvent } from '../audit-log.ts'
import { OPS_LIMITS } from '../limits.ts'
import type { OpsDeps } from './deps.ts'
import { cameFrom, whoAsks } from './who.ts'

/**
 * Temporal's remote codec (docs.temporal.io, "Codec Server"): its UI and command line post payloads here to show what
 * they hold and to encrypt what they send. For logged-in operators alone, and from no page but Temporal's own.
 */

/** Bytes are base64 in JSON, as protobuf's JSON has them. */
const Wire = z.object({ metadata: z.record(z.string(), z.string()).optional(), data: z.string().optional() })
/** A question without arguments has none, and protobuf's JSON leaves out what is empty. */
const Body = z.object({ payloads: z.array(Wire).max(OPS_LIMITS.codec_payloads).nullish() })
type Wire = z.infer<typeof Wire>

const bytes = (base64: string): Uint8Array => Buffer.from(base64, 'base64')
const base64 = (data: Uint8Array): string => Buffer.from(data).toString('base64')

const fromWire = ({ metadata = {}, data = '' }: Wire): Payload => ({
  metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, bytes(value)])),
  data: bytes(data),
})
const toWire = ({ metadata, data }: Payload): Wire => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)])),
  data: base64(data ?? new Uint8Array(0)),
})

const PREFLIGHT_S = 600

export function codecRoutes(app: FastifyInstance, deps: OpsDeps): void {
  const { uiOrigin } = deps.temporal

  function cors(request: FastifyRequest, reply: FastifyReply): void {
    void reply.header('vary', 'Origin')
    if (uiOrigin === null || request.headers.origin !== uiOrigin) return
    void reply.header('access-control-allow-origin', uiOrigin).header('access-control-allow-credentials', 'true')
  }

  const answer =
    (kind: Extract<OpsEvent['kind'], 'payloads_decoded' | 'payloads_encoded'>, each: (wire: Wire) => Wire) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      cors(request, reply)
      const namespace = z.string().max(255).catch('').parse(request.headers['x-namespace'])
      const refused = async (status: 401 | 403, message: string) => {
        const detail = { path: request.url, origin: request.headers.origin ?? null, status }
        await recordOps(deps.sql, { kind: 'request_refused', operator: null, subject: namespace, detail })
        return reply.code(status).send({ message })
      }
      if (!cameFrom(request, [uiOrigin])) return refused(403, 'this page may not ask the codec')
      const who = await whoAsks(deps, request)
      if (who === null) return refused(401, `log in at ${deps.publicUrl.origin} first`)
      const body = Body.safeParse(request.body)
      if (!body.success) return reply.code(400).send({ message: 'expected {"payloads":[{"metadata":…,"data":…}]}' })
      const payloads = (body.data.payloads ?? []).map(each)
      // What was seen, and by whom, is written down before it is shown.
      await recordOps(deps.sql, { kind, operator: who.name, subject: namespace, detail: { payloads: payloads.length } })
      return reply.send({ payloads })
    }

  // What is not ours, or cannot be read, is shown as it is: nothing is believed that an operator only looks at.
  const decode = answer('payloads_decoded', (wire) => {
    const opened = open(deps.ring, fromWire(wire))
    return opened.ok ? toWire(opened.payload) : wire
  })
  const encode = answer('payloads_encoded', (wire) => toWire(seal(deps.ring, fromWire(wire))))
  const options = { bodyLimit: OPS_LIMITS.codec_body_bytes }
  app.post('/codec/decode', options, decode)
  app.post('/codec/encode', options, encode)
  for (const path of ['/codec/decode', '/codec/encode']) {
    app.options(path, (request, reply) => {
      cors(request, reply)
      return reply
        .header('access-control-allow-methods', 'POST')
        .header('access-control-allow-headers', 'content-type, x-namespace, authorization')
        .header('access-control-max-age', PREFLIGHT_S)
        .code(204)
        .send()
    })
  }
}
