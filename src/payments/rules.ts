import { HUB_LIMITS, type HubEnv } from '../config/hub.ts'
import type { CurrencyFacts } from '../contract/names.ts'
import { minOf } from '../domain/money.ts'
import type { UntouchedCaps } from '../domain/untouched.ts'
import type { PaymentRules } from './deps.ts'

/** What a deployment's settings say about payments, each as it is used. */

export function paymentRules(
  env: HubEnv,
  ledger: { id: number; currency: string; exponent: number },
  currency: CurrencyFacts,
): PaymentRules {
  return {
    env: env.MOORING_ENV,
    ledger: ledger.id,
    currency: ledger.currency,
    exponent: ledger.exponent,
    currencyNumeric: currency.numeric,
    country: env.MOORING_COUNTRY,
    city: env.MOORING_CITY,
    pinAboveMinor: env.MOORING_PIN_ABOVE,
    paymentMaxMinor: env.MOORING_LIMIT_PAYMENT,
    startWithinMs: HUB_LIMITS.start_within_ms,
  }
}

/** What needs a PIN needs a yes as well, so a code alone never takes that much. */
export function untouchedCaps(env: HubEnv): UntouchedCaps {
  return {
    paymentMaxMinor: minOf(env.MOORING_CODE_CONSENT_ABOVE, env.MOORING_PIN_ABOVE),
    dayMaxMinor: env.MOORING_CODE_DAY_MAX ?? env.MOORING_CODE_CONSENT_ABOVE * CODE_DAY_PAYMENTS,
    countMax: env.MOORING_CODE_COUNT_MAX,
  }
}

/** A day's cap where none is set: this many payments of the largest sum. */
const CODE_DAY_PAYMENTS = 5n
