import { randomBytes } from 'node:crypto'
import type { DevJson } from '../../../tools/dev-json.ts'
import type { Order } from '../../e2e/support/orders.ts'
import type { Phone } from '../../e2e/support/phone.ts'
import type { World } from '../../e2e/support/world.ts'

/** Longer than any test looks. */
const INQUIRIES_FAIL_S = 3_600

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
