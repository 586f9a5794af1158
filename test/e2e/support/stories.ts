import type { PaymentView, RefundView } from '../../../src/contract/index.ts'
import { isTerminal } from '../../../clients/mobile/index.ts'
import { attemptReference } from '../../../src/domain/ids.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
import { smsTo } from '../../../tools/demo/http.ts'
import { type FaultRow, rowSees } from './fault-rows.ts'
import type { Operators } from './operators.ts'
import { followToEnd, persistently, prepare, type Ended, type Order } from './orders.ts'
import type { RefundRow } from './refund-rows.ts'
import { followRefund, withRefunds } from './refunds.ts'
import { inLanes, type World } from './world.ts'

/** Rows of the fault tables as they happen: a payment or refund, what strikes it, whoever does something about it, its end. */
export type Story = { end: Promise<Ended>; order: Order; id: string }

/** A payment's states, as rows have them. */
export function words({ status, status_reason, failure, dispute, recovery }: PaymentView): string {
  const after = [dispute === null ? null : `dispute ${dispute.state}`, recovery?.kind, recovery?.state]
  return [status, status_reason, failure?.code, ...after].filter((word) => word != null).join(' ')
}

export function refundWords({ status, status_reason, failure }: RefundView): string {
  return [status, status_reason, failure?.code].filter((word) => word != null).join(' ')
}

/** Its test looks at it; until then a failure is not an unhandled one. */
export function watched(end: Promise<Ended>): Promise<Ended> {
  end.catch(() => {})
  return end
}

/**
 * Resolves once its rail has answered the call that is struck, or its payer knows that it has not: so many of those calls
 * are made at a time.
 */
export async function beginPayment(world: World, row: FaultRow, order: Order): Promise<Story> {
  const { patience, currency, rails } = world
  const { amountMinor, payer } = order
  const rail = rails[row.rail]
  for (const fault of row.faults) await rail.rule({ amount: amountMinor.toString(), ...row.on }, fault)
  const { confirm } = await persistently(() => prepare(order, currency))
  const { id } = await persistently(confirm)
  const types = row.on.step === 'validate'
  const end = watched(
    Promise.all([toEnd(world, row, order, id), types && typeCodes(world, order, id)]).then(([it]) => it),
  )
  // Whoever is asked for a code has been told of that, and of having typed it.
  const told = types ? 3 : 1
  await patience.until(`${id} to be told of`, () => (payer.watch.versions(id).length > told ? true : undefined))
  if (row.decide !== undefined) await rail.decide(attemptReference(id, row.on.operation, 1), row.decide)
  return { end, order, id }
}

async function toEnd({ patience }: World, row: FaultRow, order: Order, id: string): Promise<Ended> {
  const view = await followToEnd(patience, order, id)
  return { order, view: row.after === undefined ? view : await afterTheEnd(patience, row, order, id) }
}

/** The payment once its payer has been told all that its row says after the end. */
export function afterTheEnd(patience: Patience, row: FaultRow, { payer }: Order, id: string): Promise<PaymentView> {
  const last = rowSees(row).at(-1)
  return patience.until(`${id} to be ${last}`, () => {
    const shown = payer.watch.versions(id).at(-1)
    return shown !== undefined && words(shown) === last ? shown : undefined
  })
}

/** The payer types the code that the operator has sent, as often as the phone asks for it. */
export async function typeCodes({ dev, patience }: World, { payer, amountMinor }: Order, id: string): Promise<void> {
  const { client, watch, accounts } = payer
  for (let answered = 0; ;) {
    const { version, status } = await patience.until(`${id} to ask for a code`, () =>
      watch
        .versions(id)
        .find((told) => told.version > answered && (told.next_action !== null || isTerminal(told.status))),
    )
    if (isTerminal(status)) return
    const code = await patience.until(`the operator's SMS about ${id}`, async () =>
      (await smsTo(patience, dev.sim.camara, accounts.operator))
        .map((text) => /^(\d{6}) confirms (\d+)\.?(\d*) /.exec(text))
        .find((found) => found !== null && BigInt(`${found[2]}${found[3]}`) === amountMinor)
        ?.at(1),
    )
    await persistently(() => client.enterCode(id, code, { key: `${id.slice(4)}code${version}` }))
    answered = version
  }
}

/** A payment that nothing strikes. */
export async function pay({ patience, currency }: World, order: Order): Promise<Ended> {
  const { confirm } = await persistently(() => prepare(order, currency))
  const { id } = await persistently(confirm)
  const view = await followToEnd(patience, order, id)
  if (view.status !== 'succeeded') throw new Error(`${id} is to succeed, and ended ${words(view)}`)
  return { order, view }
}

/** More than all refunds together take, so that none waits for its merchant's money. */
export const DEPOSIT_MINOR = 400_000n

/** A purchase for each row, refunded whole or in part; and one that leaves the merchant enough to give all of them back. */
export async function payForRefunds(
  world: World,
  rows: readonly RefundRow[],
  orderOf: (row: Pick<RefundRow, 'way'>, no: number, amountMinor: bigint) => Order,
  lanes: number,
): Promise<{ deposit: Ended; paid: Map<RefundRow, Ended> }> {
  const paid = new Map<RefundRow, Ended>()
  const deposit = await pay(world, orderOf({ way: 'qr from bank' }, 0, DEPOSIT_MINOR))
  await inLanes(lanes, rows.entries(), async ([no, row]) => {
    const refundMinor = refundOf(no)
    const order = orderOf(row, no, no % 2 === 0 ? refundMinor : 2n * refundMinor + 1n)
    paid.set(row, await pay(world, { ...order, refundsMinor: [refundMinor] }))
  })
  return { deposit, paid }
}

/** Each refund has an amount of its own, by which its rail knows what to do wrong. */
const refundOf = (no: number): bigint => BigInt(2_000 + no)

export type RefundStory = Story & { refund: string }

export async function beginRefund(
  world: World,
  operators: Operators,
  row: RefundRow,
  { order, view }: Ended,
): Promise<RefundStory> {
  const { patience, rails } = world
  const rail = rails[row.rail]
  const amount = String(order.refundsMinor?.[0] ?? 0n)
  for (const fault of row.faults) await rail.rule({ amount, operation: 'refund' }, fault)
  const isWhole = amount === view.amount
  const asked = await order.merchant.refund({ payment: view.id, ...(isWhole ? {} : { amount }) })
  const { id } = asked
  const followed = followRefund(patience, order, asked)
  const hand = row.byHand === true ? decideOnceAskedInVain(world, operators, id) : undefined
  const end = watched(
    Promise.all([followed, hand]).then(([refund]) => withRefunds(patience, { order, view }, [refund])),
  )
  await patience.until(`${id} to be told of`, () => (order.payer.watch.refund(id).length > 1 ? true : undefined))
  if (row.decide !== undefined) await rail.decide(attemptReference(id, 'refund', 1), row.decide)
  return { end, order, id: view.id, refund: id }
}

/** By then a reservation would count as lost: of a refund not even that is believed. */
async function decideOnceAskedInVain({ sql, patience }: World, operators: Operators, id: string): Promise<void> {
  await patience.until(`${id} to be asked about after a minute`, async () => {
    const [row] = await sql<{ late: boolean }[]>`
      select updated_at >= dispatched_at + interval '72 s' as late
      from attempts where payment = ${id} and state = 'unknown'`
    return row?.late === true ? true : undefined
  })
  await operators.notMoved(id)
}
