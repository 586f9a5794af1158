import { z } from 'zod'
import { EnvCurrencies } from './currencies.ts'
import { EnvAmount } from './env.ts'

/** A fee plan as people write it: sums in minor units, as text; what is left out is none. */
export const FeePlanFields = z.object({
  fee_basis_points: z.number().int().min(0).max(10_000),
  fee_fixed: EnvAmount.optional(),
  fee_minimum: EnvAmount.optional(),
  fee_cap: EnvAmount.optional(),
  fee_tax: z.object({ authority: z.string().min(1), basis_points: z.number().int().min(1).max(10_000) }).optional(),
  fee_on_refund: z.enum(['kept', 'proportional']).optional(),
})

/** Settings of what makes a database ready. */
export const SetupEnv = z.object({
  DATABASE_URL: z.string().min(1),
  MOORING_KEYS: z.string().min(1),
  MOORING_CURRENCY: z.string().regex(/^[A-Z]{3}$/),
  /** Each gets a ledger, besides the one the service works in. */
  MOORING_CURRENCIES: EnvCurrencies,
  MOORING_BANK_ID: z.string().min(1).default('demo-bank'),
  /** Our own capital at the bank when the books open, minor units. */
  MOORING_OPENING_CAPITAL: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/)
    .default('1000000000'),
  /** What payers pay for a transfer and a withdrawal, JSON by kind; a plan that differs from the one in force is its next version. */
  MOORING_PAYER_FEES: z
    .string()
    .default('{}')
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.strictObject({ transfer: FeePlanFields.optional(), withdrawal: FeePlanFields.optional() })),
})
