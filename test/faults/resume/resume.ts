import { setTimeout as delay } from 'node:timers/promises'
import { Patience } from '../../../tools/demo/patience.ts'
import { persistently } from '../../e2e/support/orders.ts'
import { differences } from '../../e2e/support/told.ts'
import { openWorld, type World } from '../../e2e/support/world.ts'
import { seeded } from '../../support/seed.ts'
import type { Stack } from '../../support/stack.ts'
import { CuttableSockets } from './cuttable.ts'
import { dealResume, type ResumeBlow } from './deal.ts'
import { FeedPath } from './path.ts'
import { Witness } from './witness.ts'

export type Resumed = {
  blows: readonly ResumeBlow[]
  transfers: number
  /** Events heard by all clients together, and how often a witness lost its network. */
  heard: number
  cuts: number
  epochs: number
  faults: string[]
}

const FUND_MINOR = 100_000n
/** Between a phone's transfers: many phones' events, and no user beyond what a user may do. */
const PACE_MS = 60
/** Transfers that end after each blow before the next one falls. */
const BETWEEN = 12
const DOUBLED = 60

/** What a stack must be started with. */
export const RESUME_STACK = { args: ['--edges', '2'], env: { MOORING_EXPRESS: 'always' } }

/**
 * Phones pay each other without end while their network, relays, NATS and edges
 * fail by turns. Each user's feed has two listeners: the SDK, and a witness by
 * hand. What both were told must be the committed log.
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
    const witnesses = await Promise.all(
      world.phones.map(({ accounts, name }, i) =>
        Witness.make({
          dev: stack.dev(),
          number: accounts.operator,
          name: `witness of ${name}`,
          random: seeded(seed + 2 + i),
          edges: () => stack.dev().edge,
        }),
      ),
    )
    await path.start()
    const roaming = witnesses.map((witness) =>
      witness.roam().catch((error: unknown) => void witness.faults.push(`${witness.name}: ${String(error)}`)),
    )
    say(`${world.phones.length} phones, as many witnesses, two edges and two relays`)

    const epochs = new Set([await path.epoch()])
    const load = startLoad(world)
    const blows = dealResume(seed, options.blows)
    for (const blow of blows) {
      const from = load.ended()
      await strike(path, sockets, blow)
      epochs.add(await path.epoch())
      await patience.until(`payments to go on after ${blow}`, () => (load.ended() >= from + BETWEEN ? true : undefined))
      say(`${blow}; ${load.ended()} transfers so far`)
    }
    const failures = await load.stop()

    for (const witness of witnesses) witness.stay()
    const found = await compare(world, witnesses, epochs.size - 1)
    await Promise.all(witnesses.map((witness) => witness.leave()))
    await Promise.all(roaming)
    return {
      blows,
      transfers: load.ended(),
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

/** Everybody sends one unit to the next, again and again, and tries again under the same key where nobody answers. */
function startLoad({ phones, currency }: World): { ended: () => number; stop: () => Promise<string[]> } {
  let going = true
  let ended = 0
  const failures: string[] = []
  const lanes = phones.map(async ({ client, name }, i) => {
    const to = (phones[(i + 1) % phones.length] ?? phones[0]).user
    while (going) {
      const key = crypto.randomUUID()
      try {
        const view = await persistently(() => client.transfer({ to, amount: '1', currency, key }))
        if (view.status !== 'succeeded') failures.push(`${name}: ${view.id} is ${view.status}`)
        ended += 1
      } catch (error) {
        failures.push(`${name}: ${String(error)}`)
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
  const { sql, patience, phones, currency } = world
  const found: string[] = []
  for (const [i, { name, user, watch, client }] of phones.entries()) {
    const witness = witnesses[i]
    if (witness === undefined) throw new Error(`${name} has no witness`)
    const heads = await sql<{ seq: string }[]>`select seq::text as seq from feed_heads where feed = ${user}`
    const head = Number(heads[0]?.seq)
    // What did not come by then never comes: how far each got is what is compared.
    await patience
      .until(`${name} and its witness to hear of event ${head}`, () => {
        if (client.status === 'connecting') client.wake()
        return (watch.last ?? 0) >= head && witness.last >= head ? true : undefined
      })
      .catch((error: unknown) => found.push(String(error)))
    const rows = await sql<{ id: string }[]>`select id from outbox where feed = ${user} order by seq`
    const committed = rows.map(({ id }) => id)
    // One may be of when it was signed up, before anything was committed.
    const snapshots = watch.told.filter((one, no) => 'snapshot' in one && no > 0).length
    found.push(
      ...watch.faults,
      ...witness.faults,
      ...differences(watch.told, committed).map((what) => `${name}: ${what}`),
      ...differences(witness.told, committed).map((what) => `${witness.name}: ${what}`),
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
