import { Registry } from 'prom-client'
import { expect } from 'vitest'
import type { RailCallbackReply } from '../../../src/bus/index.ts'
import type { Clock } from '../../../src/domain/clock.ts'
import { cashAccount, walletAccount } from '../../../src/domain/accounting/index.ts'
import { ensureLedger, makeAccountBook, makeLedger, openDatabase } from '../../../src/ledger/index.ts'
import { makeLog } from '../../../src/observe/log.ts'
import {
  callbackHandlers,
  type EvidenceName,
  makeAftermath,
  makeBearers,
  makeCallbackRefusals,
  makeCaller,
  makeEvidenceBook,
  makeInFlightCalls,
  makeIncidentBook,
  makeIsInFlight,
  makeLookNow,
  makePaymentStore,
  makeRailBook,
  makeRecoverySteps,
  makeStrides,
  type RailWatch,
  recordOutcome,
  takeCallback,
} from '../../../src/payments/index.ts'
import { paymentEvents } from '../../../src/payments/events.ts'
import { holdTransfers } from '../../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../../src/payments/row-columns.ts'
import type { PaymentRow } from '../../../src/payments/rows.ts'
import type { HttpMessage, Rail, RailAccount, RailOutcome } from '../../../src/rails/port.ts'
import { testDatabase } from '../../support/run-servers.ts'
import { oneByOne } from './one-by-one.ts'
import { scriptedRail, settled, watched } from './rail.ts'
import { attemptRow, paymentRow } from './rows.ts'
import { paymentIds } from './ids.ts'

const MINUTE_MS = 60_000
const AMOUNT = 100n
const ANY_IBAN = 'DE23999999990000000000'

type Accepted = {
  amount?: bigint
  source?: 'bank' | 'mobile_money' | 'operator'
  account?: RailAccount
}
export const MERCHANT = 'mer_shop'

/** The hub's steps over a real database and a rail that says what the test wants. */
export async function openRecoveryStage(real?: Rail, watching: Partial<RailWatch> = {}) {
  const database = await testDatabase()
  const hub = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 4 })
  const owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  const log = makeLog({ name: 'test', level: 'silent' })
  const ledger = makeLedger({ sql: hub, log })
  const book = (await ensureLedger(owner, 'KES', 2)).id
  const ids = paymentIds()
  let aheadMs = 0
  const clock: Clock = { now: () => Date.now() + aheadMs, monotonic: () => performance.now() }
  const rail = scriptedRail('test-bank')
  const at = real ?? rail.rail
  const rails = makeRailBook([{ id: at.id, name: 'Test rail', connector: 'test', serves: ['bank'], rail: at }])
  const store = makePaymentStore(hub)
  const accounts = makeAccountBook(hub)
  const evidence = makeEvidenceBook(hub)
  const incidents = makeIncidentBook(hub)
  /** Recoveries that the hub asked Temporal for; whether it can be asked. */
  const begun: EvidenceName[] = []
  const aftermath = makeAftermath({ incidents, log, recover: (each) => void begun.push(each) })
  const outcomes = { load: makeBearers({ store, ids }), ledger, ids, clock, log, aftermath }
  const steps = oneByOne(
    makeStrides({
      store,
      feePlan: () => Promise.reject(new Error('nothing here has a plan')),
      ledger,
      ids,
      clock,
      log,
      profiles: rails.profile,
      holds: { actionMs: MINUTE_MS, captureMs: MINUTE_MS },
      caller: makeCaller({
        ...outcomes,
        rails: watched(rails, watching),
        calls: makeInFlightCalls(),
        wake: () => {},
        failpoint: () => {},
      }),
      failpoint: () => {},
    }),
  )
  const recoveryDeps = {
    store,
    evidence,
    incidents,
    aftermath,
    terms: () => Promise.resolve({ onRefund: 'kept' as const, tax: null }),
    ledger,
    accounts,
    rails: watched(rails, watching),
    ids,
    clock,
    log,
  }
  const recovery = makeRecoverySteps(recoveryDeps)

  /** One payment that was accepted, at a rail: 1.00, unless said otherwise. */
  async function accepted(
    kind: 'topup' | 'withdrawal' | 'purchase',
    { amount = AMOUNT, source = 'bank', account }: Accepted = {},
  ): Promise<PaymentRow> {
    const user = ids.make('usr')
    const [cash = '', wallet = ''] = await accounts.ensure(book, [cashAccount('bank', 'trust'), walletAccount(user)])
    const merchant = kind === 'purchase' ? MERCHANT : null
    const payment = paymentRow({
      id: ids.make('pay'),
      ledger: book,
      kind,
      payer: user,
      merchant,
      payee: merchant ?? 'self',
      fee: kind === 'purchase' ? 3n : 0n,
      amount,
      source_type: source,
    })
    if (kind === 'withdrawal') {
      const fund = { ledger: book, kind: 'post' as const, debit: cash, credit: wallet, amount: '100', subject: 'fund' }
      expect(await ledger.apply({ id: ids.uuid(), transfers: [{ id: ids.uuid(), ...fund }], ok: {} })).toEqual({
        code: 'ok',
      })
    }
    const operation = kind === 'withdrawal' ? 'payOut' : 'collect'
    const attempt = attemptRow(payment, {
      rail: at.id,
      operation,
      step: at.profile.firstStep[operation] ?? 'submit',
      merchant_name: merchant === null ? null : 'Shop',
      ...(account?.type === 'phone'
        ? { account: account.phone, account_holder: null }
        : { account: account?.iban ?? ANY_IBAN, mandate_id: 'MNDT1', mandate_signed_on: '2026-11-01' }),
    })
    const born = await ledger.apply({
      id: ids.uuid(),
      transfers: await holdTransfers(payment, at.id, ids, accounts),
      ok: {
        new_payment: newPaymentColumns(payment),
        new_attempt: newAttemptColumns(attempt),
        events: paymentEvents(payment, at.id, ids, { balances: true }),
      },
    })
    expect(born).toEqual({ code: 'ok' })
    return payment
  }

  /** The same, and what its rail answers ends it. */
  async function ended(
    kind: 'topup' | 'withdrawal' | 'purchase',
    answer: RailOutcome = settled(),
  ): Promise<PaymentRow> {
    const payment = await accepted(kind)
    rail.send = () => Promise.resolve(answer)
    await steps.dispatch(payment.id)
    await steps.confirm(payment.id)
    await steps.release(payment.id)
    return payment
  }

  /** The rail says this of the payment's attempt, by a signed callback or a late answer. */
  const says = (payment: PaymentRow, outcome: RailOutcome) =>
    recordOutcome(outcomes, { bearer: payment.id, no: 1, step: 'submit', outcome })

  /** Runs every recovery that was begun, until each is over or waits for somebody else. */
  async function recoverAll(): Promise<void> {
    const seen = new Set<string>()
    for (let each = begun.shift(); each !== undefined; each = begun.shift()) {
      seen.add(each.id)
      await recovery.recover(each.id)
      await recovery.ask(each.id)
    }
    for (const id of seen) await recovery.recover(id)
  }

  const registry = new Registry()
  const handlers = callbackHandlers(
    rails,
    (speaking, message, refused) =>
      takeCallback(
        {
          sql: hub,
          store,
          log,
          record: (heard) => recordOutcome(outcomes, heard),
          lookNow: makeLookNow({ ...outcomes, store, aftermath }),
          wake: () => {},
          refused,
          isInFlight: makeIsInFlight({ clock, rails }),
          failpoint: () => {},
        },
        speaking,
        message,
      ),
    makeCallbackRefusals({ registry, log, clock }),
  )

  /** A message that the rail posts to us. */
  function callback({ method, targetUri, headers, body }: HttpMessage): Promise<RailCallbackReply> {
    const take = handlers['test']
    if (take === undefined) throw new Error('there is one')
    return take({ method, targetUri, headers, body: Buffer.from(body).toString('base64') })
  }

  /** How many were refused, by why. */
  async function refusals(): Promise<Record<string, number>> {
    const counted = await registry.getSingleMetric('mooring_rail_callbacks_refused_total')?.get()
    return Object.fromEntries((counted?.values ?? []).map(({ labels, value }) => [String(labels['why']), value]))
  }

  /** Where the payment and its money stand. */
  async function standing(payment: PaymentRow) {
    const now = await store.payment(payment.id)
    const balances = await hub<{ name: string; left: bigint }[]>`
      select name, sum(case when code < 2000 then debits_posted - credits_posted else credits_posted - debits_posted end)::bigint as left
      from accounts where owner = ${payment.payer} group by name`
    const left = new Map(balances.map(({ name, left: amount }) => [name, amount]))
    const all = await evidence.ofAttempt(payment.id, 1)
    return {
      status: now?.status,
      version: now?.version,
      recovery: now?.recovery ?? null,
      dispute: now?.dispute?.state ?? null,
      wallet: left.get(`wallet:${payment.payer ?? ''}`) ?? 0n,
      owes: left.get(`receivable:user:${payment.payer ?? ''}`) ?? 0n,
      evidence: all.map(({ kind, via, result }) => `${kind} ${via} ${result ?? 'open'}`),
    }
  }

  /** What is on an account, whoever's: credits less debits. */
  async function balance(name: string): Promise<bigint> {
    const [row] = await hub<{ left: bigint }[]>`
      select coalesce(sum(credits_posted - debits_posted), 0)::bigint as left from accounts where name = ${name}`
    return row?.left ?? 0n
  }

  async function incidentsOf(payment: PaymentRow): Promise<string[]> {
    const rows = await hub<{ kind: string }[]>`select kind from incidents where payment = ${payment.id} order by at`
    return rows.map(({ kind }) => kind)
  }

  return {
    hub,
    owner,
    ledger,
    ids,
    rail,
    store,
    accounts,
    evidence,
    book,
    begun,
    steps,
    recovery,
    recoveryDeps,
    accepted,
    ended,
    says,
    recoverAll,
    callback,
    refusals,
    standing,
    balance,
    incidentsOf,
    ahead: (ms: number) => void (aheadMs = ms),
    async close() {
      await ledger.drain()
      await Promise.all([hub.end({ timeout: 1 }), owner.end({ timeout: 1 })])
      await database.drop()
    },
  }
}

const evidenceOf = (via: 'answer' | 'inquiry' | 'callback', id: string | null, status: string) => ({
  via,
  id,
  status,
  railReference: null,
})
export const saysSettled = (via: 'answer' | 'inquiry' | 'callback' = 'callback', id = 'late-1'): RailOutcome => ({
  kind: 'settled',
  evidence: evidenceOf(via, id, 'ACSC'),
})
export const saysDeclined = (via: 'answer' | 'inquiry' | 'callback' = 'callback', id = 'no-1'): RailOutcome => ({
  kind: 'declined',
  code: 'declined_by_rail',
  reason: 'AC04',
  evidence: evidenceOf(via, id, 'RJCT AC04'),
  alarm: false,
})
export const saysReturned = (amountMinor: bigint, id: string, more: { disputed?: true } = {}): RailOutcome => ({
  kind: 'returned',
  amountMinor,
  reason: more.disputed === true ? 'MD06' : 'AC04',
  evidence: { ...evidenceOf('callback', id, 'returned'), id },
  ...more,
})
