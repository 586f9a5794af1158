import type { Failpoint } from '../config/failpoint.ts'
import type { Clock } from '../domain/clock.ts'
import type {
  Authenticate,
  AuthenticateMerchant,
  AuthenticateSocket,
  FeePlans,
  IssueMerchantToken,
  Pins,
} from '../identity/index.ts'
import type { AccountBook, Ledger, Sql } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { PaymentIds } from './events.ts'
import type { About, Late } from './about.ts'
import type { Admission } from './admission.ts'
import type { Claims } from './claims.ts'
import type { Codes } from './codes/codes.ts'
import type { RailBook } from './rail-book.ts'
import type { RailGuard } from './rail-guard.ts'
import type { Spending } from './spending.ts'
import type { PaymentStore } from './store.ts'

/** The rules this hub is configured with. Amounts in minor units of `currency`. */
export type PaymentRules = {
  env: 'test' | 'live'
  /** The ledger of this tenant's currency. */
  ledger: number
  currency: string
  exponent: number
  /** ISO 4217 numeric code, for QR payloads. */
  currencyNumeric: string
  country: string
  city: string
  /** A total above this needs the payer's PIN. */
  pinAboveMinor: bigint
  /** The most one payment may move. */
  paymentMaxMinor: bigint
  /** An accepted payment that dispatched nothing by then expires. */
  startWithinMs: number
}

/** What the hub's command handlers work with; made once, in src/proc/hub.ts. */
export type PaymentDeps = {
  sql: Sql
  store: PaymentStore
  ledger: Ledger
  accounts: AccountBook
  ids: PaymentIds
  clock: Clock
  log: Log
  authenticate: Authenticate
  authenticateMerchant: AuthenticateMerchant
  pins: Pins
  authenticateSocket: AuthenticateSocket
  issueMerchantToken: IssueMerchantToken
  /** Whether a merchant may be paid, as it was a second ago. */
  merchantIsOpen: (merchant: string) => Promise<boolean>
  claims: Claims
  codes: Codes
  rules: PaymentRules
  rails: RailBook
  feePlans: FeePlans
  spending: Spending
  admission: Admission
  guard: RailGuard
  failpoint: Failpoint
  /** Starts the workflow of an accepted payment; returns at once. `started` is told once it runs. */
  start: (payment: string, about: About, started?: () => void) => void
  /** Starts those that should have begun a while ago, the longest first, as many as can begin soon. */
  startLate: (late: readonly Late[]) => void
  /** As `start`, also where a workflow of this payment completed: Postgres says that the payment has not. */
  restart: (payment: string, about: About) => void
  /** Tells the workflow of a payment that something was asked of it; best effort, the patrol is behind it. */
  wake: (payment: string) => void
}
