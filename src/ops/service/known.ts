import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OpsDeps } from './deps.ts'
import { whoAsks, type Who } from './who.ts'

/** Answers of the JSON API: for who is logged in, and refusals in words. */

export const refuse = (reply: FastifyReply, status: number, code: string, message: string) =>
  reply.code(status).send({ error: { code, message } })

type Answer = (who: Who, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

export const forKnown = (deps: OpsDeps) => (answer: Answer) => async (request: FastifyRequest, reply: FastifyReply) => {
  const who = await whoAsks(deps, request)
  return who === null
    ? refuse(reply, 401, 'unauthenticated', 'log in first: the session is over or never was')
    : answer(who, request, reply)
}
