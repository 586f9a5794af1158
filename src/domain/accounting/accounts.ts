import { type AccountClass, type AccountKind, CHART, type Sharded, namePart } from './chart.ts'

/** One account of the chart, as the ledger opens it: one a currency, its id follows from ledger and name. */
export type AccountSpec = {
  code: number
  name: string
  /** The user or merchant whose money it is; null for our own. */
  owner: string | null
  debitsMustNotExceedCredits: boolean
  /** Of an account that is not of the chart, which has none such. */
  creditsMustNotExceedDebits?: boolean
  /** How far it may be overdrawn, minor units: given as it is opened, and from then on it stays (L3). */
  allowanceMinor?: bigint
  class?: AccountClass
  /** Of an account whose code is not of the chart; of the others the chart says it. */
  sharded?: Sharded
}

/** Which of our settlement accounts: customers' money is kept apart from our own. */
export type CashPurpose = 'trust' | 'own'

function account(kind: AccountKind, name: string, owner: string | null): AccountSpec {
  const row = CHART[kind]
  const { flagged } = row
  return {
    code: row.code,
    name,
    owner,
    debitsMustNotExceedCredits: typeof flagged === 'string' ? name.endsWith(flagged) : flagged,
    class: row.class,
  }
}

export function cashAccount(bank: string, purpose: CashPurpose): AccountSpec {
  return account('cash', `cash:${namePart(bank)}:${purpose}`, null)
}

/** What a rail has accepted and not yet shown on its statement. */
export function clearingAccount(rail: string): AccountSpec {
  return account('clearing', `clearing:${namePart(rail)}`, null)
}

export function dueAccount(operator: string): AccountSpec {
  return account('due', `due:${namePart(operator)}`, null)
}

export function floatAccount(operator: string): AccountSpec {
  return account('float', `float:${namePart(operator)}`, null)
}

export function breakAccount(rail: string): AccountSpec {
  return account('breaks', `receivable:break:${namePart(rail)}`, null)
}

/** What a merchant owes because money came back from its customers: never refused, so unflagged. */
export function merchantReceivableAccount(merchant: string): AccountSpec {
  return account('merchantReceivable', `receivable:merchant:${namePart(merchant)}`, merchant)
}

/**
 * What a merchant owes for refunds beyond its balance: flagged, and the account's allowance is its credit line.
 * `lineMinor`: of an account that is new; one that is there keeps its own.
 */
export function merchantCreditAccount(merchant: string, lineMinor = 0n): AccountSpec {
  const spec = account('merchantReceivable', `receivable:merchant:${namePart(merchant)}:credit`, merchant)
  return lineMinor === 0n ? spec : { ...spec, allowanceMinor: lineMinor }
}

export function userReceivableAccount(user: string): AccountSpec {
  return account('userReceivable', `receivable:user:${namePart(user)}`, user)
}

export function walletAccount(user: string): AccountSpec {
  return account('wallet', `wallet:${namePart(user)}`, user)
}

export function merchantPendingAccount(merchant: string): AccountSpec {
  return account('merchantPending', `merchant:${namePart(merchant)}:pending`, merchant)
}

export function merchantAvailableAccount(merchant: string): AccountSpec {
  return account('merchantAvailable', `merchant:${namePart(merchant)}:available`, merchant)
}

export function suspenseAccount(rail: string): AccountSpec {
  return account('suspense', `suspense:${namePart(rail)}`, null)
}

export function taxAccount(authority: string): AccountSpec {
  return account('tax', `tax:${namePart(authority)}`, null)
}

export function capitalAccount(): AccountSpec {
  return account('capital', 'equity:capital', null)
}

export function feeRevenueAccount(): AccountSpec {
  return account('feeRevenue', 'revenue:fees', null)
}

export function railExpenseAccount(rail: string): AccountSpec {
  return account('railExpense', `expense:rail:${namePart(rail)}`, null)
}

export function writeoffAccount(): AccountSpec {
  return account('writeoff', 'expense:writeoff', null)
}
