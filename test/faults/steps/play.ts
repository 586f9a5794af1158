import { attemptReference } from '../../../src/domain/ids.ts'
import { Patience } from '../../../tools/demo/patience.ts'
import { followToEnd, persistently, prepare, type Ended, type Order } from '../../e2e/support/orders.ts'
import type { FaultRow } from '../../e2e/support/fault-rows.ts'
import type { Phone } from '../../e2e/support/phone.ts'
import { disagreements } from '../../e2e/support/proof.ts'
import { inLanes, openWorld, type World } from '../../e2e/support/world.ts'
import type { Stack } from '../../support/stack.ts'
import { endOf } from '../campaign.ts'
import { arm, type Hit } from '../failpoint.ts'
import { afterTheEnd, DEPOSIT_MINOR, pay, typeCodes } from '../../e2e/support/stories.ts'
import { blowName } from './deal.ts'
import { honestEnds } from './ends.ts'
import { passesOf, type Blow } from './points.ts'
import { backAgain, hasEnded, standing, struckAt, wokenLate } from './strike.ts'

/**
 * Payments at rails that misbehave, each struck at one point by kill -9 of its hub, or by SIGSTOP and, once others have
 * taken over, SIGCONT: it ends as its row says, and every witness says the same of each (outcome logic, acceptance.md).
 */
export type Strikes = { hubs: number; lanes: number; patienceS: number; say: (line: string) => void }
export type Struck = { blow: string; hub: string; ends: string; tookMs: number }

/** A workflow task given to a hub that is struck is another's after 4 s; every payment goes through a workflow. */
export const STRIKE_ENV = { MOORING_WORKFLOW_TASK_TIMEOUT_MS: '4000', MOORING_EXPRESS: 'off' }

/** Hubs that are left alone at any time: whatever is struck, somebody carries on. */
const LEFT_ALONE = 2
const PAYMENTS_A_PHONE = 40
const FUND_MINOR = 450_000n
const LEAST_MINOR = 1_000
/** Chance may lead a payment past its point, where other hubs fall: it is tried again with another. */
const TRIES = 3
/** A call's deadline, and a little: struck in this time, its hub may have taken the call's answer along. */
const CALL_MS = 10_000

export async function strikeAll(
  stack: Stack,
  blows: readonly Blow[],
  { hubs, lanes, patienceS, say }: Strikes,
): Promise<{ struck: Struck[]; faults: string[] }> {
  const payers = Math.max(8, Math.ceil(blows.length / PAYMENTS_A_PHONE))
  const typists = Math.ceil(blows.filter(({ row }) => isTyped(row)).length / PAYMENTS_A_PHONE)
  const options = { phones: payers + typists, fundMinor: FUND_MINOR }
  const world = await openWorld(stack.dev(), new Patience(patienceS), options)
  try {
    const typing = world.phones.slice(payers)
    for (const { accounts } of typing) await world.rails.operator.asksForCodes(accounts.operator)
    // So much that a merchant can give back what comes back, fee and all.
    const [payer] = world.phones
    const [merchant] = world.merchants
    const deposit = await pay(world, {
      way: 'qr from bank',
      amountMinor: DEPOSIT_MINOR,
      payer,
      payee: payer,
      merchant,
    })
    const field: Field = {
      stack,
      world,
      payers: world.phones.slice(0, payers),
      typists: typing,
      out: places(hubs - LEFT_ALONE),
      hits: new Map(),
      ended: [deposit],
      incidents: new Map(),
      next: 0,
    }
    const struck: Struck[] = []
    const faults: string[] = []
    await inLanes(lanes, blows, async (blow) => {
      const name = blowName(blow)
      for (let left = TRIES; left > 0; left--) {
        const { hub, ends, tookMs, fault } = await play(field, blow)
        if (fault !== null) faults.push(`${name}: ${fault}`)
        if (hub !== null) {
          struck.push({ blow: name, hub, ends, tookMs })
          say(`${struck.length}/${blows.length} ${name}: ${ends}`)
          return
        }
      }
      faults.push(`${name}: it was never passed`)
    })
    return { struck, faults: [...faults, ...(await disagreements(world, field.ended, field.incidents))] }
  } finally {
    await world.close()
  }
}

type Field = {
  stack: Stack
  world: World
  payers: readonly Phone[]
  /** Of whom the operator wants a code for each payment. */
  typists: readonly Phone[]
  /** Places of hubs that may be out at a time. */
  out: <T>(work: () => Promise<T>) => Promise<T>
  /** By the payment for which a hub was struck. */
  hits: Map<bigint, Hit>
  ended: Ended[]
  /** Kinds, by payment, that are to be found in the end. */
  incidents: Map<string, string>
  next: number
}

type Played = { hub: string | null; ends: string; tookMs: number; fault: string | null }

async function play(field: Field, blow: Blow): Promise<Played> {
  const { stack, world } = field
  const { patience, phones, merchants, currency, rails } = world
  const { row, point, signal } = blow
  const no = field.next++
  const amountMinor = BigInt(LEAST_MINOR + no)
  const { typists, payers } = field
  const payer = (isTyped(row) ? typists[no % typists.length] : payers[no % payers.length]) ?? phones[0]
  const order: Order = { way: row.way, amountMinor, payer, payee: payer, merchant: merchants[0] }
  const rules: string[] = []
  for (const fault of row.faults) {
    rules.push(await rails[row.rail].rule({ amount: amountMinor.toString(), ...row.on }, fault))
  }
  const { confirm } = await patience.within(
    'an order to be prepared',
    persistently(() => prepare(order, currency)),
  )
  const startedAt = performance.now()
  const decided = decideOnce(world, blow, amountMinor)
  // Both are looked at below; until then a failure is not an unhandled one.
  decided.catch(() => {})
  const { hit, id, typed } = await field.out(async () => {
    const path = arm(stack, { ...blow.point, signal: blow.signal, passes: passesOf(blow) }, amountMinor)
    const confirmed = persistently(confirm)
    const answered = confirmed.then(({ id: asked }) => (isTyped(row) ? typeCodes(world, order, asked) : undefined))
    answered.catch(() => {})
    const found = await struckAt(stack, world, path, amountMinor)
    if (found !== null) {
      field.hits.set(amountMinor, found)
      if (signal === 'SIGKILL') await backAgain(stack, world, found)
      else await wokenLate(world, found, amountMinor)
    }
    const accepted = await patience.within(`the payment struck at ${point.step} to be accepted`, confirmed)
    return { hit: found, id: accepted.id, typed: answered }
  })
  await decided
  const view = await followToEnd(patience, order, id)
  await patience.within(`the codes of ${id} to be typed`, typed)
  const ends = endOf(view)
  const waiting = await rails[row.rail].waitingRules()
  const facts = { struck: !waiting.has(rules[0] ?? ''), disturbed: await isDisturbed(field, amountMinor) }
  const honest = honestEnds(row, point.step, facts)
  const fault = honest.includes(ends) ? null : `${id} ended ${ends} with ${JSON.stringify(facts)}, not ${honest.join()}`
  const isAsSaid = facts.struck && ends === row.ends
  if (isAsSaid && row.incident !== undefined) field.incidents.set(id, row.incident)
  const comesBack = isAsSaid && row.after !== undefined
  field.ended.push({ order, view: comesBack ? await afterTheEnd(patience, row, order, id) : view })
  return { hub: hit?.hub ?? null, ends, tookMs: Math.round(performance.now() - startedAt), fault }
}

/** Whose payer types what the operator sends. */
const isTyped = ({ on }: FaultRow): boolean => on.step === 'validate'

/** What is pending for ever is decided, as soon as we know that it is. */
async function decideOnce(world: World, { row }: Blow, amountMinor: bigint): Promise<void> {
  const { decide, on, rail } = row
  if (decide === undefined) return
  const pending = await world.patience.until(`a payment over ${amountMinor} to be pending at its rail`, async () => {
    const at = await standing(world, amountMinor)
    if (at === null) return undefined
    if (hasEnded(at)) return { id: null }
    return at.state === 'pending' && at.step === (on.step ?? 'submit') ? { id: at.id } : undefined
  })
  if (pending.id !== null) await world.rails[rail].decide(attemptReference(pending.id, on.operation, 1), decide)
}

/** Whether any other hub was struck while this payment's call was out. */
async function isDisturbed({ world, hits }: Field, amountMinor: bigint): Promise<boolean> {
  const sentAtMs = (await standing(world, amountMinor))?.dispatched_at?.getTime()
  if (sentAtMs === undefined) return false
  return [...hits].some(([other, { atMs }]) => other !== amountMinor && atMs >= sentAtMs && atMs - sentAtMs < CALL_MS)
}

/** At most so many at a time; who comes later waits for a place. */
function places(count: number): Field['out'] {
  let free = count
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
