import { z } from 'zod'
import { EnvCurrencies } from './currencies.ts'
import { EnvRails } from '../rails/connectors.ts'
import { CommonEnv, EnvAmount } from './env.ts'

/** The hub's settings. */
export const HubEnv = CommonEnv.extend({
  DATABASE_URL: z.string().min(1),
  TEMPORAL_ADDRESS: z.string().min(1),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  MOORING_CURRENCY: z.string().regex(/^[A-Z]{3}$/),
  MOORING_CURRENCIES: EnvCurrencies,
  /** A payment's total above this needs the payer's PIN, minor units. */
  MOORING_PIN_ABOVE: EnvAmount,
  /** A payment by a customer's code of more than this is confirmed on the phone, minor units: 0 means each of them. */
  MOORING_CODE_CONSENT_ABOVE: EnvAmount.default(0n),
  /** The most a device pays in a day by code alone, minor units; unset, five times as much. */
  MOORING_CODE_DAY_MAX: EnvAmount.optional(),
  /** How many payments in a row a device makes by code alone before one is confirmed on it. */
  MOORING_CODE_COUNT_MAX: z.coerce.number().int().min(0).max(1_000).default(10),
  /** The most one payment may move, minor units. */
  MOORING_LIMIT_PAYMENT: EnvAmount,
  /** The most a user may spend in a day and in a month, minor units. Raised or lowered, it counts from the next period. */
  MOORING_LIMIT_DAY: EnvAmount,
  MOORING_LIMIT_MONTH: EnvAmount,
  /** The same of one payment and of a day, while a user's limits are low: a day after a new device, three after a new SIM card. */
  MOORING_LIMIT_LOW_PAYMENT: EnvAmount.default(200_000n),
  MOORING_LIMIT_LOW_DAY: EnvAmount.default(500_000n),
  /** Whose days and months these are. */
  MOORING_TIME_ZONE: z.string().min(1).default('Africa/Nairobi'),
  /** When wallet payments are posted as they are accepted, without a workflow. */
  MOORING_EXPRESS: z.enum(['off', 'overload', 'always']).default('overload'),
  /** Above this an operator's decision needs a second person's, minor units. */
  MOORING_OPS_TWO_ABOVE: EnvAmount,
  /** Which rows of hot accounts this hub writes: another number for each hub, so that they do not wait for each other. */
  MOORING_LEDGER_SHARD: z.coerce.number().int().min(0).max(63).default(0),
  MOORING_CAPS: z.enum(['on', 'off']).default('on'),
  /** The banks and operators this deployment is connected to. */
  MOORING_RAILS: EnvRails,
  /** The operator that sends one-time passwords. */
  MOORING_CAMARA_URL: z.url(),
  MOORING_PUBLIC_URL: z.url(),
  /** Under which name Temporal knows this fleet's builds. */
  MOORING_DEPLOYMENT: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/)
    .default('mooring'),
  /** Where the built workflow bundle is kept. */
  MOORING_CACHE: z.string().default('.cache'),
  MOORING_WORKFLOW_TASK_TIMEOUT_MS: z.coerce.number().int().min(1_000).max(60_000).optional(),
  /** Where merchants are, for QR payloads. */
  MOORING_COUNTRY: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .default('KE'),
  MOORING_CITY: z.string().min(1).default('Nairobi'),
})
export type HubEnv = z.infer<typeof HubEnv>

/** What users may spend, as the hub was told. */
export function spendingRules(env: HubEnv) {
  return {
    currency: env.MOORING_CURRENCY,
    paymentMaxMinor: env.MOORING_LIMIT_PAYMENT,
    dayMaxMinor: env.MOORING_LIMIT_DAY,
    monthMaxMinor: env.MOORING_LIMIT_MONTH,
    low: { paymentMaxMinor: env.MOORING_LIMIT_LOW_PAYMENT, dayMaxMinor: env.MOORING_LIMIT_LOW_DAY },
    timeZone: env.MOORING_TIME_ZONE,
  }
}

/** Every bound of the hub, with its unit. */
export const HUB_LIMITS = {
  commands_in_flight: 1_000,
  /** Of rails' callbacks; one more is told to come again, which every rail does. */
  callbacks_in_flight: 500,
  read_connections: 8,
  /** Above statement_timeout (5 s) and lock waits: a server that says nothing for this long is gone. */
  database_silence_ms: 8_000,
  start_within_ms: 60_000,
  /** A payer has this long to type a code. */
  action_ms: 300_000,
  /** What has no outcome at a rail this long is called to operators' attention. */
  needs_operator_after_ms: 3_600_000,
  /** A merchant has this long to capture what is held. */
  capture_ms: 7 * 86_400_000,
  identity_sweep_every_ms: 60_000,
  shard_sweep_every_ms: 1_000,
  clock_sync_every_ms: 10_000,
  drain_ms: 15_000,
} as const
