import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { scan } from '../../tools/demo/scan.ts'
import { acquire } from '../../tools/servers/acquire.ts'
import { temporalRecipe } from '../../tools/servers/recipes.ts'
import { followToEnd, prepare, type Ended, type Order } from '../e2e/support/orders.ts'
import type { Phone } from '../e2e/support/phone.ts'
import type { World } from '../e2e/support/world.ts'
import type { Stack } from '../support/stack.ts'

/**
 * What people do to workflows by hand, with Temporal's own command line, wherever a payment stands: each ends all the
 * same, once, as every witness says (I1 to I3). The patrol brings back what was ended by force.
 */

export const HANDS = ['terminate', 'cancel', 'reset', 'wipe'] as const
export type Hand = (typeof HANDS)[number]

/** Where a payment stands when it happens. */
export const STAGES = ['called', 'pending', 'unknown', 'held', 'ended'] as const
export type StageName = (typeof STAGES)[number]

/** Longer than a hand takes, and than the rail's deadline. */
const UNDECIDED_S = 30

export type Case = { stage: StageName; hand: Hand }
export type Handled = Case & { id: string; runs: number; status: string; tookMs: number }

type Standing = Case & { order: Order; id: string }

/** Takes the cases all at once, but for a wipe, which takes all of Temporal with it. Amounts begin at `firstMinor`. */
export async function byHand(
  stack: Stack,
  world: World,
  cases: readonly Case[],
  firstMinor: bigint,
): Promise<{ handled: Handled[]; ended: Ended[] }> {
  const startedAt = performance.now()
  const standing = await Promise.all(
    cases.map((one, i) => bring(world, one, firstMinor + BigInt(i), payerOf(world, i))),
  )
  if (cases.some(({ hand }) => hand === 'wipe')) await wipe(stack)
  const temporal = await acquire(temporalRecipe, () => {})
  await Promise.all(standing.map((one) => apply(stack, world, temporal, one)))
  const ended: Ended[] = []
  const handled: Handled[] = []
  const connection = await Connection.connect({ address: stack.dev().temporal.address })
  const client = new Client({ connection, namespace: stack.dev().temporal.namespace })
  try {
    await Promise.all(
      standing.map(async ({ order, id, stage, hand }) => {
        if (stage === 'held') await order.merchant.capture(id)
        const view = await followToEnd(world.patience, order, id)
        ended.push({ order, view })
        // Temporal's search is a moment behind. Where the rail must be asked, what was ended by force is begun again;
        // elsewhere its answer, its callback or the capture ends the payment, also with its workflow gone.
        const least = leastRuns(stage, hand)
        const runs = await world.patience.until(`${id} to have ${least} runs`, async () => {
          let found = 0
          for await (const _ of client.workflow.list({ query: `WorkflowId = '${id}'` })) found += 1
          return found >= least ? found : undefined
        })
        handled.push({ stage, hand, id, runs, status: view.status, tookMs: performance.now() - startedAt })
      }),
    )
  } finally {
    await connection.close()
  }
  return { handled, ended }
}

function leastRuns(stage: StageName, hand: Hand): number {
  const before = hand === 'wipe' ? 0 : 1
  return (hand === 'wipe' || hand === 'terminate') && stage === 'unknown' ? before + 1 : before
}

/** Nothing that was done to these is a reason to fail. */
export const unhappy = (handled: readonly Handled[]): string[] =>
  handled
    .filter(({ status }) => status !== 'succeeded')
    .map(({ id, stage, hand, status }) => `${id} ended ${status} after ${hand} while ${stage}`)

function payerOf({ phones }: World, i: number): Phone {
  const phone = phones[i % phones.length]
  if (phone === undefined) throw new Error('nobody pays')
  return phone
}

/** A payment of this amount, brought to where it is to stand. */
async function bring(world: World, { stage, hand }: Case, amountMinor: bigint, payer: Phone): Promise<Standing> {
  const { bank } = world.rails
  const merchant = world.merchants[0]
  const match = { amount: amountMinor.toString() }
  if (stage === 'called') await bank.rule(match, { kind: 'delay', ms: 6_000 })
  if (stage === 'pending')
    // oxlint-disable-next-line unicorn/no-thenable -- the control API's word for what follows a pending answer
    await bank.rule(match, { kind: 'pending', then: 'settled', after_s: UNDECIDED_S, callback: true })
  if (stage === 'unknown') {
    await bank.rule(match, { kind: 'drop_after' })
    await bank.rule(match, { kind: 'inquiry_fail', s: UNDECIDED_S })
  }
  const order: Order = {
    way: stage === 'held' ? 'qr from wallet' : 'top-up',
    amountMinor,
    payer,
    payee: payer,
    merchant,
  }
  const id = stage === 'held' ? await hold(world, order) : (await (await prepare(order, world.currency)).confirm()).id
  await world.patience.until(`${id} to be ${stage}`, async () =>
    (await standsAt(world, id)) === stage ? true : undefined,
  )
  return { stage, hand, order, id }
}

export async function hold({ currency }: World, { amountMinor, payer, merchant }: Order): Promise<string> {
  const money = { amount: amountMinor.toString(), currency }
  const bill = { ...money, order_ref: randomUUID(), description: 'An order', capture_method: 'manual' } as const
  const { payload } = await merchant.createPayment(bill)
  const { payment, claim } = await scan(payer.client, payload)
  const quote = await payer.client.command('quote', {
    kind: 'purchase',
    ...money,
    source: 'wallet',
    payee: payment.payee,
  })
  return (await payer.client.pay({ payment, claim, source: 'wallet', quote, key: randomUUID() })).id
}

async function standsAt({ sql }: World, id: string): Promise<StageName | undefined> {
  const [row] = await sql<{ status: string; state: string | null }[]>`
    select p.status, a.state from payments p left join attempts a on a.payment = p.id where p.id = ${id}`
  if (row?.status === 'succeeded') return 'ended'
  if (row?.status === 'requires_capture') return 'held'
  if (row?.state === 'dispatched') return 'called'
  return row?.state === 'pending' || row?.state === 'unknown' ? row.state : undefined
}

async function apply(stack: Stack, world: World, temporal: string, { hand, id, stage }: Standing): Promise<void> {
  if (hand === 'wipe') return
  const { address, namespace } = stack.dev().temporal
  const reason = ['--reason', 'by hand, in a test']
  const args = {
    terminate: ['terminate', ...reason],
    cancel: ['cancel'],
    reset: ['reset', '--type', 'FirstWorkflowTask', ...reason],
  }[hand]
  await world.patience.until(`${hand} of ${id} to be taken`, async () => {
    const all = ['workflow', ...args, '--workflow-id', id, '--address', address, '--namespace', namespace]
    const said = await run(temporal, all)
    // What has ended cannot be ended.
    return said.exit === 0 || (stage === 'ended' && said.text.includes('already completed')) ? true : undefined
  })
}

/** Its database is gone, as after a lost disk, and it starts with an empty one. */
async function wipe(stack: Stack): Promise<void> {
  rmSync(join(stack.dataDir, 'temporal', 'served'))
  await stack.killAndWait('temporal')
}

/** A command line of Temporal's: how it ended, and all it said. */
export function run(binary: string, args: readonly string[]): Promise<{ exit: number; text: string }> {
  return new Promise((resolve) => {
    execFile(
      binary,
      ['--disable-config-file', '--disable-config-env', ...args],
      { timeout: 60_000 },
      (error, out, err) => resolve({ exit: error === null ? 0 : 1, text: out + err }),
    )
  })
}
