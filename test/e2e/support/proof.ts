import type { RefundView } from '../../../src/contract/index.ts'
import { audit } from '../../../src/ledger/index.ts'
import { expectedAtRail, expectedPostings, refundedMinor, walletChanges } from './expected.ts'
import { COURSE, type Ended, type Refunded } from './orders.ts'
import type { Phone } from './phone.ts'
import { RAIL_NAMES, type RailLine, type RailWitness } from './rails.ts'
import { inLanes, type World } from './world.ts'

const MERCHANT_LANES = 8

/**
 * Every witness's word about ended payments and their refunds, compared: the payer's
 * and the payee's phone, the merchant, the hub's rows, the ledger's postings and holds,
 * the rails' books and balances, and the wallets. Answers what disagrees; nothing
 * is the only good answer. `incidents`: kinds that a payment or refund was to have.
 */
export async function disagreements(
  world: World,
  ended: readonly Ended[],
  incidents: ReadonlyMap<string, string> = new Map(),
): Promise<string[]> {
  await phonesUpToDate(world)
  const found = await Promise.all([
    atTheHub(world, ended, incidents),
    refundsAtTheHub(world, ended),
    atTheMerchants(world, ended),
    ...RAIL_NAMES.map((name) => atTheRail(world, world.rails[name], ended)),
    inTheLedger(world, ended),
    inTheWallets(world, ended),
    onThePhones(world, ended),
  ])
  return found.flat()
}

/** Payments and their refunds. */
const idsOf = (ended: readonly Ended[]): string[] =>
  ended.flatMap(({ view, refunds = [] }) => [view.id, ...refunds.map(({ last }) => last.id)])

type Row = { id: string; status: string; status_reason: string | null; version: number; failure_code: string | null }
type Attempt = { payment: string; no: number; reference: string; step: string; state: string }

async function atTheHub(
  { sql }: World,
  ended: readonly Ended[],
  expected: ReadonlyMap<string, string>,
): Promise<string[]> {
  const ids = ended.map(({ view }) => view.id)
  const rows = await sql<Row[]>`
    select id, status, status_reason, version, failure_code from payments where id in ${sql(ids)}`
  const attempts = await sql<Attempt[]>`
    select payment, no, reference, step, state from attempts where payment in ${sql(ids)}`
  const incidents = await sql<{ payment: string; kind: string }[]>`
    select payment, kind from incidents where payment in ${sql(idsOf(ended))}`
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.payment)
  const found = incidents
    .filter(({ payment, kind }) => expected.get(payment) !== kind)
    .map(({ payment, kind }) => `${payment}: there is an incident, ${kind}`)
  for (const [payment, kind] of expected) {
    if (!incidents.some((one) => one.payment === payment)) found.push(`${payment}: there is no incident, ${kind}`)
  }
  for (const { order, view } of ended) {
    const row = rowOf.get(view.id)
    const shown = describe(view.status, view.version, view.failure?.code ?? null)
    const kept = row === undefined ? 'nothing' : describe(row.status, row.version, row.failure_code)
    if (shown !== kept) found.push(`${view.id}: the phone shows ${shown}, the hub keeps ${kept}`)
    if (view.status_reason !== null || row?.status_reason != null) found.push(`${view.id}: ended and still waits`)
    const tries = attemptsOf.get(view.id) ?? []
    const { at } = COURSE[order.way]
    const settled = tries.some(({ step, state }) => MOVES.has(step) && state === 'settled')
    const isRight = tries.length === (at === null ? 0 : 1) && settled === (view.status === 'succeeded' && at !== null)
    if (!isRight || tries.some(({ state }) => OPEN.has(state))) {
      found.push(`${view.id} (${order.way}): ${view.status} with attempts ${JSON.stringify(tries)}`)
    }
  }
  return found
}

async function refundsAtTheHub({ sql }: World, ended: readonly Ended[]): Promise<string[]> {
  const refunded = ended.filter(({ refunds = [] }) => refunds.length > 0)
  if (refunded.length === 0) return []
  const ids = idsOf(refunded)
  const rows = await sql<Row[]>`
    select id, status, status_reason, version, failure_code from refunds where id in ${sql(ids)}`
  const attempts = await sql<Attempt[]>`
    select payment, no, reference, step, state from attempts where payment in ${sql(ids)} and operation = 'refund'`
  const payments = await sql<{ id: string; reserved: string; refunded: string }[]>`
    select id, refund_reserved::text as reserved, refunded_amount::text as refunded from payments where id in ${sql(ids)}`
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.payment)
  const found: string[] = []
  for (const one of refunded) {
    const counted = payments.find(({ id }) => id === one.view.id)
    const sum = refundedMinor(one).toString()
    if (counted?.refunded !== sum || counted.reserved !== '0') {
      found.push(`${one.view.id}: ${sum} was refunded, the hub keeps ${JSON.stringify(counted)}`)
    }
    for (const { last } of one.refunds ?? []) {
      const row = rowOf.get(last.id)
      const read = describe(last.status, last.version, last.failure?.code ?? null)
      const kept = row === undefined ? 'nothing' : describe(row.status, row.version, row.failure_code)
      if (read !== kept) found.push(`${last.id}: its merchant reads ${read}, the hub keeps ${kept}`)
      if (last.status_reason !== null || row?.status_reason != null) found.push(`${last.id}: ended and still waits`)
      const tries = attemptsOf.get(last.id) ?? []
      const { at } = COURSE[one.order.way]
      const settled = tries.some(({ state }) => state === 'settled')
      const isRight = tries.length === (at === null ? 0 : 1) && settled === (last.status === 'succeeded' && at !== null)
      if (!isRight || tries.some(({ state }) => OPEN.has(state))) {
        found.push(`${last.id} of a ${one.order.way}: ${last.status} with attempts ${JSON.stringify(tries)}`)
      }
    }
  }
  return found
}

const OPEN = new Set(['dispatched', 'pending', 'unknown'])
/** What settles by these has moved money; a reservation made or given back has not. */
const MOVES = new Set(['submit', 'confirm'])

async function atTheMerchants({ patience }: World, ended: readonly Ended[]): Promise<string[]> {
  const found: string[] = []
  const purchases = ended.filter(({ order }) => COURSE[order.way].kind === 'purchase')
  await inLanes(MERCHANT_LANES, purchases, async (one) => {
    const { order, view } = one
    const seen = await patience.within(`the merchant's view of ${view.id}`, order.merchant.readPayment(view.id))
    const captured = view.status === 'succeeded' ? view.amount : '0'
    const amounts = seen.captured_amount === captured && seen.refunded_amount === refundedMinor(one).toString()
    const same = seen.status === view.status && seen.version === view.version && amounts
    if (!same) found.push(`${view.id}: the phone shows ${view.status}, the merchant reads ${JSON.stringify(seen)}`)
  })
  return found
}

async function atTheRail(world: World, rail: RailWitness, ended: readonly Ended[]): Promise<string[]> {
  const { phones, currency } = world
  const all = [...world.funding, ...ended]
  const book = Map.groupBy(await rail.book(), (line) => line.reference)
  const found: string[] = []
  const known = new Set<string>()
  const spent = new Map<string, bigint>()
  for (const one of all) {
    const account = one.order.payer.accounts[rail.name]
    for (const { reference, lines, spentMinor } of expectedAtRail(rail.name, one)) {
      known.add(reference)
      const expected = lines.map((line) => lineText({ ...line, currency, account }))
      const actual = (book.get(reference) ?? []).map(lineText)
      if (actual.join() !== expected.join()) {
        const words = `${JSON.stringify(actual)} under ${reference}, not ${JSON.stringify(expected)}`
        found.push(`${one.view.id} (${one.view.status}): the ${rail.name}'s book has ${words}`)
      }
      spent.set(account, (spent.get(account) ?? 0n) + spentMinor)
    }
  }
  const accounts = new Set(phones.map((phone) => phone.accounts[rail.name]))
  for (const line of [...book.values()].flat()) {
    if (accounts.has(line.account) && !known.has(line.reference)) {
      found.push(`the ${rail.name}'s book has ${line.reference} over ${line.amount}, and nobody ordered it`)
    }
  }
  for (const {
    accounts: { [rail.name]: account },
    name,
  } of phones) {
    const balance = await rail.balanceMinor(account)
    const expected = OPENING_MINOR - (spent.get(account) ?? 0n)
    if (balance !== expected) found.push(`the ${rail.name} holds ${balance} for ${name}, and should hold ${expected}`)
  }
  return found
}

/** What a demo rail gives an account it has not seen. */
const OPENING_MINOR = 100_000_000n

type LineText = Pick<RailLine, 'operation' | 'amount' | 'currency' | 'account' | 'effect'>
const lineText = ({ operation, amount, currency, account, effect }: LineText) =>
  `${operation} ${amount} ${currency} ${account} ${effect}`

async function inTheLedger(world: World, ended: readonly Ended[]): Promise<string[]> {
  const { sql } = world
  const ids = idsOf(ended)
  const rows = await sql<{ subject: string; posting: string }[]>`
    select t.subject, d.name || ' to ' || c.name || ': ' || t.amount as posting
    from transfers t
    left join refunds r on r.id = t.subject
    -- What it takes of limits is in another ledger; the audit looks after that.
    join payments p on p.id = coalesce(r.payment, t.subject) and p.ledger = t.ledger
    join accounts d on d.ledger = t.ledger and d.id = t.debit_account
    join accounts c on c.ledger = t.ledger and c.id = t.credit_account
    where t.subject in ${sql(ids)} and t.kind in ('confirm', 'post')`
  const holds = await sql<{ subject: string }[]>`select subject from holds where subject in ${sql(ids)}`
  const posted = Map.groupBy(rows, (row) => row.subject)
  const found = holds.map(({ subject }) => `${subject}: ended and still holds money`)
  for (const one of ended) {
    for (const [id, postings] of expectedPostings(world, one)) {
      const expected = postings.toSorted()
      const actual = (posted.get(id) ?? []).map(({ posting }) => posting).toSorted()
      if (actual.join() !== expected.join()) {
        const words = `posted ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`
        found.push(`${id} (${one.order.way}, ${one.view.status}): ${words}`)
      }
    }
  }
  const { breaches } = await audit(sql)
  return [...found, ...breaches.map(({ invariant, what }) => `the audit finds ${invariant} broken: ${what}`)]
}

async function inTheWallets(world: World, ended: readonly Ended[]): Promise<string[]> {
  const { sql, phones, patience, currency } = world
  const expected = new Map<Phone, bigint>(phones.map((phone) => [phone, 0n]))
  for (const [phone, change] of [...world.funding, ...ended].flatMap(walletChanges)) {
    expected.set(phone, (expected.get(phone) ?? 0n) + change)
  }
  const names = phones.map(({ user }) => `wallet:${user}`)
  const rows = await sql<{ name: string; balance: string; held: string }[]>`
    select name, (credits_posted - debits_posted)::text as balance, (debits_pending + credits_pending)::text as held
    from accounts where name in ${sql(names)}`
  const booked = new Map(rows.map((row) => [row.name, row]))
  const found: string[] = []
  for (const [phone, amount] of expected) {
    const should = amount.toString()
    const pushed = phone.client.balances.get(currency)?.available
    const answer = await patience.within(`${phone.name}'s balances`, phone.client.command('wallet.balances', {}))
    const asked = answer.data.find((one) => one.currency === currency)
    const row = booked.get(`wallet:${phone.user}`)
    const words = `pushed ${pushed ?? 'none'}, asked ${asked?.available ?? 'none'}, booked ${row?.balance ?? 'none'}`
    if (pushed !== should || asked?.available !== should || row?.balance !== should) {
      found.push(`${phone.name}'s wallet should hold ${should}: ${words}`)
    }
    if (asked?.pending !== '0' || row?.held !== '0') found.push(`${phone.name}'s wallet still has something pending`)
  }
  return found
}

/** Each phone heard the committed log of its feed, whole, once and in order; each payment ended once. */
async function onThePhones({ sql, phones }: World, ended: readonly Ended[]): Promise<string[]> {
  const found = phones.flatMap(({ watch }) => watch.faults)
  for (const { name, user, watch } of phones) {
    // A phone of a person just signed up: its feed begins where it began to listen.
    const rows = await sql<{ seq: bigint; id: string }[]>`
      select seq, id from outbox where feed = ${user} order by seq`
    const committed = rows.map(({ seq, id }) => `${seq} ${id}`)
    const heard = watch.log.map(({ seq, id }) => `${seq} ${id}`)
    if (committed.join() !== heard.join()) {
      found.push(`${name} heard ${heard.length} events, its feed has ${committed.length}, and they are not the same`)
    }
  }
  for (const one of ended) {
    const { order, view } = one
    const shown = view.refunded_amount
    if (shown !== refundedMinor(one).toString()) found.push(`${view.id}: the phone shows ${shown} of it refunded`)
    for (const refund of one.refunds ?? []) found.push(...readOtherwise(order.payer, refund))
    const watchers = COURSE[order.way].kind === 'transfer' ? [order.payer, order.payee] : [order.payer]
    for (const { name, watch } of watchers) {
      const last = watch.versions(view.id).at(-1)
      if (last?.status !== view.status || last.version !== view.version) {
        found.push(`${view.id} ended ${view.status}, and ${name} last heard ${last?.status ?? 'nothing'}`)
      }
    }
  }
  return found
}

/** Whatever version of a refund its merchant read, the phone was told the same of it; and both of the end. */
function readOtherwise({ name, watch }: Phone, { reads, last }: Refunded): string[] {
  const told = watch.refund(last.id)
  const words = ({ status, status_reason, version, failure }: RefundView) =>
    `${describe(status, version, failure?.code ?? null)}${status_reason === null ? '' : `, ${status_reason}`}`
  const found = reads.flatMap((read) => {
    const same = told.find(({ version }) => version === read.version)
    if (same !== undefined && words(same) === words(read)) return []
    return [
      `${last.id}: its merchant read ${words(read)}, ${name} heard ${same === undefined ? 'nothing' : words(same)}`,
    ]
  })
  return told.at(-1)?.version === last.version ? found : [...found, `${name} did not hear of the end of ${last.id}`]
}

async function phonesUpToDate({ sql, phones, patience }: World): Promise<void> {
  for (const { name, user, watch } of phones) {
    await patience.until(`${name} to have heard everything`, async () => {
      const [head] = await sql<{ seq: bigint }[]>`select seq from feed_heads where feed = ${user}`
      return head === undefined || (watch.last !== null && BigInt(watch.last) >= head.seq) ? true : undefined
    })
  }
}

function describe(status: string, version: number, failure: string | null): string {
  return `${status}${failure === null ? '' : ` (${failure})`} at version ${version}`
}
