import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AccountSpec,
  cashAccount,
  feeRevenueAccount,
  merchantPendingAccount,
  walletAccount,
} from '../../../src/domain/accounting/index.ts'
import { makeIds } from '../../../src/domain/ids.ts'
import { prepareUnit } from '../../../src/ledger/batch.ts'
import {
  accountId,
  ensureLedger,
  type EventInput,
  type Sql,
  type TransferInput,
  type Unit,
  type UnitResult,
} from '../../../src/ledger/index.ts'

/**
 * Books as the release with migrations 0001 to 0005 kept them, filled through its own
 * `apply_units(jsonb)`: wallets, payments that succeeded, failed and stand half-way, a
 * partial capture, and a spend that was refused.
 */

export const LANDED = '0005'

const ids = makeIds(Date.now, randomBytes)
const USERS = Array.from({ length: 6 }, () => ids.make('usr'))
const MERCHANTS = Array.from({ length: 2 }, () => ids.make('mer'))
const FUNDS = 100_000n
const PAYMENTS = 48
const BATCH = 7

export type OpenPayment = {
  id: string
  amount: bigint
  holds: string[]
  /** What its payer is told of its next version. */
  told: (end: End) => EventInput
}
type End = { status: 'succeeded' | 'failed'; version: number; captured_amount: string }

export type LandedBooks = {
  book: number
  wallets: string[]
  open: OpenPayment[]
  /** A unit as it was sent, and what it was answered. */
  answered: { unit: Unit; result: UnitResult }
  /** A spend the landed release refused. */
  refused: Extract<TransferInput, { debit: string }>
  /** A hold of 900 that no payment has. */
  loose: string
}

export async function fillLanded(owner: Sql, hubs: readonly Sql[]): Promise<LandedBooks> {
  const book = (await ensureLedger(owner, 'KES', 2)).id
  const [hub] = hubs
  if (hub === undefined) throw new Error('no hub')
  const cash = cashAccount('bank', 'trust')
  const specs = [cash, feeRevenueAccount(), ...USERS.map(walletAccount), ...MERCHANTS.map(merchantPendingAccount)]
  await hub`select open_accounts(${JSON.stringify(specs.map((spec) => row(book, spec)))}::text::jsonb)`
  const account = (spec: AccountSpec) => accountId(book, spec.name)
  const wallets = USERS.map((user) => account(walletAccount(user)))

  const move = (kind: 'post' | 'reserve', debit: string, credit: string, amount: bigint, subject = 'test') => ({
    id: ids.uuid(),
    ledger: book,
    kind,
    debit,
    credit,
    amount: amount.toString(),
    subject,
  })
  const end = (kind: 'confirm' | 'void', pending: string, subject: string, amount?: bigint) => ({
    id: ids.uuid(),
    ledger: book,
    kind,
    pending,
    subject,
    ...(amount === undefined ? {} : { amount: amount.toString() }),
  })
  const unit = (transfers: TransferInput[], more: Partial<Unit> = {}): Unit => ({
    id: ids.uuid(),
    transfers,
    ok: {},
    ...more,
  })

  const funding = wallets.map((wallet) => unit([move('post', account(cash), wallet, FUNDS)]))
  const results = await apply(hub, funding)
  const [first = unit([])] = funding
  const [firstResult = { code: 'guard_failed' }] = results

  const made = Array.from({ length: PAYMENTS }, (_, i) => {
    const id = ids.make('pay')
    const amount = 1_000n + BigInt(i)
    const payer = USERS[i % USERS.length] ?? ''
    const merchant = MERCHANTS[i % MERCHANTS.length] ?? ''
    const wallet = account(walletAccount(payer))
    const holds = [
      move('reserve', wallet, account(merchantPendingAccount(merchant)), amount - 15n, id),
      move('reserve', wallet, account(feeRevenueAccount()), 15n, id),
    ]
    const born = payment({ id, book, amount, payer, merchant })
    const told = (ended: Partial<End> = {}) => event({ ...born, ...ended })
    const accept = unit(holds, { ok: { new_payment: born, events: [told()] } })
    const branch = (status: End['status'], captured: bigint) => {
      const ended = { status, version: 2, captured_amount: captured.toString() }
      return { payment: ended, events: [told(ended)] }
    }
    const guard = { payment: { id, version: 1 } }
    const ends: Unit[][] = [
      [
        unit(
          holds.map((hold) => end('confirm', hold.id, id)),
          { guard, ok: branch('succeeded', amount) },
        ),
      ],
      [
        unit(
          holds.map((hold) => end('void', hold.id, id)),
          { guard, ok: branch('failed', 0n) },
        ),
      ],
      [],
    ]
    const open = i % 3 === 2 ? [{ id, amount, holds: holds.map((hold) => hold.id), told }] : []
    return { accept, ends: ends[i % 3] ?? [], open }
  })
  // On two connections, so that ids, times and commits do not all run the same way.
  await together(
    hubs,
    made.map(({ accept }) => accept),
  )
  await together(
    hubs,
    made.flatMap(({ ends }) => ends),
  )

  const [payer = '', payee = ''] = wallets
  const partly = move('reserve', payer, payee, 500n)
  const loose = move('reserve', payer, payee, 900n)
  const refused = move('post', payer, payee, FUNDS * 10n)
  await apply(hub, [unit([partly]), unit([loose]), unit([end('confirm', partly.id, 'test', 200n)]), unit([refused])])
  return {
    book,
    wallets,
    open: made.flatMap(({ open }) => open),
    answered: { unit: first, result: firstResult },
    refused,
    loose: loose.id,
  }
}

/**
 * A call that holds the first account it needs waits for the second, while another, begun later, credits the third;
 * then the first spends just that. Accounts are locked in the order of their ids.
 */
export async function spendWhatALaterTransactionCredits(of: { owner: Sql; early: Sql; late: Sql; holder: Sql }) {
  const { owner, early, late, holder } = of
  const book = (await ensureLedger(owner, 'KES', 2)).id
  const cash = cashAccount('bank', 'trust')
  const specs = Array.from({ length: 3 }, () => walletAccount(ids.make('usr')))
  await early`select open_accounts(${JSON.stringify([cash, ...specs].map((spec) => row(book, spec)))}::text::jsonb)`
  const [first = '', second = '', third = ''] = specs.map((spec) => accountId(book, spec.name)).toSorted()
  const post = (debit: string, credit: string, amount: string) => ({
    id: ids.uuid(),
    ledger: book,
    kind: 'post' as const,
    debit,
    credit,
    amount,
    subject: 'test',
  })
  const [credit, spend, onwards] = [
    post(accountId(book, cash.name), third, '100'),
    post(third, first, '100'),
    post(first, second, '100'),
  ]
  let spending: Promise<UnitResult[]> | undefined
  await holder.begin(async (tx) => {
    await tx`select from accounts where id = ${second} for no key update`
    const [{ pid } = { pid: 0 }] = await early<{ pid: number }[]>`select pg_backend_pid() as pid`
    spending = apply(early, [{ id: ids.uuid(), transfers: [spend, onwards], ok: {} }])
    await untilWaiting(owner, pid)
    await apply(late, [{ id: ids.uuid(), transfers: [credit], ok: {} }])
  })
  const [result] = (await spending) ?? []
  if (result?.code !== 'ok') throw new Error(`the spend was answered ${JSON.stringify(result)}`)
  return { spent: spend.id, credited: credit.id }
}

async function untilWaiting(owner: Sql, pid: number): Promise<void> {
  for (;;) {
    const [behind] = await owner<{ waits: boolean }[]>`
      select cardinality(pg_blocking_pids(${pid})) > 0 as waits`
    if (behind?.waits === true) return
    await delay(5)
  }
}

async function together(hubs: readonly Sql[], units: readonly Unit[]): Promise<void> {
  const batches = Array.from({ length: Math.ceil(units.length / BATCH) }, (_, i) =>
    units.slice(i * BATCH, (i + 1) * BATCH),
  )
  await Promise.all(
    hubs.map(async (hub, n) => {
      for (const batch of batches.filter((_, i) => i % hubs.length === n)) {
        for (const { code } of await apply(hub, batch))
          if (code !== 'ok') throw new Error(`a unit was answered ${code}`)
      }
    }),
  )
}

/** The landed release's call. */
async function apply(hub: Sql, units: readonly Unit[]): Promise<UnitResult[]> {
  const batch = units.map((unit) => ({ ...unit, hash: prepareUnit(unit).hash }))
  const [answer] = await hub<{ answer: { results: UnitResult[] } }[]>`
    select apply_units(${JSON.stringify(batch)}::text::jsonb) as answer`
  return answer?.answer.results ?? []
}

function row(book: number, spec: AccountSpec) {
  return {
    ledger: book,
    id: accountId(book, spec.name),
    code: spec.code,
    name: spec.name,
    owner: spec.owner,
    debits_must_not_exceed_credits: spec.debitsMustNotExceedCredits,
    credits_must_not_exceed_debits: false,
  }
}

function payment(of: { id: string; book: number; amount: bigint; payer: string; merchant: string }) {
  const now = new Date().toISOString()
  return {
    id: of.id,
    ledger: of.book,
    kind: 'purchase',
    status: 'processing',
    status_reason: null,
    version: 1,
    amount: of.amount.toString(),
    currency: 'KES',
    fee: '15',
    payer_fee: '0',
    captured_amount: '0',
    refunded_amount: '0',
    payer: of.payer,
    payee: of.merchant,
    payee_name: 'Coffee',
    merchant: of.merchant,
    source_type: 'wallet',
    source_id: 'wallet',
    source_label: 'Wallet',
    capture_method: 'automatic',
    order_ref: null,
    description: null,
    metadata: {},
    created_at: now,
    updated_at: now,
    accepted_at: now,
    start_by: now,
  }
}

/** As that release told of it. */
function event(of: ReturnType<typeof payment>): EventInput {
  const { ledger: _ledger, accepted_at: _accepted, start_by: _start, metadata: _metadata, ...told } = of
  return { id: ids.make('evt'), feed: of.payer, name: 'payment.updated', body: told }
}
