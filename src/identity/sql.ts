import type postgres from 'postgres'
import type { Sql } from '../ledger/index.ts'

export type { Sql }
/** The same connection inside `sql.begin`. */
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>
