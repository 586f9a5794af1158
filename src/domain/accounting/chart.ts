/**
 * The chart of accounts, the same in every currency: what each code is called,
 * which class it belongs to and what bounds it (docs/accounting.md, Accounts).
 */

export type AccountClass = 'asset' | 'liability' | 'equity' | 'income' | 'expense'

/** On which sides an account is several rows (ChartRow). */
export type Sharded = 'no' | 'either_side' | 'credits'

type ChartRow = {
  code: number
  /** Grammar of the accounts' names; parts in angle brackets are ids, alternatives stand beside each other. */
  names: readonly string[]
  class: AccountClass
  /** Carries `debits_must_not_exceed_credits`, for every name or for those with this ending. */
  flagged: boolean | `:${string}`
  /**
   * Written by many payments at once: may be several rows that are read as one. Of ours, which are unflagged, any of
   * them is debited and credited; of a merchant's, which must not be overdrawn, all are credited and the main one alone
   * is debited.
   */
  sharded: Sharded
  what: string
}

export const CHART = {
  cash: {
    code: 1010,
    names: ['cash:<bank>:trust', 'cash:<bank>:own'],
    class: 'asset',
    flagged: false,
    sharded: 'no',
    what: 'settlement accounts, customers’ money apart from ours',
  },
  clearing: {
    code: 1015,
    names: ['clearing:<rail>'],
    class: 'asset',
    flagged: false,
    sharded: 'either_side',
    what: 'accepted by the rail, not yet on its statement',
  },
  due: {
    code: 1020,
    names: ['due:<operator>'],
    class: 'asset',
    flagged: false,
    sharded: 'no',
    what: 'owed by an operator',
  },
  float: {
    code: 1030,
    names: ['float:<operator>'],
    class: 'asset',
    flagged: false,
    sharded: 'no',
    what: 'e-money float',
  },
  breaks: {
    code: 1040,
    names: ['receivable:break:<rail>'],
    class: 'asset',
    flagged: false,
    sharded: 'no',
    what: 'missing at a rail, until recovered or written off',
  },
  merchantReceivable: {
    code: 1050,
    names: ['receivable:merchant:<merchant>', 'receivable:merchant:<merchant>:credit'],
    class: 'asset',
    flagged: ':credit',
    sharded: 'no',
    what: 'owed by a merchant: for money returned, and on the credit line of its refunds',
  },
  userReceivable: {
    code: 1060,
    names: ['receivable:user:<user>'],
    class: 'asset',
    flagged: false,
    sharded: 'no',
    what: 'owed by a user',
  },
  wallet: {
    code: 2010,
    names: ['wallet:<user>'],
    class: 'liability',
    flagged: true,
    sharded: 'no',
    what: 'what we owe a user',
  },
  merchantPending: {
    code: 2020,
    names: ['merchant:<merchant>:pending'],
    class: 'liability',
    flagged: true,
    sharded: 'credits',
    what: 'captured, unsettled',
  },
  merchantAvailable: {
    code: 2030,
    names: ['merchant:<merchant>:available'],
    class: 'liability',
    flagged: true,
    sharded: 'credits',
    what: 'settled, payable',
  },
  suspense: {
    code: 2040,
    names: ['suspense:<rail>'],
    class: 'liability',
    flagged: true,
    sharded: 'no',
    what: 'unexplained money, until matched',
  },
  tax: {
    code: 2050,
    names: ['tax:<authority>'],
    class: 'liability',
    flagged: false,
    sharded: 'no',
    what: 'tax in our fees, owed to an authority',
  },
  capital: {
    code: 3010,
    names: ['equity:capital'],
    class: 'equity',
    flagged: false,
    sharded: 'no',
    what: 'paid in by the owners',
  },
  feeRevenue: {
    code: 4010,
    names: ['revenue:fees'],
    class: 'income',
    flagged: false,
    sharded: 'either_side',
    what: 'fees, less the tax in them',
  },
  railExpense: {
    code: 5010,
    names: ['expense:rail:<rail>'],
    class: 'expense',
    flagged: false,
    sharded: 'either_side',
    what: 'charges of banks, commissions of operators',
  },
  writeoff: {
    code: 5020,
    names: ['expense:writeoff'],
    class: 'expense',
    flagged: false,
    sharded: 'either_side',
    what: 'money given up',
  },
} as const satisfies Readonly<Record<string, ChartRow>>

export type AccountKind = keyof typeof CHART

/** The chart as a list, in order of code. */
export const CHART_ROWS: readonly ChartRow[] = Object.values(CHART)

/** The side on which an account of this class grows. */
export function normalSide(accountClass: AccountClass): 'debit' | 'credit' {
  return accountClass === 'asset' || accountClass === 'expense' ? 'debit' : 'credit'
}

const BY_CODE: ReadonlyMap<number, ChartRow> = new Map(CHART_ROWS.map((row) => [row.code, row]))

/** Null for a code that is not of the chart: ledgers that count limits have codes of their own. */
export function chartRow(code: number): ChartRow | null {
  return BY_CODE.get(code) ?? null
}

/** An id or configured name inside an account's name: no colon, which separates. */
const PART = '[A-Za-z0-9_.-]{1,64}'
const WHOLE_PART = new RegExp(`^${PART}$`)

/** @throws RangeError on text that would make another account's name. */
export function namePart(text: string): string {
  if (!WHOLE_PART.test(text)) throw new RangeError(`"${text}" cannot stand in an account's name`)
  return text
}

/** What an account's name says of it: each grammar of the chart as a regular expression, for Postgres too. */
export type NameRule = {
  code: number
  /** Its first group is the id in the name. */
  pattern: string
  /** That id is its owner's; else it is ours. */
  owned: boolean
  bounded: boolean
  /** May have an allowance: what a merchant was granted for its refunds. */
  creditLine: boolean
}

export const NAME_RULES: readonly NameRule[] = CHART_ROWS.flatMap(({ code, names, flagged }) =>
  names.map((grammar) => ({
    code,
    pattern: `^${grammar.replaceAll(/<[a-z]+>/g, `(${PART})`)}$`,
    owned: /<(user|merchant)>/.test(grammar),
    bounded: typeof flagged === 'string' ? grammar.endsWith(flagged) : flagged,
    creditLine: grammar.endsWith(':credit'),
  })),
)

/** Whether an account of this code may be called so. */
export function isNameOf(code: number, name: string): boolean {
  return NAME_RULES.some((rule) => rule.code === code && new RegExp(rule.pattern).test(name))
}
