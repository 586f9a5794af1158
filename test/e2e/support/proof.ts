import { feeMinor } from '../../../src/domain/fee.ts'
import { attemptReference } from '../../../src/domain/ids.ts'
import { audit } from '../../../src/ledger/index.ts'
import { COURSE, type Ended } from './orders.ts'
import type { Phone } from './phone.ts'
import { RAIL_NAMES, type RailLine, type RailWitness } from './rails.ts'
import { inLanes, type World } from './world.ts'

/** running.md: demo merchants pay 150 basis points. */
const FEE = { basisPoints: 150n, fixedMinor: 0n }
const MERCHANT_LANES = 8

/**
 * Every witness's word about ended payments, compared: the payer's and the
 * payee's phone, the merchant, the hub's rows, the ledger's postings and holds,
 * the rails' books and balances, and the wallets. Answers what disagrees; nothing
 * is the only good answer. `incidents`: kinds that a payment was to have.
 */
export async function disagreements(
  world: World,
  ended: readonly Ended[],
  incidents: ReadonlyMap<string, string> = new Map(),
): Promise<string[]> {
  await phonesUpToDate(world)
  const found = await Promise.all([
    atTheHub(world, ended, incidents),
    atTheMerchants(world, ended),
    ...RAIL_NAMES.map((name) => atTheRail(world, world.rails[name], ended)),
    inTheLedger(world, ended),
    inTheWallets(world, ended),
    onThePhones(world, ended),
  ])
  return found.flat()
}

/** What a payment does to whom, in our books: debit, credit, amount. Worked out here, not by the product. */
function expectedPostings({ rails }: World, { order, view }: Ended): string[] {
  const { way, amountMinor, payer, payee, merchant } = order
  const { kind, at } = COURSE[way]
  const wallet = `wallet:${payer.user}`
  // An operator owes what it has billed; a bank and a money operator have it already.
  const clearing = at === null ? '' : `${at.rail === 'operator' ? 'due' : 'clearing'}:${rails[at.rail].id}`
  if (view.status !== 'succeeded') return []
  switch (kind) {
    case 'topup':
      return [`${clearing} to ${wallet}: ${amountMinor}`]
    case 'withdrawal':
      return [`${wallet} to ${clearing}: ${amountMinor}`]
    case 'transfer':
      return [`${wallet} to wallet:${payee.user}: ${amountMinor}`]
    case 'purchase': {
      const from = at === null ? wallet : clearing
      const fee = feeMinor(amountMinor, FEE)
      const net = `${from} to merchant:${merchant.id}:pending: ${amountMinor - fee}`
      return fee === 0n ? [net] : [net, `${from} to revenue:fees: ${fee}`]
    }
  }
}

/** A payment's change to each wallet. */
function walletChanges({ order, view }: Ended): [Phone, bigint][] {
  if (view.status !== 'succeeded') return []
  const { way, amountMinor, payer, payee } = order
  const { kind, at } = COURSE[way]
  switch (kind) {
    case 'topup':
      return [[payer, amountMinor]]
    case 'withdrawal':
      return [[payer, -amountMinor]]
    case 'transfer':
      return [
        [payer, -amountMinor],
        [payee, amountMinor],
      ]
    case 'purchase':
      return at === null ? [[payer, -amountMinor]] : []
  }
}

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
    select payment, kind from incidents where payment in ${sql(ids)}`
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

const OPEN = new Set(['dispatched', 'pending', 'unknown'])
/** What settles by these has moved money; a reservation made or given back has not. */
const MOVES = new Set(['submit', 'confirm'])

async function atTheMerchants({ patience }: World, ended: readonly Ended[]): Promise<string[]> {
  const found: string[] = []
  const purchases = ended.filter(({ order }) => COURSE[order.way].kind === 'purchase')
  await inLanes(MERCHANT_LANES, purchases, async ({ order, view }) => {
    const seen = await patience.within(`the merchant's view of ${view.id}`, order.merchant.readPayment(view.id))
    const captured = view.status === 'succeeded' ? view.amount : '0'
    const same = seen.status === view.status && seen.version === view.version && seen.captured_amount === captured
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
  for (const { order, view } of all) {
    const { at } = COURSE[order.way]
    const account = order.payer.accounts[rail.name]
    for (const operation of ['collect', 'payOut'] as const) {
      const reference = attemptReference(view.id, operation, 1)
      known.add(reference)
      const moved = view.status === 'succeeded' && at?.rail === rail.name && at.operation === operation
      const expected = moved ? [`${operation} ${order.amountMinor} ${currency} ${account} moved`] : []
      const lines = (book.get(reference) ?? []).map(lineText)
      if (lines.join() !== expected.join()) {
        found.push(
          `${view.id} (${view.status}): the ${rail.name}'s book has ${JSON.stringify(lines)} under ${reference}`,
        )
      }
      if (!moved) continue
      const sum = operation === 'collect' ? order.amountMinor : -order.amountMinor
      spent.set(account, (spent.get(account) ?? 0n) + sum)
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

const lineText = ({ operation, amount, currency, account, effect }: RailLine) =>
  `${operation} ${amount} ${currency} ${account} ${effect}`

async function inTheLedger(world: World, ended: readonly Ended[]): Promise<string[]> {
  const { sql } = world
  const ids = ended.map(({ view }) => view.id)
  const rows = await sql<{ subject: string; posting: string }[]>`
    select t.subject, d.name || ' to ' || c.name || ': ' || t.amount as posting
    from transfers t
    -- What it takes of limits is in another ledger; the audit looks after that.
    join payments p on p.id = t.subject and p.ledger = t.ledger
    join accounts d on d.ledger = t.ledger and d.id = t.debit_account
    join accounts c on c.ledger = t.ledger and c.id = t.credit_account
    where t.subject in ${sql(ids)} and t.kind in ('confirm', 'post')`
  const holds = await sql<{ subject: string }[]>`select subject from holds where subject in ${sql(ids)}`
  const posted = Map.groupBy(rows, (row) => row.subject)
  const found = holds.map(({ subject }) => `${subject}: ended and still holds money`)
  for (const one of ended) {
    const expected = expectedPostings(world, one).toSorted()
    const actual = (posted.get(one.view.id) ?? []).map(({ posting }) => posting).toSorted()
    if (actual.join() !== expected.join()) {
      found.push(
        `${one.view.id} (${one.view.status}): posted ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`,
      )
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
  for (const { order, view } of ended) {
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
