import { feeMinor } from '../../../src/domain/fee.ts'
import { attemptReference } from '../../../src/domain/ids.ts'
import { audit } from '../../../src/ledger/index.ts'
import type { BankLine } from './bank.ts'
import { AT_BANK, type Ended } from './orders.ts'
import type { Phone } from './phone.ts'
import { inLanes, type World } from './world.ts'

/** running.md: demo merchants pay 150 basis points. */
const FEE = { basisPoints: 150n, fixedMinor: 0n }
const MERCHANT_LANES = 8

/**
 * Every witness's word about ended payments, compared: the payer's and the
 * payee's phone, the merchant, the hub's rows, the ledger's postings and holds,
 * the bank's book and balances, and the wallets. Answers what disagrees; nothing
 * is the only good answer.
 */
export async function disagreements(world: World, ended: readonly Ended[]): Promise<string[]> {
  await phonesUpToDate(world)
  const found = await Promise.all([
    atTheHub(world, ended),
    atTheMerchants(world, ended),
    atTheBank(world, ended),
    inTheLedger(world, ended),
    inTheWallets(world, ended),
    onThePhones(world, ended),
  ])
  return found.flat()
}

/** What a payment does to whom, in our books: debit, credit, amount. Worked out here, not by the product. */
function expectedPostings({ order, view }: Ended, bank: string): string[] {
  const { way, amountMinor, payer, payee, merchant } = order
  const [wallet, clearing] = [`wallet:${payer.user}`, `clearing:${bank}`]
  if (view.status !== 'succeeded') return []
  switch (way) {
    case 'top-up':
      return [`${clearing} to ${wallet}: ${amountMinor}`]
    case 'withdrawal':
      return [`${wallet} to ${clearing}: ${amountMinor}`]
    case 'person to person':
      return [`${wallet} to wallet:${payee.user}: ${amountMinor}`]
    case 'qr from bank':
    case 'qr from wallet': {
      const from = way === 'qr from bank' ? clearing : wallet
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
  switch (way) {
    case 'top-up':
      return [[payer, amountMinor]]
    case 'withdrawal':
    case 'qr from wallet':
      return [[payer, -amountMinor]]
    case 'person to person':
      return [
        [payer, -amountMinor],
        [payee, amountMinor],
      ]
    case 'qr from bank':
      return []
  }
}

type Row = { id: string; status: string; status_reason: string | null; version: number; failure_code: string | null }
type Attempt = { payment: string; no: number; reference: string; state: string }

async function atTheHub({ sql }: World, ended: readonly Ended[]): Promise<string[]> {
  const ids = ended.map(({ view }) => view.id)
  const rows = await sql<Row[]>`
    select id, status, status_reason, version, failure_code from payments where id in ${sql(ids)}`
  const attempts = await sql<Attempt[]>`select payment, no, reference, state from attempts where payment in ${sql(ids)}`
  const incidents = await sql<{ payment: string; kind: string }[]>`
    select payment, kind from incidents where payment in ${sql(ids)}`
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  const attemptsOf = Map.groupBy(attempts, (attempt) => attempt.payment)
  const found = incidents.map(({ payment, kind }) => `${payment}: there is an incident, ${kind}`)
  for (const { order, view } of ended) {
    const row = rowOf.get(view.id)
    const shown = describe(view.status, view.version, view.failure?.code ?? null)
    const kept = row === undefined ? 'nothing' : describe(row.status, row.version, row.failure_code)
    if (shown !== kept) found.push(`${view.id}: the phone shows ${shown}, the hub keeps ${kept}`)
    if (view.status_reason !== null || row?.status_reason != null) found.push(`${view.id}: ended and still waits`)
    const states = (attemptsOf.get(view.id) ?? []).map((attempt) => attempt.state)
    const settled = view.status === 'succeeded' && AT_BANK[order.way] !== null
    const right = AT_BANK[order.way] === null ? states.length === 0 : states.length === 1
    if (!right || states.includes('settled') !== settled || states.some((state) => OPEN.has(state))) {
      found.push(`${view.id} (${order.way}): ${view.status} with attempts ${JSON.stringify(states)}`)
    }
  }
  return found
}

const OPEN = new Set(['dispatched', 'pending', 'unknown'])

async function atTheMerchants({ patience }: World, ended: readonly Ended[]): Promise<string[]> {
  const found: string[] = []
  const purchases = ended.filter(({ order }) => order.way.startsWith('qr'))
  await inLanes(MERCHANT_LANES, purchases, async ({ order, view }) => {
    const seen = await patience.within(`the merchant's view of ${view.id}`, order.merchant.readPayment(view.id))
    const captured = view.status === 'succeeded' ? view.amount : '0'
    const same = seen.status === view.status && seen.version === view.version && seen.captured_amount === captured
    if (!same) found.push(`${view.id}: the phone shows ${view.status}, the merchant reads ${JSON.stringify(seen)}`)
  })
  return found
}

async function atTheBank(world: World, ended: readonly Ended[]): Promise<string[]> {
  const { bank, phones, currency } = world
  const all = [...world.funding, ...ended]
  const book = Map.groupBy(await bank.book(), (line) => line.reference)
  const found: string[] = []
  const known = new Set<string>()
  const spent = new Map<string, bigint>()
  for (const { order, view } of all) {
    for (const operation of ['collect', 'payOut'] as const) {
      const reference = attemptReference(view.id, operation, 1)
      known.add(reference)
      const moved = view.status === 'succeeded' && AT_BANK[order.way] === operation
      const expected = moved ? [`${operation} ${order.amountMinor} ${currency} ${order.payer.account} moved`] : []
      const lines = (book.get(reference) ?? []).map(lineText)
      if (lines.join() !== expected.join()) {
        found.push(`${view.id} (${view.status}): the bank's book has ${JSON.stringify(lines)} under ${reference}`)
      }
      if (!moved) continue
      const sum = operation === 'collect' ? order.amountMinor : -order.amountMinor
      spent.set(order.payer.account, (spent.get(order.payer.account) ?? 0n) + sum)
    }
  }
  const accounts = new Set(phones.map(({ account }) => account))
  for (const line of [...book.values()].flat()) {
    if (accounts.has(line.account) && !known.has(line.reference)) {
      found.push(`the bank's book has ${line.reference} over ${line.amount}, and nobody ordered it`)
    }
  }
  for (const { account, name } of phones) {
    const balance = await bank.balanceMinor(account)
    const expected = OPENING_MINOR - (spent.get(account) ?? 0n)
    if (balance !== expected) found.push(`the bank holds ${balance} for ${name}, and should hold ${expected}`)
  }
  return found
}

/** What the demo bank gives an account it has not seen. */
const OPENING_MINOR = 100_000_000n

const lineText = ({ operation, amount, currency, account, effect }: BankLine) =>
  `${operation} ${amount} ${currency} ${account} ${effect}`

async function inTheLedger({ sql, dev }: World, ended: readonly Ended[]): Promise<string[]> {
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
    const expected = expectedPostings(one, dev.sim.bank.bank).toSorted()
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
    const watchers = order.way === 'person to person' ? [order.payer, order.payee] : [order.payer]
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
