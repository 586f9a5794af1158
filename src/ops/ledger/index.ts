import type { Command } from '../command.ts'
import { audit } from './audit.ts'
import { balanceSheet } from './balance-sheet.ts'
import { balance } from './balance.ts'
import { incomeStatement } from './income-statement.ts'
import { statement } from './statement.ts'
import { trialBalance } from './trial-balance.ts'
import { verify } from './verify.ts'

/** What may be asked of the books, in the order of the usage. */
export const LEDGER_COMMANDS: readonly Command[] = [
  audit,
  verify,
  balance,
  statement,
  trialBalance,
  balanceSheet,
  incomeStatement,
]
