import { z } from 'zod'
import { CommonEnv, EnvAmount } from './env.ts'

/** The ops service's settings. */
export const OpsEnv = CommonEnv.omit({ NATS_URL: true })
  .extend({
    DATABASE_URL: z.string().min(1),
    MOORING_PORT: z.coerce.number().int().min(0).max(65_535),
    MOORING_HOST: z.string().default('127.0.0.1'),
    /** Where operators reach it, e.g. https://ops.pay.example. */
    MOORING_OPS_URL: z.url(),
    /** Temporal's web UI: its pages may ask the codec. On the same site as the ops service, or its cookie does not go. */
    MOORING_TEMPORAL_UI: z.url().optional(),
    TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
    /** A decision about more than this needs two people, minor units. */
    MOORING_OPS_TWO_ABOVE: EnvAmount,
  })
  .refine((env) => env.MOORING_ENV !== 'live' || env.MOORING_OPS_URL.startsWith('https:'), {
    path: ['MOORING_OPS_URL'],
    message: 'operators reach a live service by https alone',
  })
