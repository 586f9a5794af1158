import type { Problem } from '../../src/contract/index.ts'
import { leavesOpen } from '../../src/contract/names.ts'
import { fullJitter } from './backoff.ts'
import { MooringError } from './errors.ts'
import { LIMITS } from './limits.ts'
import type { Ports } from './ports.ts'
import { hasShape } from './shape.ts'

/** Knows an answer by the fields the SDK relies on. */
export type Guard<A> = (value: unknown) => value is A

/** One POST to the bridge; a refusal or a lost connection is a MooringError. */
export async function post<A>(ports: Ports, url: string, body: object, isAnswer: Guard<A>): Promise<A> {
  const { response, answer } = await exchange(ports, url, body)
  if (response.ok && isAnswer(answer)) return answer
  throw problem(response, answer)
}

/**
 * Posts until an answer that repeating would not change, or until LIMITS.http_deadline_ms are over. What is not
 * idempotent is repeated only where the server has said that nothing was done.
 */
export async function postUntil<A>(
  ports: Ports,
  url: string,
  body: object,
  isAnswer: Guard<A>,
  repeats: 'idempotent' | 'refused',
): Promise<A> {
  const deadline = ports.clock.monotonic() + LIMITS.http_deadline_ms
  for (let attempt = 0; ; attempt++) {
    try {
      return await post(ports, url, body, isAnswer)
    } catch (error) {
      if (!(error instanceof MooringError) || !error.retryable) throw error
      if (repeats === 'refused' && error.outcome !== 'refused') throw error
      const wait_ms = Math.max(
        error.retryAfterMs ?? 0,
        fullJitter(attempt, LIMITS.retry_base_ms, LIMITS.retry_cap_ms, ports.random),
      )
      if (ports.clock.monotonic() + wait_ms > deadline) throw error
      await new Promise<void>((resolve) => void ports.clock.after(wait_ms, resolve))
    }
  }
}

async function exchange(ports: Ports, url: string, body: object): Promise<{ response: Response; answer: unknown }> {
  const abort = new AbortController()
  const cancel = ports.clock.after(LIMITS.http_ms, () => abort.abort())
  try {
    const response = await ports.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, application/problem+json' },
      body: JSON.stringify(body),
      signal: abort.signal,
    })
    return { response, answer: parse(await response.text()) }
  } catch (cause) {
    throw new MooringError('connection_lost', 'the server could not be reached', {
      retryable: true,
      outcome: 'unknown',
      cause,
    })
  } finally {
    cancel()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** problem+json (RFC 9457) as an error; a proxy's page without one counts by its status. */
function problem(response: Response, told: unknown): MooringError {
  if (!isProblem(told)) {
    const message = `the server answered ${response.status} without saying why`
    const retryable = response.ok || response.status >= 500 || response.status === 429
    return new MooringError('protocol_fault', message, { retryable, outcome: 'unknown' })
  }
  const after_s = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new MooringError(told.code, told.detail, {
    param: told.param ?? null,
    retryable: told.retryable,
    retryAfterMs: Number.isFinite(after_s) ? after_s * 1000 : null,
    requestId: told.request_id,
    outcome: leavesOpen(told.code) ? 'unknown' : 'refused',
  })
}

function isProblem(value: unknown): value is Problem {
  return hasShape(value, { code: 'string', detail: 'string', retryable: 'boolean', request_id: 'string' })
}
