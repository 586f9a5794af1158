import type { Registry } from 'prom-client'
import type { FailureCode } from '../../../src/contract/names.ts'
import type { RailOperation } from '../../../src/domain/attempt.ts'
import type { HttpMessage, Rail, RailOrder, RailOutcome } from '../../../src/rails/port.ts'
import type { Control, Fault } from './control.ts'
import type { Inbox } from './inbox.ts'

/**
 * A connector and its simulator, as the suite needs them. A rail of one's own is
 * a file `test/rails/contract/<rail>.test.ts` that calls `railContract` with one
 * of these (docs/connectors.md).
 */
export type Subject = {
  /** As in `the bank`. */
  name: string
  /** Starts the simulator as a process, and a connector that speaks to it and hears its callbacks. */
  start(): Promise<Running>
  /** What its profile has a first step for. */
  offers: readonly RailOperation[]
  /** What this rail does otherwise than the tables say; null for a row it does not have. */
  adjust?: (row: Row, operation: RailOperation) => Row | null
  /** Whether a callback states an outcome by itself, or only wakes an inquiry (`look`). */
  callbacks: 'state' | 'look'
  /** What the simulator can do with the answer to an inquiry: each must leave the outcome `unknown`. */
  inquiryFaults?: readonly Fault[]
  /** Forgeries of an authentic callback, by what was done to it. Each must be refused. */
  forgeries: readonly (readonly [what: string, forge: (authentic: HttpMessage) => HttpMessage])[]
  /** Magic account whose collect wants the payer's code first; left out where the rail never asks. */
  codeAccount?: number
}

export type Running = {
  rail: Rail
  registry: Registry
  control: Control
  inbox: Inbox
  /**
   * A first send of `operation` for magic account `nn`, written now under a fresh reference; a refund's `original` is
   * set by the suite. Its step is the profile's first.
   */
  makeOrder(operation: RailOperation, nn: number): RailOrder
  /** What the payer would type, and what not, where the order waits for a code. */
  payerCode?: (order: RailOrder) => Promise<{ right: string; wrong: string }>
  /** Lets the connector's own waiting rules pass, where an inquiry is conclusive only some time after the deadline. */
  passTime?: () => Promise<void>
  stop(): Promise<void>
}

/** What an attempt comes to; `not_executed`: the rail never saw it, and never will do it. */
export type Final = 'settled' | 'declined' | 'not_executed'

/** One thing a rail may do with an order, and what must come of it. */
export type Row = {
  name: string
  /** The magic account (connectors.md §4). */
  nn: number
  /** What the simulator is told to do with the order, beside the account. */
  fault?: Fault
  /** Outcomes of the first send that are right, of its first step where there are several. */
  first: readonly RailOutcome['kind'][]
  /** What it comes to; null where the row is not followed to its end. */
  final: Final | null
  code?: FailureCode
  /** Of a decline: somebody of ours should look. */
  alarm?: true
  /** The answer never comes: the call is aborted, once the book shows it (`executed`) or once it has left (`sent`). */
  abort?: 'executed' | 'sent'
  /** Pending until the control API says this. */
  decide?: 'settled' | 'declined'
  /** Distinct events and deliveries that are heard of it in the end. */
  heard?: { events: number; deliveries: number }
  /** All of it comes back afterwards, in so many parts. */
  returned?: number
}
