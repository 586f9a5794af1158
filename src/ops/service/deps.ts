import type { KeyRing } from '../../codec/index.ts'
import type { Ids } from '../../domain/ids.ts'
import type { Sql } from '../../ledger/index.ts'
import type { Log } from '../../observe/log.ts'
import type { Login } from '../login.ts'

export type OpsDeps = {
  /** As mooring_ops. */
  sql: Sql
  ids: Ids
  log: Log
  ring: KeyRing
  login: Login
  /** Where people reach this service; its host and origin are the only ones that are served. */
  publicUrl: URL
  temporal: {
    /** Origin of Temporal's UI, the only one whose pages may ask the codec; null where there is none. */
    uiOrigin: string | null
    namespace: string
  }
  /** Above this a decision needs two people, minor units. */
  twoAboveMinor: bigint
}
