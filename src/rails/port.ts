import type { FailureCode } from '../contract/names.ts'

/**
 * What the hub asks of any bank or operator. A connector maps it to its wire
 * and maps every answer to one outcome class; it never guesses: whatever is not
 * an authentic, well-formed, final answer about our reference, amount, currency
 * and direction is `unknown` (connectors.md §0).
 */

export type RailOperation = 'collect' | 'payOut'

/** One intent at a rail, as journalled. Everything on the wire derives from these values, so that a resend is the same message. */
export type RailOrder = {
  operation: RailOperation
  /** Ours, ≤ 30 of [A-Za-z0-9]; unique per attempt. */
  reference: string
  /** Lower-case UUIDv4 journalled with the attempt. */
  uetr: string
  amountMinor: bigint
  currency: string
  /** Wire time of the message, from the journal row (`dispatched_at`), ms since the epoch. */
  dispatchedAtMs: number
  /** The customer's account at this rail. */
  account: { iban: string; holder: string }
  /** Needed to collect. */
  mandate: { id: string; signedOn: string } | null
  /** ≤ 140 characters, shown on the customer's statement. */
  description: string
}

/** What an outcome rests on, stored with it: never the basis of a decision by itself. */
export type Evidence = {
  /** `answer`, `inquiry` or `callback`. */
  via: 'answer' | 'inquiry' | 'callback'
  /** The rail's own id of this statement (bank: StsId), where it gave one. */
  id: string | null
  /** The rail's status and reason words, for people. */
  status: string
  /** The rail's reference of the movement (bank: AcctSvcrRef). */
  railReference: string | null
}

export type RailOutcome =
  | { kind: 'settled'; evidence: Evidence }
  | { kind: 'declined'; code: FailureCode; reason: string; evidence: Evidence; alarm: boolean }
  /** `alarm`: not final, and somebody should look (bank: BLCK). */
  | { kind: 'pending'; evidence: Evidence; alarm?: true }
  /** Authoritative: the rail never saw the reference and never will execute it. */
  | { kind: 'not_found'; evidence: Evidence }
  /** Proven to have failed before a byte of the request left. */
  | { kind: 'not_sent'; why: string }
  | { kind: 'unknown'; why: string; alarm: boolean }

export type SendOptions = {
  /** Aborts with a reset, so that the kernel sends nothing later. */
  signal: AbortSignal
  /** Asked right before the first byte: false means too late, and the answer is `not_sent`. */
  mayWrite: () => boolean
  /** Told once, when the request's bytes have been handed to the socket. */
  onSent?: () => void
}

/** A rail's own message to us, verified over its raw bytes. */
export type CallbackStatement = {
  /** Unique per rail: the same event twice has the same id. */
  eventId: string
  reference: string
  outcome: RailOutcome
}

export type HttpMessage = { method: string; targetUri: string; headers: Record<string, string>; body: Uint8Array }

/** What a callback claims is compared with the order it names, which only the hub can look up. */
export type OrderLookup = (reference: string) => Promise<RailOrder | null>

export type CallbackVerdict =
  | { ok: true; statement: CallbackStatement }
  | { ok: false; status: 400 | 401 | 404; why: string }

export type MandateRequest = { reference: string; iban: string; holder: string; currency: string }
export type MandateAnswer =
  | { kind: 'active'; mandateId: string; signedOn: string }
  | { kind: 'pending'; mandateId: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'unavailable'; why: string }

export type BankRail = {
  readonly id: string
  send(order: RailOrder, options: SendOptions): Promise<RailOutcome>
  inquire(order: RailOrder, signal: AbortSignal): Promise<RailOutcome>
  readCallback(message: HttpMessage, orders: OrderLookup): Promise<CallbackVerdict>
  linkMandate(request: MandateRequest, signal: AbortSignal): Promise<MandateAnswer>
  close(): Promise<void>
}

/** One-time passwords by SMS through the operator, who makes and checks them. */
export type OtpSender = {
  send(
    phone: string,
    signal: AbortSignal,
  ): Promise<{ kind: 'sent'; authenticationId: string } | { kind: 'unavailable'; why: string }>
  check(
    authenticationId: string,
    otp: string,
    signal: AbortSignal,
  ): Promise<{ kind: 'right' | 'wrong' | 'expired' | 'exhausted' } | { kind: 'unavailable'; why: string }>
}
