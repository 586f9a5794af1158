import { afterAll, beforeAll, expect, test } from 'vitest'
import { phoneCommands } from '../../src/payments/index.ts'
import { random } from '../e2e/support/raw-key.ts'
import { type MerchantStage, openMerchantStage } from './support/merchants.ts'

/** What one user may make at stickers: it costs nothing, and the merchant is told of each. */
const AT_ONCE = 600

let merchants: MerchantStage
beforeAll(async () => {
  merchants = await openMerchantStage()
})
afterAll(() => merchants.close())

test('who makes one payment after the other is told to wait, and finds what was made', async () => {
  const { stage, hub } = merchants
  const shop = await merchants.shop()
  const phone = await stage.phone(0)
  const create = phoneCommands(hub.deps)['payment.create']
  const ask = async (key = random(18)) => {
    const { reply } = await create({
      requestId: 'req_test',
      credential: { type: 'device', token: phone.device },
      key,
      body: { merchant: shop.id, amount: '2500', currency: 'KES' },
      deadline: Date.now() + 60_000,
    })
    return reply
  }
  const key = random(18)
  const first = await ask(key)
  expect(first.ok).toBe(true)
  let made = 1
  for (let wave = 0; made < AT_ONCE; wave++) {
    const replies = await Promise.all(Array.from({ length: Math.min(50, AT_ONCE - made) }, () => ask()))
    expect(replies.filter(({ ok }) => !ok)).toEqual([])
    made += replies.length
  }
  // A few more have been earned meanwhile.
  const more = await Promise.all(Array.from({ length: 200 }, () => ask()))
  const refused = more.filter((reply) => !reply.ok)
  expect(refused.length).toBeGreaterThan(50)
  expect(refused[0]).toMatchObject({ error: { code: 'rate_limited', retryable: true } })
  expect(await ask(key)).toEqual({ ...first, replayed: true })
}, 120_000)
