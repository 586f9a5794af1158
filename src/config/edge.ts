import { z } from 'zod'
import { CommonEnv, EnvOrigins } from './env.ts'
import { EnvProxies } from './proxies.ts'

/** The edge's settings. */
export const EdgeEnv = CommonEnv.extend({
  MOORING_PORT: z.coerce.number().int().min(0).max(65_535),
  MOORING_HOST: z.string().min(1).default('127.0.0.1'),
  /** A client that sends no Origin is always let in. */
  MOORING_ORIGINS: EnvOrigins,
  MOORING_CAPS: z.enum(['on', 'off']),
  /** Balancers whose X-Forwarded-For tells who is behind them. */
  MOORING_PROXIES: EnvProxies,
  MOORING_TRANSPORT: z.enum(['ws', 'uws', 'auto']).default('auto'),
  /** PEM files of the certificate's chain and its key; without them the balancer in front ends TLS. */
  MOORING_TLS_CERT: z.string().min(1).optional(),
  MOORING_TLS_KEY: z.string().min(1).optional(),
}).refine((env) => (env.MOORING_TLS_CERT === undefined) === (env.MOORING_TLS_KEY === undefined), {
  path: ['MOORING_TLS_KEY'],
  message: 'MOORING_TLS_CERT and MOORING_TLS_KEY go together',
})
