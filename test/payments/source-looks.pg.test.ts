import { afterAll, beforeAll, expect, test } from 'vitest'
import { random } from '../e2e/support/raw-key.ts'
import { ids } from '../ledger/support/books.ts'
import { type Hub, openStage, type Phone, type Stage } from './support/acceptance.ts'

/** How often the user of an account that its bank has not decided may have the bank asked. */

let stage: Stage
let hub: Hub
let phone: Phone
beforeAll(async () => {
  stage = await openStage()
  hub = stage.hub()
  phone = await stage.phone(0)
})
afterAll(() => stage.close())

test('the bank is asked at once, then every few seconds at most, and the workflow hears of no more', async () => {
  const source = ids.make('src')
  const set = (afterS: number) => stage.books.owner`
    update sources set next_look_at = clock_timestamp() + make_interval(secs => ${afterS}) where id = ${source}`
  await stage.books.owner`
    insert into sources (id, user_id, type, rail, bank, account, holder, currency, label, status, mandate_id,
      mandate_reference, inquiries, created_at)
    values (${source}, ${phone.user}, 'bank', 'test-rail', 'test-rail', 'DE1', 'Customer', 'KES', 'Test Bank',
      'requires_action', 'M2', 'R2', 9, clock_timestamp())`
  await set(300)
  const woken = new Array<string>()
  hub.deps.wake = (id) => void woken.push(id)
  const respond = async () => {
    const reply = await hub.send(
      phone,
      'source.respond',
      await stage.action(phone, 'source.respond', { source }),
      random(18),
    )
    expect(reply).toMatchObject({ ok: true, body: { id: source, status: 'requires_action' } })
    const [row] = await stage.books.owner<{ ms: number }[]>`
      select (extract(epoch from next_look_at - clock_timestamp()) * 1000)::float8 as ms from sources where id = ${source}`
    return row?.ms ?? Number.NaN
  }
  expect(await respond()).toBeLessThanOrEqual(0)
  expect(woken).toEqual([source])
  // It was asked, and says that it has not decided.
  await set(300)
  const later = await respond()
  expect(later).toBeGreaterThan(1_000)
  expect(later).toBeLessThanOrEqual(5_000)
  expect(woken).toHaveLength(2)
  for (let i = 0; i < 20; i++) await respond()
  expect(woken).toHaveLength(2)
  stage.time.aheadMs = 5_000
  await set(300)
  expect(await respond()).toBeLessThanOrEqual(5_000)
  expect(woken).toHaveLength(3)
})
