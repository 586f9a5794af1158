import { inject } from 'vitest'
import {
  type AuditReport,
  type Fault,
  type Head,
  type Query,
  type Sql,
  type Verification,
  auditIn,
  openDatabase,
  verify,
  verifyIn,
} from '../../../src/ledger/index.ts'
import {
  capitalAccount,
  cashAccount,
  clearingAccount,
  merchantCreditAccount,
  suspenseAccount,
  walletAccount,
} from '../../../src/domain/accounting/index.ts'
import { newDatabase } from '../../support/servers.ts'
import { type Kind, MERCHANT, type Move, RAIL, birth, nextMove } from '../model/payments.ts'
import { ids } from './books.ts'
import { liveRefunds } from './refunded.ts'
import { type Stage, chance, liveFor, openStage, sealInPieces } from './history.ts'

/**
 * Sealed books with business and payments of every end, in which a superuser does what nobody else can: changes rows
 * with every trigger off.
 */

export type Row = { id: string; position: bigint; debit: string; credit: string; pending: string | null }

export type SealedBooks = Awaited<ReturnType<typeof sealBooks>>

const STEPS = 700
/** Positions left empty in the middle of history. */
const EMPTY = 10

export async function sealBooks(seed: number) {
  const stage = await openStage(3)
  await liveFor(stage, STEPS / 2, seed)
  const spender = await spendOnce(stage)
  await keepBooks(stage)
  await stage.owner`select setval('transfers_position', last_value + ${EMPTY}) from transfers_position`
  await liveFor(stage, STEPS / 2, seed + 1)
  for (const wallet of [spender.wallet, spender.holder]) await stage.post(stage.cash, wallet, 5)
  const payments = await livePayments(stage)
  const refunds = await liveRefunds(stage, payments.user)
  await sealInPieces(stage.ops, chance(seed))
  const facts = { ...(await factsOf(stage)), spender, payments, refunds, database: stage.database }
  await stage.ledger.drain()
  // Only a database that nobody is connected to can be copied.
  await Promise.all([stage.ops, stage.hub, stage.owner].map((sql) => sql.end()))
  return facts
}

/** A wallet that was filled once and spent most of it, and one of which it was only held; what one could not pay was refused. */
async function spendOnce(stage: Stage) {
  const [wallet = '', holder = ''] = await stage.open(walletAccount('spender'), walletAccount('holder'))
  const holderFunding = await stage.post(stage.cash, holder, 50)
  await stage.end('void', await stage.reserve(holder, stage.cash, 40))
  const funding = await stage.post(stage.cash, wallet, 100)
  await stage.post(wallet, stage.merchant, 60)
  const hold = await stage.reserve(wallet, stage.cash, 30)
  const confirm = await stage.end('confirm', hold)
  const refused = ids.uuid()
  const tooMuch = { debit: wallet, credit: stage.merchant, amount: '41', subject: 'test' }
  const { code } = await stage.apply([{ id: refused, ledger: stage.book, kind: 'post', ...tooMuch }])
  if (code !== 'refused') throw new Error(`41 of 10 were ${code}`)
  return { wallet, funding, hold, confirm, refused, holder, holderFunding }
}

/** What is ours beside customers' money: capital, a statement line of what a rail has taken, a merchant's credit line in use. */
async function keepBooks(stage: Stage): Promise<void> {
  const [own = '', capital = '', clearing = '', credit = ''] = await stage.open(
    cashAccount('bank', 'own'),
    capitalAccount(),
    clearingAccount(RAIL),
    { ...merchantCreditAccount('coffee'), allowanceMinor: 500n },
  )
  await stage.post(own, capital, 10_000_000)
  await stage.post(stage.cash, clearing, 400)
  await stage.post(credit, stage.merchant, 300)
}

/** Rows of the books by what they are. */
async function factsOf(stage: Stage) {
  const { owner } = stage
  const row = async (kind: string): Promise<Row> =>
    one(owner<Row[]>`
      select id, position, debit_account as debit, credit_account as credit, pending_id as pending from transfers
      where kind = ${kind} and subject = 'test' and debit_account in ${owner(stage.wallets)}
        and credit_account in ${owner(stage.wallets)}
        and position > (select max(position) / 3 from transfers)
      order by position limit 1`)
  const post = await row('post')
  const { heads } = await verify(stage.ops)
  const { free } = await one(owner<{ free: bigint }[]>`
    select position + 1 as free from transfers t
    where not exists (select from transfers n where n.position = t.position + 1) order by position limit 1`)
  return {
    heads,
    free,
    ledger: stage.book,
    cash: stage.cash,
    wallets: stage.wallets,
    post,
    /** Which follows it, nearly always in the same seal. */
    neighbour: await one(owner<Row[]>`
      select id, position, debit_account as debit, credit_account as credit, pending_id as pending from transfers
      where position > ${post.position.toString()} order by position limit 1`),
    confirm: await row('confirm'),
    last: await one(owner<Row[]>`
      select id, position, debit_account as debit, credit_account as credit, pending_id as pending
      from transfers order by position desc limit 1`),
    hold: await one(owner<{ id: string }[]>`select id from holds where subject = 'test' order by id limit 1`),
    seals: await one(owner<{ last: bigint; middle: bigint }[]>`
      select max(no) as last, max(no) / 2 as middle from seals where ledger = ${stage.book}`),
    checkpoint: await one(owner<{ account: string; position: bigint; name: string }[]>`
      select k.account, k.position, a.name from balance_checkpoints k join accounts a on a.id = k.account
      order by k.position limit 1`),
  }
}

async function one<T extends object>(query: Promise<readonly T[]>): Promise<T> {
  const [found] = await query
  if (found === undefined) throw new Error('there is none')
  return found
}

/** A payment that ended in each way, and ones that have not; from a linked account, of which the rail spoke to us. */
async function livePayments(stage: Stage) {
  const [user, other, source] = [ids.make('usr'), ids.make('usr'), ids.make('src')]
  await stage.open(walletAccount(user), walletAccount(other))
  const apply = async (move: Move): Promise<Move['after']> => {
    const result = await stage.ledger.apply(move.unit)
    if (result.code !== 'ok') throw new Error(JSON.stringify(result))
    return move.after
  }
  /** `steps` of its way, `roll` decides which. */
  const live = async (kind: Kind, amount: bigint, steps: number, roll: number): Promise<string> => {
    const to = kind === 'order' ? `order-${String(amount)}` : other
    let state = await apply(await birth({ ledger: stage.book, kind, user, to, amount }, { ...stage, ids }))
    for (let step = 0; step < steps; step++) {
      const move = nextMove(state, ids, roll)
      if (move === null) break
      state = await apply(move)
    }
    return state.payment.id
  }
  const follow = async (then: () => Promise<string>): Promise<string> => {
    await stage.owner`insert into followed_feeds (feed, complete_from) values (${MERCHANT}, now())`
    return then()
  }
  const payments = {
    user,
    other,
    source,
    settled: await live('topup', 1_000n, 9, 0.1),
    paidOut: await live('withdrawal', 100n, 9, 0.1),
    declined: await live('withdrawal', 50n, 9, 0.7),
    dispatched: await live('topup', 70n, 1, 0.1),
    /** Its rail has, and it is about to be posted. */
    settling: await live('topup', 90n, 2, 0.1),
    transferred: await live('transfer', 30n, 9, 0.1),
    processing: await live('transfer', 20n, 0, 0.1),
    ordered: await live('order', 10n, 0, 0.1),
    merchant: MERCHANT,
    /** Since the merchant is followed; the one before was not told. */
    followed: await follow(() => live('order', 11n, 1, 0.1)),
    /** Sent, and all of it came back. */
    bounced: await live('withdrawal', 40n, 9, 0.1),
    /** Declined, and then it came: its payer has it. */
    late: await live('topup', 45n, 9, 0.7),
  }
  const [clearing = '', suspense = '', wallet = ''] = await stage.open(
    clearingAccount(RAIL),
    suspenseAccount(RAIL),
    walletAccount(user),
  )
  await comeAfter(stage, { payment: payments.bounced, kind: 'returned', moved: 40 }, [[clearing, wallet]])
  await comeAfter(stage, { payment: payments.late, kind: 'settled', moved: 45 }, [
    [clearing, suspense],
    [suspense, wallet],
  ])
  await stage.owner`
    insert into sources (id, user_id, type, rail, bank, account, holder, currency, label, status, created_at)
    select ${source}, ${user}, 'bank', rail, 'bank', account, account_holder, currency, 'x', 'active', now()
    from attempts where payment = ${payments.settled}`
  await stage.owner`update payments set source_id = ${source} where id = ${payments.settled}`
  await stage.owner`
    insert into rail_callbacks (rail, event_id, reference, body)
    select rail, 'event-1', reference, ''::bytea from attempts where payment = ${payments.settled}`
  await stage.owner`
    insert into incidents (id, kind, payment, detail)
    select ${ids.uuid()}, 'contradicting_outcome', payment, jsonb_build_object('reference', reference)
    from attempts where payment = ${payments.declined}`
  return { ...payments, rail: RAIL }
}

/** What a rail said after the end of a payment, and what was posted for it. */
async function comeAfter(
  stage: Stage,
  said: { payment: string; kind: 'returned' | 'settled'; moved: number },
  legs: [debit: string, credit: string][],
): Promise<void> {
  const id = ids.uuid()
  const amount = said.moved.toString()
  await stage.owner`
    insert into evidence (id, rail, reference, payment, no, ledger, kind, via, rail_id, amount, body, state, result, moved)
    select ${id}, rail, reference, payment, no, ledger, ${said.kind}, 'inquiry', 'x', ${amount}, '{}', 'done', 'posted', ${amount}
    from attempts where payment = ${said.payment}`
  if (said.kind === 'returned') {
    await stage.owner`
      insert into returns (rail, evidence_id, payment, no, ledger, amount, reason, at)
      select rail, id::text, payment, no, ledger, moved, 'x', now() from evidence where id = ${id}`
  }
  const common = { ledger: stage.book, kind: 'post' as const, amount, subject: said.payment }
  const transfers = legs.map(([debit, credit]) => ({ id: ids.uuid(), ...common, debit, credit }))
  const { code } = await stage.ledger.apply({ id: ids.uuid(), transfers, ok: {} })
  if (code !== 'ok') throw new Error(`what came after the end of ${said.payment} was ${code}`)
}

export type Found = { verification: Verification; faults: Fault[]; report: AuditReport }

type Options = { heads?: readonly Head[]; afterwards?: (root: Sql) => Promise<unknown> }

/**
 * Does it as a superuser with all triggers off, asks what is found, and undoes it. What others are to do `afterwards`
 * they do in a copy of the books.
 */
export async function tampered(
  books: SealedBooks,
  act: (tx: Tampering) => Promise<unknown>,
  { heads = [], afterwards }: Options = {},
): Promise<Found> {
  const { postgres } = inject('servers')
  if (postgres === undefined) throw new Error('there is no Postgres')
  const place = afterwards === undefined ? books.database : await newDatabase(postgres, books.database.name)
  const root = openDatabase({ url: place.url('postgres'), name: 'test-tamper', connections: 1 })
  const found: Found[] = []
  try {
    await root
      .begin(async (tx) => {
        await tx`set local session_replication_role = replica`
        await act(tx)
        if (afterwards !== undefined) return
        found.push(await find(tx, heads))
        throw UNDONE
      })
      .catch((error: unknown) => {
        if (error !== UNDONE) throw error
      })
    if (afterwards !== undefined) {
      await afterwards(root)
      found.push(await find(root, heads))
    }
  } finally {
    await root.end({ timeout: 1 })
    if (place !== books.database) await place.drop()
  }
  const [first] = found
  if (first === undefined) throw new Error('nobody looked')
  return first
}

const UNDONE = new Error('undone')

async function find(sql: Query, heads: readonly Head[]): Promise<Found> {
  const verification = await verifyIn(sql, heads)
  return { verification, faults: verification.faults, report: await auditIn(sql) }
}

export type Tampering = Parameters<Parameters<Sql['begin']>[1]>[0]

export const brokenIn = (report: AuditReport) =>
  report.checks.filter(({ status }) => status === 'broken').map(({ invariant }) => invariant)
