import { setTimeout as delay } from 'node:timers/promises'
import { Patience } from '../../../tools/demo/patience.ts'
import { scan } from '../../../tools/demo/scan.ts'
import type { DevJson } from '../../../tools/dev-json.ts'
import { persistently } from '../../e2e/support/orders.ts'
import type { Phone } from '../../e2e/support/phone.ts'
import { RawPhone } from '../../e2e/support/raw-phone.ts'
import { differences, type Told } from '../../e2e/support/told.ts'
import { openWorld, type World } from '../../e2e/support/world.ts'
import { seeded } from '../../support/seed.ts'
import type { Stack } from '../../support/stack.ts'
import { CuttableSockets } from './cuttable.ts'
import { earOfMerchant, earOfPhone } from './ear.ts'
import { dealResume, type ResumeBlow } from './deal.ts'
import { FeedPath } from './path.ts'
import { Witness } from './witness.ts'

export type Resumed = {
  blows: readonly ResumeBlow[]
  payments: number
  /** Events heard by all clients together, and how often a witness lost its network. */
  heard: number
  cuts: number
  epochs: number
  faults: string[]
}

const FUND_MINOR = 100_000n
/** Between a phone's payments: many phones' events, and no user beyond what a user may do. */
const PACE_MS = 60
/** The first of so many payments of a phone is at the shop. */
const PURCHASE_EACH = 4
/** Payments that end after each blow before the next one falls. */
const BETWEEN = 12
const DOUBLED = 60

/** What a stack must be started with. */
export const RESUME_STACK = { args: ['--edges', '2'], env: { MOORING_EXPRESS: 'always' } }

/**
 * Phones pay each other and a shop without end while their network, relays, NATS
 * and edges fail by turns. Each user's feed has two listeners: the SDK, and a
 * witness by hand; the shop's and its store's have one each. What all were told
 * must be the committed log.
 */
export async function playResume(
  stack: Stack,
  options: { seed: number; blows: number; phones: number; patienceS: number; say: (line: string) => void },
): Promise<Resumed> {
  const { seed, say } = options
  const patience = new Patience(options.patienceS)
  const sockets = new CuttableSockets()
  const world = await openWorld(stack.dev(), patience, {
    phones: options.phones,
    fundMinor: FUND_MINOR,
    ports: { socket: sockets.factory },
  })
  const path = new FeedPath(stack, world.sql, patience, seeded(seed + 1))
  try {
    const witnesses = await makeWitnesses(stack, world, seed)
    await path.start()
    const roaming = witnesses.map((witness) =>
      witness.roam().catch((error: unknown) => void witness.faults.push(`${witness.name}: ${String(error)}`)),
    )
    say(`${world.phones.length} phones, ${witnesses.length} witnesses, two edges and two relays`)

    const epochs = new Set([await path.epoch()])
    const load = startLoad(world, shopOf(stack))
    const blows = dealResume(seed, options.blows)
    for (const blow of blows) {
      const from = load.ended()
      await strike(path, sockets, blow)
      epochs.add(await path.epoch())
      await patience.until(`payments to go on after ${blow}`, () => (load.ended() >= from + BETWEEN ? true : undefined))
      say(`${blow}; ${load.ended()} payments so far`)
    }
    const failures = await load.stop()

    for (const witness of witnesses) witness.stay()
    const found = await compare(world, witnesses, epochs.size - 1)
    await Promise.all(witnesses.map((witness) => witness.leave()))
    await Promise.all(roaming)
    return {
      blows,
      payments: load.ended(),
      heard: [...world.phones.map(({ watch }) => watch.told), ...witnesses.map(({ told }) => told)].flat().length,
      cuts: witnesses.reduce((sum, { cuts }) => sum + cuts, 0),
      epochs: epochs.size,
      faults: [...failures, ...found],
    }
  } finally {
    await path.stop()
    await world.close()
  }
}

async function strike(path: FeedPath, sockets: CuttableSockets, blow: ResumeBlow): Promise<void> {
  switch (blow) {
    case 'the leading relay killed':
      return path.killLeader()
    case 'a relay killed between ack and mark':
      return path.killAfterAck()
    case 'NATS killed':
      return path.killNats()
    case 'NATS lost with its stream':
      return path.loseStream()
    case 'an edge killed':
      return path.killEdge()
    case 'phones cut off':
      sockets.cut()
      return
    case 'events doubled':
      return path.double(DOUBLED)
  }
}

type Shop = DevJson['merchants'][number]

function shopOf(stack: Stack): Shop {
  const [shop] = stack.dev().merchants
  if (shop === undefined) throw new Error('dev.json names no merchant')
  return shop
}

/** One for each phone, in their order, then the shop's and its store's. */
async function makeWitnesses(stack: Stack, world: World, seed: number): Promise<Witness[]> {
  const dev = stack.dev()
  const shop = shopOf(stack)
  const ears = await Promise.all([
    ...world.phones.map(async ({ accounts }) => {
      const phone = await RawPhone.make(dev, accounts.operator)
      await phone.socket.close()
      return earOfPhone(phone)
    }),
    earOfMerchant(dev, shop),
    earOfMerchant(dev, shop, shop.store),
  ])
  return ears.map(
    (ear, i) =>
      new Witness({ name: `witness of ${ear.feed}`, ear, random: seeded(seed + 2 + i), edges: () => stack.dev().edge }),
  )
}

/** Everybody sends one unit to the next and pays the shop, again and again, and tries again under the same key where nobody answers. */
function startLoad(world: World, { store }: Shop): { ended: () => number; stop: () => Promise<string[]> } {
  const { phones, merchants, currency } = world
  let going = true
  let ended = 0
  const failures: string[] = []
  const transfer = ({ client }: Phone, to: string) => {
    const key = crypto.randomUUID()
    return persistently(() => client.transfer({ to, amount: '1', currency, key }))
  }
  const purchase = async ({ client }: Phone) => {
    const key = crypto.randomUUID()
    const order = { amount: '1', currency, order_ref: key, description: 'An order', store }
    const { payload } = await merchants[0].createPayment(order)
    const { payment, claim } = await persistently(() => scan(client, payload))
    return persistently(() => client.pay({ payment, claim, source: 'wallet', key }))
  }
  const lanes = phones.map(async (phone, i) => {
    const { user } = phones[(i + 1) % phones.length] ?? phones[0]
    for (let turn = 0; going; turn++) {
      try {
        const view = await (turn % PURCHASE_EACH === 0 ? purchase(phone) : transfer(phone, user))
        if (view.status !== 'succeeded') failures.push(`${phone.name}: ${view.id} is ${view.status}`)
        ended += 1
      } catch (error) {
        failures.push(`${phone.name}: ${String(error)}`)
      }
      await delay(PACE_MS)
    }
  })
  return {
    ended: () => ended,
    stop: async () => {
      going = false
      await Promise.all(lanes)
      return failures
    },
  }
}

/** Once all have heard what is committed: what each was told, and what each phone shows, against Postgres. */
async function compare(world: World, witnesses: readonly Witness[], epochsBegun: number): Promise<string[]> {
  const { phones, currency, sql } = world
  const found: string[] = []
  for (const witness of witnesses) {
    const { name, feed } = witness
    found.push(...(await toldWrongly(world, { name, feed, last: () => witness.last, told: () => witness.told })))
    found.push(...witness.faults)
    if (witness.told.length < 2) found.push(`${name} heard of nothing`)
  }
  for (const { name, user, watch, client } of phones) {
    const last = () => {
      if (client.status === 'connecting') client.wake()
      return watch.last ?? 0
    }
    found.push(...(await toldWrongly(world, { name, feed: user, last, told: () => watch.told })))
    // One may be of when it was signed up, before anything was committed.
    const snapshots = watch.told.filter((one, no) => 'snapshot' in one && no > 0).length
    found.push(
      ...watch.faults,
      ...(snapshots > epochsBegun ? [`${name} was given ${snapshots} snapshots in ${epochsBegun} new epochs`] : []),
    )
    const [account] = await sql<{ balance: string }[]>`
      select (credits_posted - debits_posted)::text as balance from accounts where name = ${`wallet:${user}`}`
    const shown = client.balances.get(currency)?.available
    if (shown !== account?.balance)
      found.push(`${name} shows ${shown ?? 'nothing'} of ${account?.balance ?? 'nothing'}`)
  }
  return found
}

type Listener = { name: string; feed: string; last: () => number; told: () => readonly Told[] }

/** How what a listener was told differs from its feed's committed log; what did not come in time never comes. */
async function toldWrongly({ sql, patience }: World, { name, feed, last, told }: Listener): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id from outbox where feed = ${feed} order by seq`
  const committed = rows.map(({ id }) => id)
  const late: string[] = []
  await patience
    .until(`${name} to hear of event ${committed.length}`, () => (last() >= committed.length ? true : undefined))
    .catch((error: unknown) => late.push(String(error)))
  return [...late, ...differences(told(), committed).map((what) => `${name}: ${what}`)]
}
