import { setTimeout as delay } from 'node:timers/promises'
import type { HubReply } from '../../../src/bus/index.ts'
import { RefundView } from '../../../src/contract/index.ts'
import { cashAccount, walletAccount } from '../../../src/domain/accounting/index.ts'
import type { Clock } from '../../../src/domain/clock.ts'
import { ok } from '../../../src/domain/result.ts'
import {
  type Ledger,
  audit,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  openDatabase,
} from '../../../src/ledger/index.ts'
import { makeLog } from '../../../src/observe/log.ts'
import {
  fundWaiting,
  makeAftermath,
  makeBearers,
  makeCaller,
  makeInFlightCalls,
  makeIncidentBook,
  makePaymentStore,
  makeRefundSteps,
  makeStrides,
  makeTurns,
  patrolRefunds,
  refundCommands,
  type RefundTerms,
  sayRefundsWait,
  sweepRefunds,
  type Late,
} from '../../../src/payments/index.ts'
import { paymentEvents } from '../../../src/payments/events.ts'
import { holdTransfers } from '../../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../../src/payments/row-columns.ts'
import type { PaymentRow } from '../../../src/payments/rows.ts'
import { testDatabase } from '../../support/run-servers.ts'
import { oneByOne } from './one-by-one.ts'
import { scriptedRail, settled, watched } from './rail.ts'
import { attemptRow, paymentRow } from './rows.ts'
import { paymentIds } from './ids.ts'

export const log = makeLog({ name: 'test', level: 'silent' })
export const RAIL = 'test-rail'

export type RefundStage = Awaited<ReturnType<typeof openRefundStage>>
export type Source = 'wallet' | 'bank' | 'operator' | 'mobile_money'

/** Payments that succeeded by the steps of the hub, and hubs that refund them at a rail that answers as the test says. */
export async function openRefundStage() {
  const database = await testDatabase()
  const sql = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 6 })
  const owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  const ledger = makeLedger({ sql, log })
  const book = (await ensureLedger(owner, 'KES', 2)).id
  const ids = paymentIds()
  const rail = scriptedRail(RAIL)
  const store = makePaymentStore(sql)
  const time = { aheadMs: 0 }
  const clock: Clock = { now: () => Date.now() + time.aheadMs, monotonic: () => performance.now() }
  const terms: RefundTerms = { onRefund: 'kept', tax: null }
  const heard = { started: new Array<string>(), restarted: new Array<string>(), woken: new Array<string>() }

  /** One process: `through` is its way to the ledger, so that a test can cut it. */
  function hub(through: Ledger = ledger) {
    const aftermath = makeAftermath({ incidents: makeIncidentBook(sql), log })
    const outcomes = { load: makeBearers({ store, ids }), ledger: through, ids, clock, log, aftermath }
    const caller = makeCaller({
      ...outcomes,
      rails: watched(rail.book),
      calls: makeInFlightCalls(),
      wake: (id) => void heard.woken.push(id),
      failpoint: () => {},
    })
    const turns = makeTurns()
    const deps = {
      sql,
      store,
      ledger: through,
      accounts: makeAccountBook(sql),
      ids,
      clock,
      log,
      authenticateMerchant: (key: string) =>
        Promise.resolve(
          ok({ merchant: key, name: 'Shop', feePlan: { id: 'fpl_none', basisPoints: 0n, fixedMinor: 0n }, key: '' }),
        ),
      failpoint: () => {},
      start: (id: string) => void heard.started.push(id),
      startLate: (late: readonly Late[]) => void heard.started.push(...late.map(({ id }) => id)),
      restart: (id: string) => void heard.restarted.push(id),
      wake: (id: string) => void heard.woken.push(id),
      rails: rail.book,
      turns,
      terms: () => Promise.resolve(terms),
    }
    const profiles = rail.book.profile
    return {
      steps: makeRefundSteps({
        refunds: store.refunds,
        ledger: through,
        ids,
        clock,
        caller,
        profiles,
        turns,
        failpoint: () => {},
      }),
      payments: oneByOne(
        makeStrides({
          store,
          feePlan: () => Promise.reject(new Error('no payment of this test has a plan')),
          ledger: through,
          ids,
          clock,
          log,
          profiles,
          holds: { actionMs: 60_000, captureMs: 60_000 },
          caller,
          failpoint: () => {},
        }),
      ),
      commands: refundCommands(deps),
      fundWaiting: () => fundWaiting(deps),
      sweep: () => sweepRefunds(deps),
      patrol: () => patrolRefunds(deps),
      candour: () => sayRefundsWait(deps),
    }
  }
  const one = hub()
  type Hub = typeof one

  async function give(user: string, amount: bigint): Promise<void> {
    const accounts = makeAccountBook(sql)
    const [cash = '', wallet = ''] = await accounts.ensure(book, [cashAccount('bank', 'trust'), walletAccount(user)])
    const transfer = { id: ids.uuid(), ledger: book, kind: 'post' as const, debit: cash, credit: wallet }
    const result = await ledger.apply({
      id: ids.uuid(),
      transfers: [{ ...transfer, amount: amount.toString(), subject: 'fund' }],
      ok: {},
    })
    if (result.code !== 'ok') throw new Error(JSON.stringify(result))
  }

  /** A purchase that has succeeded, by the steps that every purchase takes. */
  async function paid(of: Partial<PaymentRow> & { source?: Source } = {}) {
    const { source = 'bank', ...more } = of
    const [user, merchant] = [more.payer ?? ids.make('usr'), more.merchant ?? ids.make('mer')]
    const payment = paymentRow({
      id: ids.make('pay'),
      ledger: book,
      kind: 'purchase',
      amount: 1_000n,
      ...more,
      payer: user,
      payee: merchant,
      merchant,
      payee_name: 'Shop',
      source_type: source,
    })
    const atRail = source !== 'wallet'
    await give(user, atRail ? 1n : payment.amount)
    const attempt = attemptRow(payment, { rail: RAIL, operation: 'collect' })
    const accepted = await ledger.apply({
      id: ids.uuid(),
      transfers: await holdTransfers(payment, atRail ? RAIL : null, ids, makeAccountBook(sql)),
      ok: {
        new_payment: newPaymentColumns(payment),
        ...(atRail ? { new_attempt: newAttemptColumns(attempt) } : {}),
        events: paymentEvents(payment, atRail ? RAIL : null, ids, { balances: true }),
      },
    })
    if (accepted.code !== 'ok') throw new Error(JSON.stringify(accepted))
    const { payments } = one
    const { send } = rail
    rail.send = () => Promise.resolve({ ...settled(), memo: { paymentId: 'at-the-rail' } })
    let next = await payments.reserve(payment.id)
    if (next.step === 'dispatch') next = await payments.dispatch(payment.id)
    rail.send = send
    if (next.step === 'confirm') next = await payments.confirm(payment.id)
    if (next.step !== 'done' || next.status !== 'succeeded')
      throw new Error(`the payment came to ${JSON.stringify(next)}`)
    return { id: payment.id, user, merchant, reference: attempt.reference }
  }

  async function ask(
    merchant: string,
    name: 'refund.create' | 'refund.get' | 'refund.list',
    body: unknown,
    by: { hub?: Hub; key?: string } = {},
  ): Promise<HubReply> {
    const { commands } = by.hub ?? one
    const answer = await commands[name]({
      requestId: ids.make('req'),
      credential: { type: 'merchant', secretKey: merchant },
      key: by.key ?? ids.make('key'),
      body,
      deadline: Date.now() + 10_000,
    })
    answer.after?.()
    return answer.reply
  }

  /** As a merchant does that is told to come again. */
  async function insist(merchant: string, body: { payment: string; amount?: string }, by: { hub?: Hub } = {}) {
    const key = ids.make('key')
    for (;;) {
      const reply = await ask(merchant, 'refund.create', body, { ...by, key })
      if (reply.ok || !reply.error.retryable) return reply
      await delay(reply.error.retry_after_ms ?? 0)
    }
  }

  /** Asks for a refund that must be taken. */
  async function refund(merchant: string, body: { payment: string; amount?: string }, by: { hub?: Hub } = {}) {
    const reply = await insist(merchant, body, by)
    if (!reply.ok) throw new Error(JSON.stringify(reply.error))
    return RefundView.parse(reply.body)
  }

  /** All its steps, as its workflow takes them, until it waits or is over. */
  async function live(id: string, by: Hub = one): Promise<string> {
    let next = await by.steps.look(id)
    for (let i = 0; i < 20; i++) {
      if (next.step === 'done') return next.status
      if (next.step === 'wait') {
        if (next.ms > 0) return next.stage
        next = await by.steps.inquire(id)
        if (next.step === 'wait') return next.stage
      } else if (next.step === 'dispatch' && next.afterMs > 0) return 'not_sent'
      else next = await by.steps[next.step](id)
    }
    throw new Error(`refund ${id} goes round in circles`)
  }

  /** Payment, refunds and the money of both sides. */
  async function standing({ id, merchant, user }: { id: string; merchant: string; user: string }) {
    const payment = await store.payment(id)
    const rows = await sql<{ name: string; out: bigint; left: bigint }[]>`
      select name, sum(debits_pending)::bigint as out, sum(credits_posted - debits_posted)::bigint as left
      from accounts where owner in (${merchant}, ${user}) group by name`
    const account = (name: string) => rows.find((row) => row.name === name) ?? { out: 0n, left: 0n }
    const has = account(`merchant:${merchant}:pending`)
    return {
      reserved: payment?.refund_reserved,
      refunded: payment?.refunded_amount,
      held: has.out,
      merchant: has.left,
      wallet: account(`wallet:${user}`).left,
    }
  }

  return {
    sql,
    owner,
    ledger,
    ids,
    book,
    rail,
    store,
    time,
    terms,
    heard,
    hub,
    one,
    paid,
    give,
    ask,
    insist,
    refund,
    live,
    standing,
    breaches: async () => (await audit(owner)).breaches,
    reset() {
      time.aheadMs = 0
      Object.assign(terms, { onRefund: 'kept', tax: null })
      for (const list of Object.values(heard)) list.length = 0
    },
    async close() {
      await ledger.drain()
      await Promise.all([sql.end({ timeout: 1 }), owner.end({ timeout: 1 })])
      await database.drop()
    },
  }
}
