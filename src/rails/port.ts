import type { FailureCode } from '../contract/names.ts'
import type { RailOperation, RailStep } from '../domain/attempt.ts'

/**
 * What the hub asks of any bank or operator. A connector maps it to its wire
 * and maps every answer to one outcome class; it never guesses: whatever is not
 * an authentic, well-formed, final answer about our reference, amount, currency
 * and direction is `unknown` (connectors.md §0). docs/connectors.md walks through a new one.
 */

/** A customer's account at a rail: at a bank by IBAN, at an operator by phone number (E.164 with `+`). */
export type RailAccount = { type: 'iban'; iban: string; holder: string } | { type: 'phone'; phone: string }

/** What a connector wants to find again with the attempt: the rail's own ids. Opaque to everyone else, ≤ 2 kB as JSON. */
export type RailMemo = Readonly<Record<string, string>>

/** One intent at a rail, as journalled. Everything on the wire derives from these values, so that a resend is the same message. */
export type RailOrder = {
  operation: RailOperation
  /** Which call of the intent: `submit` where the rail needs one, else the present step of several. */
  step: RailStep
  /** Ours, ≤ 30 of [A-Za-z0-9]; unique per attempt. */
  reference: string
  /** Lower-case UUIDv4 journalled with the attempt. */
  uetr: string
  amountMinor: bigint
  currency: string
  /** When this step's call was first journalled (`dispatched_at`): its wire time, ms since the epoch. */
  dispatchedAtMs: number
  /** Times this step has been journalled for sending, this one included: above 1 it is a resend. */
  sends: number
  /** The customer's account at this rail: debited by collect, credited by payOut and refund. */
  account: RailAccount
  /** Needed to collect from a bank account. */
  mandate: { id: string; signedOn: string } | null
  /** ≤ 140 characters, shown on the customer's statement. */
  description: string
  /** Who is paid, where it is a merchant. */
  merchant: { id: string; name: string } | null
  /** Of a refund: the settled collect that it gives back, whole or in part. */
  original: OriginalCollect | null
  /** As the connector last left it, over all steps of the attempt. */
  memo: RailMemo
  /** What the payer typed, for the step `validate` only. */
  input: string | null
}

export type OriginalCollect = {
  reference: string
  uetr: string
  amountMinor: bigint
  dispatchedAtMs: number
  railReference: string | null
  memo: RailMemo
}

/** What an outcome rests on, stored with it: never the basis of a decision by itself. */
export type Evidence = {
  via: 'answer' | 'inquiry' | 'callback' | 'operator'
  /** The rail's own id of this statement (bank: StsId), where it gave one. */
  id: string | null
  /** The rail's status and reason words, for people. */
  status: string
  /** The rail's reference of the movement (bank: AcctSvcrRef). */
  railReference: string | null
}

export type RailOutcome =
  /**
   * The step did what it is for: `submit` and `confirm` moved the money, `prepare` and `validate` reserved it (or, with
   * `asks`, want the payer's code first), `cancel` released it.
   */
  | { kind: 'settled'; evidence: Evidence; memo?: RailMemo; asks?: 'code' }
  /** Of `cancel`: it came too late, for the money had moved by then, as `confirm` does it. */
  | { kind: 'charged'; evidence: Evidence; memo?: RailMemo }
  /** Final: this reference moved nothing and never will. */
  | { kind: 'declined'; code: FailureCode; reason: string; evidence: Evidence; alarm: boolean }
  /** Of `validate`: the payer's code was wrong and another may be tried. */
  | { kind: 'wrong_code'; evidence: Evidence; memo?: RailMemo }
  /** `alarm`: not final, and somebody should look (bank: BLCK). */
  | { kind: 'pending'; evidence: Evidence; memo?: RailMemo; alarm?: true }
  /** Authoritative: the rail never saw the reference. What may follow is in `RailProfile.notFound`. */
  | { kind: 'not_found'; evidence: Evidence }
  /**
   * It had settled, and this much of it has come back since. `evidence.id` names the return, once for each.
   * `disputed`: not the rail but its customer wants it back.
   */
  | { kind: 'returned'; amountMinor: bigint; reason: string; evidence: Evidence & { id: string }; disputed?: true }
  /** Proven to have failed before a byte of the request left. */
  | { kind: 'not_sent'; why: string }
  | { kind: 'unknown'; why: string; alarm: boolean; memo?: RailMemo }

/** Whether the rail itself spoke, which is what a circuit closes on: neither silence nor a call that never left. */
export function isAnswer(outcome: RailOutcome): boolean {
  return outcome.kind !== 'unknown' && outcome.kind !== 'not_sent'
}

export type SendOptions = {
  /** Aborts with a reset, so that the kernel sends nothing later. */
  signal: AbortSignal
  /** Asked right before the first byte: false means too late, and the answer is `not_sent`. */
  mayWrite: () => boolean
  /** Told once, when the request's bytes have been handed to the socket. */
  onSent?: () => void
}

/** A rail's own message to us, authenticated by whatever its scheme offers. */
export type CallbackStatement = {
  /** Unique per rail: the same event twice has the same id. */
  eventId: string
  reference: string
  /** `look`: the scheme signs nothing, so it only wakes an inquiry, and the inquiry's answer counts. */
  says: { kind: 'look'; hint: CallbackHint | null } | RailOutcome
}

/**
 * What an unsigned message claims. Nothing follows from it but this: one that claims what is recorded anyway need not
 * be asked about, for it tells nothing new, whoever sent it.
 */
export type CallbackHint = 'reserved' | 'moved' | 'declined' | 'released'

export type HttpMessage = { method: string; targetUri: string; headers: Record<string, string>; body: Uint8Array }

/** What a callback claims is compared with the order it names, which only the hub can look up; null: never sent. */
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

export type RailHealthAnswer = { kind: 'available' | 'degraded' | 'unavailable'; why: string | null }

/** What a rail can do and how it wants to be asked. */
export type RailProfile = {
  /** The first step of each operation; an operation that is missing is not offered. */
  firstStep: Readonly<Partial<Record<RailOperation, RailStep>>>
  /** Whether a collect can be reserved now and captured, or cancelled, later. */
  manualCapture: boolean
  /** The answer to a call or question is awaited this long, ms. */
  deadlineMs: number
  /**
   * What `not_found` allows (payments.md, rule 8): `final` where the rail will never execute the reference afterwards,
   * or the step is harmless; `resend` where only sending the same again, and its answer, tells.
   */
  notFound: Readonly<Partial<Record<RailStep, 'final' | 'resend'>>>
  /** Gaps between inquiries, the first from the deadline on, ms; then every 5 min for a day, then hourly. */
  inquiryGapsMs: readonly number[]
  /** Most inquiries a second this process asks, so that an outage does not end in a flood. */
  inquiriesPerSecond: number
  /** Most calls in flight of this process; new payments beyond it are refused before money is held. */
  callsMax: number
}

export type Rail = {
  readonly id: string
  readonly profile: RailProfile
  /** Sends the order's present step. */
  send(order: RailOrder, options: SendOptions): Promise<RailOutcome>
  /** Asks what became of it; never moves money. `step`s of the order read as for `send`. */
  inquire(order: RailOrder, signal: AbortSignal): Promise<RailOutcome>
  readCallback(message: HttpMessage, orders: OrderLookup): Promise<CallbackVerdict>
  heartbeat(signal: AbortSignal): Promise<RailHealthAnswer>
  close(): Promise<void>
}

/** A rail that collects under mandates. */
export type BankRail = Rail & {
  linkMandate(request: MandateRequest, signal: AbortSignal): Promise<MandateAnswer>
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

/** When a phone number was last moved to another SIM card; `unknown` counts as swapped just now (security.md). */
export type SimSwap = {
  date(phone: string, signal: AbortSignal): Promise<{ kind: 'date'; atMs: number } | { kind: 'unknown' }>
}
