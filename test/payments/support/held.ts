import { cashAccount, walletAccount } from '../../../src/domain/accounting/index.ts'
import type { Clock } from '../../../src/domain/clock.ts'
import {
  type Ledger,
  type Sql,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  openDatabase,
} from '../../../src/ledger/index.ts'
import { makeLog } from '../../../src/observe/log.ts'
import {
  makeAftermath,
  makeBearers,
  makeCaller,
  makeDecide,
  makeInFlightCalls,
  makeIncidentBook,
  makePaymentStore,
  makeStrides,
} from '../../../src/payments/index.ts'
import { paymentEvents } from '../../../src/payments/events.ts'
import { holdTransfers } from '../../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../../src/payments/row-columns.ts'
import type { PaymentRow, PaymentState } from '../../../src/payments/rows.ts'
import { testDatabase } from '../../support/run-servers.ts'
import { oneByOne } from './one-by-one.ts'
import { scriptedRail, watched } from './rail.ts'
import { attemptRow, paymentRow } from './rows.ts'
import { paymentIds } from './ids.ts'

/** Purchases that hold money, from a wallet or on a phone bill, and any number of hubs to move them. */

export const RAIL = 'test-operator'
export const MINUTE_MS = 60_000
export const CAPTURE_MS = 7 * 24 * 60 * MINUTE_MS
export const ACTION_MS = 5 * MINUTE_MS

export const ids = paymentIds()
const log = makeLog({ name: 'test', level: 'silent' })

export type Order = { source: 'wallet' | 'operator' } & Partial<
  Pick<PaymentRow, 'amount' | 'fee' | 'capture_method' | 'status' | 'expires_at' | 'ledger' | 'currency'>
>

export type HeldStage = Awaited<ReturnType<typeof openStage>>

export async function openStage() {
  const database = await testDatabase()
  const owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  const connect = (name: string, connections: number): Sql =>
    openDatabase({ url: database.url('mooring_hub'), name, connections })
  const sqls = [connect('test-hub', 4), connect('test-other-hub', 4)]
  const [hub, otherHub] = [sqls[0] ?? connect('', 1), sqls[1] ?? connect('', 1)]
  const ledger = makeLedger({ sql: hub, log })
  const other: Ledger = makeLedger({ sql: otherHub, log })
  const book = (await ensureLedger(owner, 'KES', 2)).id
  const store = makePaymentStore(hub)
  const accounts = makeAccountBook(hub)
  const operator = scriptedRail(RAIL, {
    firstStep: { collect: 'prepare' },
    manualCapture: true,
    notFound: { prepare: 'final', confirm: 'resend', cancel: 'resend' },
  })
  const merchant = ids.make('mer')
  /** Added to the time of the hubs; the database keeps its own. */
  const time = { aheadMs: 0 }
  const clock: Clock = { now: () => Date.now() + time.aheadMs, monotonic: () => performance.now() }
  const woken: string[] = []
  const priced = { store, feePlan: () => Promise.reject(new Error('nothing here has a plan')) }

  /** The steps of a payment, as a hub has them. */
  function steps() {
    const aftermath = makeAftermath({ incidents: makeIncidentBook(hub), log })
    const outcomes = { load: makeBearers({ store, ids }), ledger, ids, clock, log, aftermath }
    const caller = makeCaller({
      ...outcomes,
      rails: watched(operator.book),
      calls: makeInFlightCalls(),
      wake: (payment) => void woken.push(payment),
      failpoint: () => {},
    })
    const holds = { actionMs: ACTION_MS, captureMs: CAPTURE_MS }
    const profiles = operator.book.profile
    return oneByOne(makeStrides({ ...priced, ledger, ids, clock, log, profiles, holds, caller, failpoint: () => {} }))
  }

  async function state(id: string): Promise<PaymentState> {
    const found = await store.state(id)
    if (found === null) throw new Error(`there is no payment ${id}`)
    return found
  }

  /** A payer with this much in the wallet. */
  async function payer(amount: bigint, of = { ledger: book }): Promise<string> {
    const user = ids.make('usr')
    const [cash = '', wallet = ''] = await accounts.ensure(of.ledger, [
      cashAccount('bank', 'trust'),
      walletAccount(user),
    ])
    const transfer = {
      id: ids.uuid(),
      ledger: of.ledger,
      kind: 'post' as const,
      debit: cash,
      credit: wallet,
      amount: amount.toString(),
      subject: 'fund',
    }
    const funded = await ledger.apply({ id: ids.uuid(), transfers: [transfer], ok: {} })
    if (funded.code !== 'ok') throw new Error(JSON.stringify(funded))
    return user
  }

  return {
    hub,
    owner,
    ledger,
    other,
    book,
    store,
    priced,
    operator,
    time,
    clock,
    woken,
    steps,
    state,
    payer,

    /** A purchase as its payer has confirmed it. */
    async accepted({ source, ...of }: Order, by?: string): Promise<string> {
      const amount = of.amount ?? 1_000n
      const user = by ?? (await payer(amount, { ledger: of.ledger ?? book }))
      const payment = paymentRow({
        id: ids.make('pay'),
        ledger: book,
        kind: 'purchase',
        capture_method: 'manual',
        fee: 15n,
        ...of,
        amount,
        payer: user,
        payee: merchant,
        merchant,
        payee_name: 'Test Shop',
        source_type: source,
      })
      const rail = source === 'wallet' ? null : RAIL
      const phone = { account: '+254700000001', account_holder: null, step: 'prepare' } as const
      const made = await ledger.apply({
        id: ids.uuid(),
        transfers: await holdTransfers(payment, rail, ids, accounts),
        ok: {
          new_payment: newPaymentColumns(payment),
          ...(rail === null
            ? {}
            : { new_attempt: newAttemptColumns(attemptRow(payment, { rail, operation: 'collect', ...phone })) }),
          events: paymentEvents(payment, rail, ids, { balances: true }),
        },
      })
      if (made.code !== 'ok') throw new Error(JSON.stringify(made))
      return payment.id
    },

    /** What operators decide about it, who need no approval here. */
    decide(id: string, action: 'resolve_settled' | 'resolve_not_moved') {
      const aftermath = makeAftermath({ incidents: makeIncidentBook(hub), log })
      const load = makeBearers({ store, ids })
      const consume = () => Promise.resolve({ ok: true as const, action, operators: ['ann'] })
      const decide = makeDecide({ load, ledger, ids, clock, log, aftermath, store, consume })
      return decide({ payment: id, update: 'resolve', approval: 'apr_1', by: 'test' })
    },

    /** Runs a payment's steps until it waits for somebody else, or has ended; as its workflow does. */
    async run(id: string, hubSteps = steps()) {
      let next = await hubSteps.reserve(id)
      while (next.step !== 'done' && next.step !== 'wait') {
        if (next.step === 'dispatch' && next.afterMs > 0) break
        next = await hubSteps[next.step](id)
      }
      return next
    },

    /** Where the payment and its money stand. */
    async standing(id: string) {
      const { payment, attempt, holds } = await state(id)
      const [posted] = await owner<{ source: bigint; share: bigint; fee: bigint }[]>`
        select coalesce(sum(t.amount), 0)::bigint as source,
          coalesce(sum(t.amount) filter (where c.name like 'merchant:%'), 0)::bigint as share,
          coalesce(sum(t.amount) filter (where c.name not like 'merchant:%'), 0)::bigint as fee
        from transfers t join accounts c on c.id = t.credit_account
        where t.subject = ${id} and t.kind in ('confirm', 'post')`
      const [wallet] = await hub<{ held: bigint; left: bigint }[]>`
        select debits_pending as held, credits_posted - debits_posted as left from accounts
        where ledger = ${payment.ledger} and name = ${`wallet:${payment.payer ?? ''}`}`
      return {
        status: payment.status,
        reason: payment.status_reason,
        failure: payment.failure_code,
        captured: payment.captured_amount,
        fee: payment.fee,
        step: attempt?.step,
        state: attempt?.state,
        holds: holds.length,
        posted,
        ...wallet,
      }
    },

    async close(): Promise<void> {
      await Promise.all([ledger.drain(), other.drain()])
      await Promise.all([...sqls, owner].map((sql) => sql.end({ timeout: 1 })))
      await database.drop()
    },
  }
}
