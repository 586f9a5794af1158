import { magicNumber } from './faults/magic.ts'
import type { Account, Entry } from './entry.ts'
import { keyOf, potOf, type BankState } from './state.ts'
import { ibanIsValid } from './wire/amount.ts'
import type { PaymentMessage } from './wire/receive.ts'

/** Whether the bank does what an order asks, by the state it is in. Pure: the caller enters what is decided. */

/** The two accounts of an order; a refund's are its original's, '' when there is none. */
export type Parties = { account: string; ownAccount: string }

/** A first arrival older (or further ahead) than this is refused, which makes `not found` authoritative. */
export const FIRST_ARRIVAL_LIMIT_MS = 20_000
/** What an account nobody has opened holds. */
export const CUSTOMER_OPENING_MINOR = 100_000_000n
/** The client's own account is opened deep enough that demo pay-outs never drain it. */
const CLIENT_OPENING_MINOR = 1_000_000_000_000n

export function partiesOf(state: BankState, message: PaymentMessage): Parties {
  if (message.operation !== 'refund') return { account: message.account, ownAccount: message.ownAccount }
  const original = state.payments.get(keyOf('collect', message.original))
  return { account: original?.account ?? '', ownAccount: original?.ownAccount ?? '' }
}

/** The client's account of a currency is the first it uses; another one, or a customer's, is not its own. */
export function ownAccountRefused(state: BankState, currency: string, { account, ownAccount }: Parties): boolean {
  if (ownAccount === '') return false
  const entitled = state.entitled.get(currency)
  if (entitled !== undefined) return entitled !== ownAccount
  const customers = [...state.mandates.values()].some((mandate) => mandate.account === ownAccount)
  return customers || ownAccount === account || magicNumber(ownAccount) !== null
}

/** Accounts that open on demand with this order. */
export function openingsFor(state: BankState, currency: string, parties: Parties): Pick<Entry, 'opened' | 'entitled'> {
  const opened: Account[] = []
  const open = (account: string, holder: string, openingMinor: bigint) => {
    if (account !== '' && !state.pots.has(potOf(account, currency)))
      opened.push({ account, currency, holder, openingMinor })
  }
  open(parties.account, 'Customer', CUSTOMER_OPENING_MINOR)
  open(parties.ownAccount, 'Client of the bank', CLIENT_OPENING_MINOR)
  const entitle = parties.ownAccount !== '' && !state.entitled.has(currency)
  return {
    ...(opened.length > 0 ? { opened } : {}),
    ...(entitle ? { entitled: [currency, parties.ownAccount] } : {}),
  }
}

/** The reason to reject a first arrival, or null to go ahead. */
export function judge(state: BankState, message: PaymentMessage, parties: Parties, nowMs: number): string | null {
  if (state.tombstones.has(keyOf(message.operation, message.reference))) return 'TM01'
  if (Math.abs(nowMs - message.instructedAtMs) > FIRST_ARRIVAL_LIMIT_MS) return 'TM01'
  if (message.operation === 'refund') {
    const refusal = judgeRefund(state, message)
    if (refusal !== null) return refusal
  } else {
    if (/^[A-Z]{2}[0-9]{2}/.test(message.account) && !ibanIsValid(message.account)) return 'AC01'
    if (message.operation === 'collect' && !mandateCovers(state, message)) return 'MD01'
  }
  const payer = message.operation === 'collect' ? parties.account : parties.ownAccount
  return availableMinor(state, payer, message) < message.amountMinor ? 'AM04' : null
}

function availableMinor(state: BankState, payer: string, message: PaymentMessage): bigint {
  if (state.pots.has(potOf(payer, message.currency))) return state.availableMinor(payer, message.currency)
  return message.operation === 'collect' ? CUSTOMER_OPENING_MINOR : CLIENT_OPENING_MINOR
}

function mandateCovers(state: BankState, message: PaymentMessage): boolean {
  if (magicNumber(message.account) !== null) return true
  const mandate = state.mandates.get(message.mandateId)
  return (
    mandate !== undefined &&
    mandate.active &&
    mandate.account === message.account &&
    mandate.currency === message.currency &&
    mandate.dateOfSignature === message.mandateSignedOn
  )
}

/** FF12: the original is not there or not settled; AM09: more than is left of it. */
function judgeRefund(state: BankState, message: PaymentMessage): string | null {
  const key = keyOf('collect', message.original)
  const original = state.payments.get(key)
  if (original === undefined || original.status !== 'ACSC' || original.uetr !== message.uetr) return 'FF12'
  if (original.currency !== message.currency || original.amountMinor !== message.originalAmountMinor) return 'AM09'
  return message.amountMinor > state.leftMinor(key) ? 'AM09' : null
}
