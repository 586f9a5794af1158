import type { Registry } from 'prom-client'
import { z } from 'zod'
import type { CurrencyTable, SourceType } from '../contract/names.ts'
import type { Clock } from '../domain/clock.ts'
import type { Log } from '../observe/log.ts'
import type { BankRail, Rail } from './port.ts'

/** What every connector is given. Credentials are read from `keysDir`, by the connector's own names. */
export type ConnectorDeps = {
  keysDir: string
  /** Where callbacks of this connector arrive, without query. */
  callbackUrl: string
  currencies: CurrencyTable
  clock: Clock
  log: Log
  registry: Registry
}

/** Setting of every rail: most inquiries a second of each hub, where the rail wants fewer or takes more than its connector asks. */
export const InquiriesPerSecond = z.int().min(1).max(1_000).optional()

/** One folder of src/rails: the sources it serves, what its entry in MOORING_RAILS must say, and how a rail is made of it. */
export type Connector<Config = unknown> = {
  serves: readonly Exclude<SourceType, 'wallet'>[]
  config: z.ZodType<Config>
  make(config: Config, id: string, deps: ConnectorDeps): { rail: Rail; mandates?: BankRail }
}
