import type { FastifyReply } from 'fastify'
import { toWireError } from '../bus/index.ts'
import { httpStatus, type ErrorCode, type Problem, type WireError } from '../contract/index.ts'
import type { Refusal } from '../domain/refusal.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/** Where an id that is not there was named: 404 in a path, 422 in a body. */
export type Where = 'path' | 'body'

export type ProblemOptions = {
  where?: Where
  /** Statuses HTTP itself has for the request's form: 405, 413, 415, 408, 431. */
  status?: number
  payment?: string | undefined
}

/** RFC 9457 problem details of an error, ours or the hub's. */
export function problemOf(error: WireError, options: ProblemOptions = {}): Problem {
  return {
    type: `urn:mooring:problem:${error.code}`,
    title: titleOf(error.code),
    status: options.status ?? httpStatus(error.code, options.where ?? 'path'),
    detail: error.message,
    code: error.code,
    ...(error.param === undefined ? {} : { param: paramOf(error.code, error.param) }),
    ...(options.payment === undefined ? {} : { payment: options.payment }),
    request_id: error.request_id,
    retryable: error.retryable,
  }
}

export function sendProblem(reply: FastifyReply, error: WireError, options: ProblemOptions = {}): FastifyReply {
  const problem = problemOf(error, options)
  const retryAfterS = retryAfterSeconds(problem.status, error)
  if (retryAfterS !== null) void reply.header('retry-after', String(retryAfterS))
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="mooring"')
  return reply.code(problem.status).type(PROBLEM_TYPE).serializer(JSON.stringify).send(problem)
}

/** A refusal of the bridge itself. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal, options: ProblemOptions = {}): FastifyReply {
  return sendProblem(reply, toWireError(refusal, reply.request.id), options)
}

/** `in_flight`, 429 and 503 say when to come back, in whole seconds, at least one. */
function retryAfterSeconds(status: number, error: WireError): number | null {
  const says = status === 429 || status === 503 || error.code === 'in_flight'
  return says ? Math.max(1, Math.ceil((error.retry_after_ms ?? 1_000) / 1_000)) : null
}

/** A field of an ill-formed request as a JSON pointer (RFC 6901); a claim or field at fault elsewhere by its name. */
function paramOf(code: ErrorCode, param: string): string {
  if (code !== 'invalid_request' || param.startsWith('/')) return param
  const steps = param.split('.').map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1'))
  return `/${steps.join('/')}`
}

/** `insufficient_funds` → `Insufficient funds`. */
function titleOf(code: ErrorCode): string {
  const words = code.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
