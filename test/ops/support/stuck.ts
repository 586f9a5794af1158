import { randomBytes } from 'node:crypto'
import type { DevJson } from '../../../tools/dev-json.ts'
import { attemptReference, recoveryId } from '../../../src/domain/ids.ts'
import { prepare, type Order } from '../../e2e/support/orders.ts'
import type { Phone } from '../../e2e/support/phone.ts'
import type { World } from '../../e2e/support/world.ts'

/** Longer than any test looks. */
const INQUIRIES_FAIL_S = 3_600

/** A top-up that the bank has, and will not decide before it is told to. */
export async function undecidedTopUp(world: World, payer: Phone, amountMinor: bigint): Promise<string> {
  const { bank } = world.rails
  // oxlint-disable-next-line unicorn/no-thenable -- the control API's word for what follows a pending answer
  await bank.rule({ amount: String(amountMinor), operation: 'collect' }, { kind: 'pending', then: 'never' })
  const order: Order = { way: 'top-up', amountMinor, payer, payee: payer, merchant: world.merchants[0] }
  const { id } = await (await prepare(order, world.currency)).confirm()
  await world.patience.until(`${id} to be pending`, async () => {
    const [row] = await world.sql<{ state: string }[]>`select state from attempts where payment = ${id}`
    return row?.state === 'pending' ? true : undefined
  })
  return id
}

/**
 * The bank settles after all what was decided not to have moved, while its owner's wallet takes nothing: the id of the
 * recovery that waits for people.
 */
export async function settleIntoSuspense(world: World, payer: Phone, id: string): Promise<string> {
  await freeze(world, payer, true)
  await world.rails.bank.decide(attemptReference(id, 'collect', 1), 'settled')
  return world.patience.until(`the recovery of ${id} to wait for people`, async () => {
    const [row] = await world.sql<{ id: string }[]>`
      select id from evidence where payment = ${id} and result = 'suspended'`
    return row === undefined ? undefined : recoveryId(id, row.id)
  })
}

/** Whoever may, by the tables' owner's hand: no command of ours freezes a wallet. */
export async function freeze({ sql }: World, { user }: Phone, frozen: boolean): Promise<void> {
  const changed = await sql`update accounts set frozen = ${frozen} where name = ${`wallet:${user}`} returning id`
  if (changed.length === 0) throw new Error(`${user} has no wallet`)
}

/** A call of the bank's control API. */
export async function steerBank({ sim: { bank } }: DevJson, path: string, body: object): Promise<void> {
  const response = await fetch(`${bank.control}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bank.control_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`the bank answered ${path} with ${response.status}: ${await response.text()}`)
}

/** A top-up that the bank books, and of which it then says nothing: neither in its answer nor when it is asked. */
export async function stuckTopUp(
  world: World,
  payer: Phone,
  amountMinor: bigint,
): Promise<{ order: Order; id: string }> {
  const match = { account: payer.accounts.bank, operation: 'collect' }
  await steerBank(world.dev, '/rules', { match, fault: { kind: 'drop_after' }, times: 1 })
  await steerBank(world.dev, '/rules', { match, fault: { kind: 'inquiry_fail', s: INQUIRIES_FAIL_S }, times: 1 })
  const { client, sources } = payer
  const source = sources.bank
  const money = { amount: String(amountMinor), currency: world.currency }
  const quote = await client.command('quote', { kind: 'topup', ...money, source })
  const { id } = await client.topup({ ...money, source, quote, key: randomBytes(16).toString('hex') })
  return { order: { way: 'top-up', amountMinor, payer, payee: payer, merchant: world.merchants[0] }, id }
}
