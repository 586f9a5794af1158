import type { FastifyRequest } from 'fastify'
import { capAddress, networkOf } from '../domain/address.ts'
import { clientAddress, type TrustedProxy } from '../domain/forwarded.ts'
import type { Buckets } from '../domain/rate.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'

/**
 * Who sent a request, by address. Fastify's `trustProxy` reads the same header, but takes a value that is no address
 * for one, and with it believes X-Forwarded-Host as well.
 */
export class Addresses {
  readonly #caps: 'on' | 'off'
  readonly #isProxy: TrustedProxy

  constructor(deps: { caps: 'on' | 'off'; proxies: TrustedProxy }) {
    this.#caps = deps.caps
    this.#isProxy = deps.proxies
  }

  of(request: FastifyRequest): string {
    const forwarded = request.headers['x-forwarded-for']
    // Sent twice, Node has joined it: only Set-Cookie ever is a list.
    const header = typeof forwarded === 'string' ? forwarded : undefined
    return clientAddress(request.socket.remoteAddress ?? 'unknown', header, this.#isProxy)
  }

  /** Takes from its address's bucket; the refusal says what there were too many of. */
  take(request: FastifyRequest, buckets: Buckets, tooMany: string): Refusal | null {
    const key = capAddress(this.of(request), this.#caps)
    return key === null ? null : refusalOf(buckets, key, `${tooMany} from this address`)
  }

  /** Takes from the bucket of its address's network, all of which one party may have. */
  takeOfNetwork(request: FastifyRequest, buckets: Buckets, tooMany: string): Refusal | null {
    const address = this.of(request)
    if (capAddress(address, this.#caps) === null) return null
    return refusalOf(buckets, networkOf(address), `${tooMany} from this network`)
  }
}

function refusalOf(buckets: Buckets, key: string, tooMany: string): Refusal | null {
  const { ok, retryAfterMs } = buckets.take(key)
  return ok ? null : refuse('rate_limited', `Too many ${tooMany}; slow down.`, { retryAfterMs })
}
