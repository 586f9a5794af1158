import { z } from 'zod'
import { CommonEnv } from './env.ts'

/** Socket addresses with commas between. */
const EnvEdges = z
  .string()
  .transform((text) => text.split(',').map((one) => one.trim()))
  .pipe(z.array(z.url({ protocol: /^wss?$/ })).min(1))

/** Settings of the process that serves the pages. */
export const PagesEnv = CommonEnv.omit({ NATS_URL: true })
  .extend({
    /** For the demo's desk alone: without it the pages have no secret. */
    MOORING_KEYS: z.string().min(1).optional(),
    MOORING_PORT: z.coerce.number().int().min(0).max(65_535),
    MOORING_HOST: z.string().default('127.0.0.1'),
    /** Folder of the built pages. */
    MOORING_PAGES: z.string().min(1),
    /** Where people reach them, e.g. https://wallet.pay.example. */
    MOORING_PAGES_URL: z.url(),
    MOORING_BRIDGE_URL: z.url(),
    MOORING_EDGE_URLS: EnvEdges,
    MOORING_CURRENCY: z.string().regex(/^[A-Z]{3}$/),
    /** Test only: the control API of the operator's simulator, for the demo's desk. */
    MOORING_DEMO_SMS: z.url().optional(),
  })
  .refine((env) => env.MOORING_DEMO_SMS === undefined || env.MOORING_KEYS !== undefined, {
    path: ['MOORING_KEYS'],
    message: 'the demo’s desk needs its keys',
  })
  .refine((env) => env.MOORING_ENV !== 'live' || env.MOORING_DEMO_SMS === undefined, {
    path: ['MOORING_DEMO_SMS'],
    message: 'the demo’s desk shows everybody’s messages, and so is never live',
  })
  .refine((env) => env.MOORING_ENV !== 'live' || env.MOORING_PAGES_URL.startsWith('https:'), {
    path: ['MOORING_PAGES_URL'],
    message: 'people reach live pages by https alone',
  })
