import type { FastifyInstance } from 'fastify'
import { Counter, Histogram, type Registry } from 'prom-client'
import type { Bus } from '../bus/index.ts'
import type { Clock } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { Log } from '../observe/log.ts'
import type { TrustedProxy } from '../domain/forwarded.ts'
import { Addresses } from './address-cap.ts'
import { allowOrigins } from './cors.ts'
import { makeHub } from './hub.ts'
import { acceptJsonOnly } from './json.ts'
import { KnownKeys } from './known-keys.ts'
import { BRIDGE_LIMITS } from './limits.ts'
import { openApiDocument } from './openapi.ts'
import { Buckets } from '../domain/rate.ts'
import { callbackRoutes } from './routes/callbacks.ts'
import { docsRoutes } from './routes/docs.ts'
import { enrolmentRoutes } from './routes/enrolment.ts'
import type { DoorDeps } from './routes/merchant-door.ts'
import { paymentRoutes } from './routes/payments.ts'
import { refundRoutes } from './routes/refunds.ts'
import { storeRoutes } from './routes/stores.ts'
import { makeServer } from './server.ts'

export { BRIDGE_LIMITS } from './limits.ts'

export type BridgeDeps = {
  bus: Bus
  clock: Clock
  ids: Ids
  log: Log
  registry: Registry
  /** `off` lifts the caps per address, for loopback only. */
  caps: 'on' | 'off'
  /** Whose X-Forwarded-For tells who is behind it. */
  proxies: TrustedProxy
  /** Scheme and authority under which rails know us; null: as the request's Host says. */
  publicUrl: string | null
  /** Exact origins of pages whose browsers may sign up here. */
  origins: ReadonlySet<string>
}

export type Bridge = {
  app: FastifyInstance
  /** Whether the hub can be reached. */
  ready: () => boolean
}

/** The REST front: HTTP in, one question to the hub, HTTP out. It holds no state about money and verifies no identity. */
export function makeBridge(deps: BridgeDeps): Bridge {
  const app = makeServer(deps)
  const hub = makeHub(deps)
  const buckets = (perSecond: number, burst: number) =>
    new Buckets({ perSecond, burst }, BRIDGE_LIMITS.buckets, () => deps.clock.monotonic())
  const requests = buckets(BRIDGE_LIMITS.address_per_s, BRIDGE_LIMITS.address_burst)
  const signUps = buckets(BRIDGE_LIMITS.network_per_s, BRIDGE_LIMITS.network_burst)
  const callbacks = buckets(BRIDGE_LIMITS.callbacks_per_s, BRIDGE_LIMITS.callbacks_burst)
  const addresses = new Addresses(deps)
  const door: DoorDeps = {
    hub,
    merchants: buckets(BRIDGE_LIMITS.merchant_per_s, BRIDGE_LIMITS.merchant_burst),
    guesses: buckets(BRIDGE_LIMITS.guess_per_s, BRIDGE_LIMITS.guess_burst),
    addresses,
    keys: new KnownKeys(deps.clock),
  }
  const document = openApiDocument()

  measure(app, deps.registry)
  allowOrigins(app, deps.origins)
  acceptJsonOnly(app)
  docsRoutes(app, document)
  void app.register(
    async (v1) => {
      paymentRoutes(v1, door)
      refundRoutes(v1, door)
      storeRoutes(v1, door)
      enrolmentRoutes(v1, { hub, addresses, requests, signUps })
      callbackRoutes(v1, { hub, bus: deps.bus, publicUrl: deps.publicUrl, addresses, callbacks })
      v1.get('/openapi.json', (_request, reply) => reply.header('cache-control', 'public, max-age=60').send(document))
    },
    { prefix: '/v1' },
  )
  return { app, ready: () => hub.up }
}

/** Requests by route and status: routes as patterns, so that ids make no series. */
function measure(app: FastifyInstance, registry: Registry): void {
  const labelNames = ['method', 'route', 'status'] as const
  const requests = new Counter({
    name: 'bridge_requests_total',
    help: 'HTTP requests answered',
    labelNames,
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'bridge_request_seconds',
    help: 'From the first header to the last byte given to the socket',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request
    const route = request.routeOptions.url ?? '(none)'
    requests.inc({ method, route, status: reply.statusCode })
    seconds.observe({ method, route }, reply.elapsedTime / 1_000)
  })
}
