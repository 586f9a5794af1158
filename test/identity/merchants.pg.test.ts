import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMerchant, readPepper } from '../../src/identity/index.ts'
import { ids, openStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

let made = 0
const newKey = () => `sk_test_${String((made += 1)).padStart(32, 'k')}`
const create = (secretKey: string, storeName = 'Main') =>
  createMerchant(
    { sql: stage.admin, ids, pepper: readPepper(stage.keysDir) },
    { name: 'Kahawa House', secretKey, feePlan: { basisPoints: 150n, fixedMinor: 0n }, storeName },
  )
const codeOf = async (secretKey: string) => {
  const result = await stage.identity.authenticateMerchant(secretKey)
  return result.ok ? 'ok' : result.error.code
}

describe('a merchant’s secret key', () => {
  it('names its merchant and fees', async () => {
    const key = newKey()
    const { id } = await create(key)
    const planId: unknown = expect.stringMatching(/^fpl_/)
    expect(await stage.identity.authenticateMerchant(key)).toEqual({
      ok: true,
      value: {
        merchant: id,
        name: 'Kahawa House',
        key: expect.any(String) as unknown,
        feePlan: { id: planId, basisPoints: 150n, fixedMinor: 0n, onRefund: 'kept' },
      },
    })
  })

  it('is not in the database', async () => {
    const key = newKey()
    await create(key)
    const rows = await stage.admin<{ text: string }[]>`
      select k::text as text from merchant_keys k union all select m::text from merchants m`
    expect(rows.some(({ text }) => text.includes(key) || text.includes(Buffer.from(key).toString('hex')))).toBe(false)
  })

  it.each([
    ['of nobody', `sk_test_${'x'.repeat(32)}`],
    ['of the other environment', `sk_live_${'x'.repeat(32)}`],
    ['that is empty', ''],
    ['with a space', `sk_test_${'x'.repeat(16)} `],
    ['of another kind', `pk_test_${'x'.repeat(32)}`],
    ['that is huge', `sk_test_${'x'.repeat(5_000)}`],
  ])('%s is unauthenticated', async (_what, key) => {
    expect(await codeOf(key)).toBe('unauthenticated')
  })

  it('stops working within two seconds of its revocation, with the cache warm', async () => {
    const key = newKey()
    const { id } = await create(key)
    expect(await codeOf(key)).toBe('ok')
    await stage.admin`update merchant_keys set revoked_at = clock_timestamp() where merchant = ${id}`
    const start = performance.now()
    await expect.poll(() => codeOf(key), { timeout: 5_000, interval: 20 }).toBe('unauthenticated')
    expect(performance.now() - start).toBeLessThan(2_000)
  })

  it('works on until a revocation that lies ahead', async () => {
    const key = newKey()
    const { id } = await create(key)
    await stage.admin`update merchant_keys set revoked_at = clock_timestamp() + interval '1 day' where merchant = ${id}`
    expect(await codeOf(key)).toBe('ok')
  })
})

describe('making a merchant', () => {
  it('twice with one key finds the first, its store too', async () => {
    const key = newKey()
    expect(await create(key)).toEqual(await create(key))
  })

  it('ten times at once makes one', async () => {
    const key = newKey()
    const all = await Promise.all(Array.from({ length: 10 }, () => create(key)))
    expect(new Set(all.map(({ id, store }) => `${id} ${store}`)).size).toBe(1)
  })

  it('with an ill-formed key is refused', async () => {
    await expect(create('secret')).rejects.toThrow('ill-formed')
  })
})

describe('the hub’s role', () => {
  it.each(['users', 'devices', 'merchants', 'merchant_keys', 'stores'])('cannot delete from %s', async (table) => {
    await expect(stage.sql`delete from ${stage.sql(table)}`).rejects.toThrow('permission denied')
  })
})
