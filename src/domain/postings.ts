import { assertNever } from './result.ts'

/**
 * Which accounts a payment moves money between (docs/accounting.md, Postings).
 * Pure: from the payment's facts to the legs of one linked group.
 */

/** Codes of the chart of accounts in use so far. */
export const ACCOUNT_CODE = {
  cash: 1010,
  clearing: 1015,
  wallet: 2010,
  merchantPending: 2020,
  capital: 3010,
  feeRevenue: 4010,
} as const

export type AccountSpec = {
  code: number
  name: string
  /** The user or merchant whose money it is; null for our own. */
  owner: string | null
  debitsMustNotExceedCredits: boolean
}

export function walletAccount(user: string): AccountSpec {
  return { code: ACCOUNT_CODE.wallet, name: `wallet:${user}`, owner: user, debitsMustNotExceedCredits: true }
}

export function merchantPendingAccount(merchant: string): AccountSpec {
  return {
    code: ACCOUNT_CODE.merchantPending,
    name: `merchant:${merchant}:pending`,
    owner: merchant,
    debitsMustNotExceedCredits: true,
  }
}

/** What a rail has accepted and not yet shown on its statement. */
export function clearingAccount(rail: string): AccountSpec {
  return { code: ACCOUNT_CODE.clearing, name: `clearing:${rail}`, owner: null, debitsMustNotExceedCredits: false }
}

export function feeRevenueAccount(): AccountSpec {
  return { code: ACCOUNT_CODE.feeRevenue, name: 'revenue:fees', owner: null, debitsMustNotExceedCredits: false }
}

export function cashAccount(bank: string, purpose: 'trust' | 'own'): AccountSpec {
  return { code: ACCOUNT_CODE.cash, name: `cash:${bank}:${purpose}`, owner: null, debitsMustNotExceedCredits: false }
}

export function capitalAccount(): AccountSpec {
  return { code: ACCOUNT_CODE.capital, name: 'equity:capital', owner: null, debitsMustNotExceedCredits: false }
}

export type Leg = { debit: AccountSpec; credit: AccountSpec; amountMinor: bigint }

/** A payment's facts as far as its postings go. `rail` is the source's rail; null when the source is the wallet. */
export type PostingFacts = {
  kind: 'purchase' | 'transfer' | 'topup' | 'withdrawal'
  amountMinor: bigint
  feeMinor: bigint
  payer: string
  payee: string
  rail: string | null
}

/** Legs of the hold a payment places at acceptance; confirmed or voided together. Legs of 0 are omitted. */
export function paymentLegs(facts: PostingFacts): Leg[] {
  switch (facts.kind) {
    case 'topup':
      return [
        { debit: clearingAccount(needRail(facts)), credit: walletAccount(facts.payer), amountMinor: facts.amountMinor },
      ]
    case 'withdrawal':
      return [
        { debit: walletAccount(facts.payer), credit: clearingAccount(needRail(facts)), amountMinor: facts.amountMinor },
      ]
    case 'transfer':
      return [{ debit: walletAccount(facts.payer), credit: walletAccount(facts.payee), amountMinor: facts.amountMinor }]
    case 'purchase': {
      const from = facts.rail === null ? walletAccount(facts.payer) : clearingAccount(facts.rail)
      const net = {
        debit: from,
        credit: merchantPendingAccount(facts.payee),
        amountMinor: facts.amountMinor - facts.feeMinor,
      }
      const fee = { debit: from, credit: feeRevenueAccount(), amountMinor: facts.feeMinor }
      return [net, fee].filter((leg) => leg.amountMinor > 0n)
    }
    default:
      return assertNever(facts.kind, 'payment kind')
  }
}

/** Users whose wallet the legs touch: each gets `balance.updated`. */
export function touchedWallets(legs: readonly Leg[]): string[] {
  const owners = legs
    .flatMap((leg) => [leg.debit, leg.credit])
    .filter((account) => account.code === ACCOUNT_CODE.wallet)
  return [...new Set(owners.map((account) => account.owner ?? ''))]
}

function needRail(facts: PostingFacts): string {
  if (facts.rail === null) throw new Error(`a ${facts.kind} has a rail`)
  return facts.rail
}
