import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Credential, HubReply } from '../../bus/index.ts'
import { refuse } from '../../domain/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Addresses } from '../address-cap.ts'
import type { KnownKeys } from '../known-keys.ts'
import { sendProblem, sendRefusal, type Where } from '../problem.ts'
import type { Buckets } from '../../domain/rate.ts'
import { idempotencyKey, merchantCredential, traceparent } from '../request.ts'

type Merchant = Extract<Credential, { type: 'merchant' }>

export type DoorDeps = {
  hub: Hub
  merchants: Buckets
  /** By address, of keys that no hub took of late. */
  guesses: Buckets
  addresses: Addresses
  keys: KnownKeys
}

/**
 * What every request of a merchant's server goes through. Who the merchant is and what
 * becomes of the request the hub decides; the bridge refuses only what it can see by
 * itself: no secret key, no idempotency key, too many at once, too many keys tried from
 * one address. All of it is looked at before the body is read.
 */
export function merchantDoor(deps: DoorDeps) {
  const admit = async (request: FastifyRequest, reply: FastifyReply) => {
    const credential = merchantCredential(request)
    if (credential === null) {
      return sendRefusal(reply, refuse('unauthenticated', 'Send your secret key as "Authorization: Bearer sk_…".'))
    }
    const key = hashOf(credential)
    if (!(await deps.keys.isGood(key))) {
      // Before the merchants' buckets: keys that are made up must not push those of merchants out.
      const refusal = deps.addresses.take(request, deps.guesses, 'secret keys that are not known yet')
      if (refusal !== null) return sendRefusal(reply, refusal)
      reply.raw.once('close', deps.keys.ask(key))
    }
    const take = deps.merchants.take(key)
    const { burst, perSecond } = deps.merchants.rate
    void reply.header('ratelimit-policy', `"merchant";q=${burst};w=${Math.ceil(burst / perSecond)}`)
    void reply.header(
      'ratelimit',
      `"merchant";r=${take.remaining};t=${Math.ceil((burst - take.remaining) / perSecond)}`,
    )
    if (take.ok) return
    const message = `A merchant may send ${perSecond} requests a second; slow down.`
    return sendRefusal(reply, refuse('rate_limited', message, { retryAfterMs: take.retryAfterMs }))
  }

  const requireKey = async (request: FastifyRequest, reply: FastifyReply) => {
    if (idempotencyKey(request) !== null) return
    const message =
      'Send an Idempotency-Key header: 16 to 64 of A-Z a-z 0-9 _ -, new for each request, the same for its retries.'
    return sendRefusal(reply, refuse('idempotency_key_missing', message, { param: 'Idempotency-Key' }))
  }

  const ask = async (name: string, request: FastifyRequest, body: unknown, key?: string): Promise<HubReply> => {
    const credential = merchantOf(request)
    const reply = await deps.hub.ask(name, {
      requestId: request.id,
      credential,
      body,
      ...(key === undefined ? {} : { key }),
      ...traceparent(request),
    })
    deps.keys.hear(hashOf(credential), reply)
    return reply
  }

  return { admit, requireKey, ask }
}

function merchantOf(request: FastifyRequest): Merchant {
  const credential = merchantCredential(request)
  if (credential === null) throw new Error('a request was admitted without a key')
  return credential
}

const hashOf = ({ secretKey }: Merchant): string => createHash('sha256').update(secretKey).digest('base64url')

/** The hub's reply as HTTP; a stored one goes out as it was stored. */
export function answer(reply: FastifyReply, hub: HubReply, status: number, where: Where): FastifyReply {
  if (hub.replayed === true) void reply.header('idempotency-replayed', 'true')
  if (!hub.ok) return sendProblem(reply, hub.error, { where, payment: hub.payment })
  return reply.code(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(hub.body)
}
