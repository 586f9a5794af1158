import { z } from 'zod'
import { CommonEnv, EnvOrigins } from './env.ts'
import { EnvProxies } from './proxies.ts'

/** The bridge's settings. */
export const BridgeEnv = CommonEnv.extend({
  MOORING_PORT: z.coerce.number().int().min(0).max(65_535),
  MOORING_HOST: z.string().default('127.0.0.1'),
  MOORING_CAPS: z.enum(['on', 'off']),
  /** Balancers whose X-Forwarded-For tells who is behind them. */
  MOORING_PROXIES: EnvProxies,
  /** Pages whose browsers may sign up here. */
  MOORING_ORIGINS: EnvOrigins,
  /** Scheme and authority under which rails know us, e.g. https://pay.example; default: the request's Host. */
  MOORING_PUBLIC_URL: z
    .url()
    .transform((text) => text.replace(/\/+$/, ''))
    .optional(),
})
