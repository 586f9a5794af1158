import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Identity } from '../../src/identity/index.ts'
import { IDENTITY_LIMITS } from '../../src/identity/limits.ts'
import { lowUntilMs } from '../../src/identity/tiers.ts'
import type { SimSwap } from '../../src/rails/port.ts'
import { beginEnrolment, bodyOf, freshPhone, makeKey, openStage, type Stage, type TestKey, verify } from './stage.ts'

/** What a new device does to its account: everybody is told, and limits are low for a while. */
let stage: Stage
let hub: Identity
const HOUR_MS = 3_600_000
/** What the operator says, or throws. */
let said: Awaited<ReturnType<SimSwap['date']>> = { kind: 'unknown' }
let asked = 0
let woken = 0
const simSwap: SimSwap = {
  date: () => {
    asked += 1
    return Promise.resolve(said)
  },
}
const agoMs = (hours: number) => Date.now() - hours * HOUR_MS
function swapped(hours: number): void {
  said = { kind: 'date', atMs: agoMs(hours) }
}

beforeAll(async () => {
  stage = await openStage()
  hub = await stage.another({ simSwap, wakeRelay: () => void (woken += 1) })
})
afterAll(() => stage.close())
afterEach(() => {
  said = { kind: 'unknown' }
})

async function enrol(at = hub, phone = freshPhone(), key?: TestKey, address?: string) {
  const ours = key ?? (await makeKey())
  const enrolment = await beginEnrolment(at, phone, ours, address)
  const { user = '', device = '' } = bodyOf(await verify(at, enrolment, stage.operator.otp(phone), ours))
  return { phone, key: ours, user, device }
}

/** Hours that the limits are low still; null where they are not. */
async function lowHours(user: string): Promise<number | null> {
  const [row] = await stage.admin<{ hours: number | null }[]>`
    select (extract(epoch from low_limits_until - clock_timestamp()) / 3600)::float8 as hours from users where id = ${user}`
  return row?.hours == null ? null : Math.round(row.hours * 10) / 10
}

const events = (user: string) => stage.admin<{ seq: bigint; name: string; body: Record<string, unknown> }[]>`
  select seq, name, body from outbox where feed = ${user} order by seq`

/** As if this much time had passed for the account. */
async function age(user: string, hours: number): Promise<void> {
  await stage.admin`update users set low_limits_until = low_limits_until - make_interval(hours => ${hours}) where id = ${user}`
  await stage.admin`update devices set created_at = created_at - make_interval(hours => ${hours}) where user_id = ${user}`
}

describe('who is told', () => {
  test('the first device of a user has nobody to tell; a further one is told to all of them, and the relay is rung', async () => {
    const first = await enrol()
    expect([...(await events(first.user))]).toEqual([])
    const rung = woken
    const second = await enrol(hub, first.phone)
    const time: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect([...(await events(first.user))]).toEqual([
      {
        seq: 1n,
        name: 'device.added',
        body: {
          id: second.device,
          name: 'Test phone',
          created_at: time,
          last_seen_at: null,
          status: 'restricted',
        },
      },
    ])
    expect(woken).toBeGreaterThan(rung)
  })

  test('a key that is there already is no new device, however often it is enrolled', async () => {
    const first = await enrol()
    const second = await enrol(hub, first.phone)
    expect((await enrol(hub, first.phone, second.key)).device).toBe(second.device)
    expect(await events(first.user)).toHaveLength(1)
  })
})

describe('how long limits are low', () => {
  test.each([
    ['a day, where the SIM card is an old one', (): void => swapped(24 * 30), 24],
    ['a day, where it was changed two days and some hours ago', (): void => swapped(50), 24],
    ['three days from the change', (): void => swapped(10), 62],
    ['three days, where the operator does not say', (): void => {}, 72],
  ] as const)('%s', async (_what, operatorSays, hours) => {
    operatorSays()
    const { user } = await enrol()
    expect(await lowHours(user)).toBe(hours)
    expect(await hub.tierOf(user)).toBe('low')
  })

  test('a further device begins it anew, and never makes it shorter', async () => {
    const first = await enrol()
    await age(first.user, 71)
    swapped(24 * 30)
    await enrol(hub, first.phone)
    expect(await lowHours(first.user)).toBe(24)
    await stage.admin`update users set low_limits_until = clock_timestamp() + interval '70 hours' where id = ${first.user}`
    await enrol(hub, first.phone)
    expect(await lowHours(first.user)).toBe(70)
  })

  test('not at all on loopback where caps are lifted: nobody is asked', async () => {
    const open = await stage.another({ simSwap, caps: 'off' })
    const before = asked
    const { user } = await enrol(open, freshPhone(), undefined, '127.0.0.1')
    expect([await lowHours(user), asked]).toEqual([null, before])
    const elsewhere = await enrol(open, freshPhone(), undefined, '203.0.113.9')
    expect(await lowHours(elsewhere.user)).toBe(72)
  })

  test('is a rule of its own: the later of a day after the device and three days after the card', () => {
    const { low_limits_ms: day, sim_swap_ms: three } = IDENTITY_LIMITS
    expect([day, three]).toEqual([24 * HOUR_MS, 72 * HOUR_MS])
    const device = 1_000 * HOUR_MS
    expect(lowUntilMs(device, null)).toBe(device + three)
    expect(lowUntilMs(device, device)).toBe(device + three)
    expect(lowUntilMs(device, device - 49 * HOUR_MS)).toBe(device + day)
    expect(lowUntilMs(device, device + HOUR_MS)).toBe(device + HOUR_MS + three)
  })
})

describe('when limits are raised', () => {
  test('at their time and not before, by one hub of many', async () => {
    swapped(24 * 30)
    const { user } = await enrol()
    await hub.sweep()
    expect(await lowHours(user)).toBe(24)
    await age(user, 25)
    const before = asked
    await Promise.all(Array.from({ length: 4 }, () => hub.sweep()))
    expect(await lowHours(user)).toBeNull()
    expect(asked - before).toBe(1)
    await expect.poll(() => hub.tierOf(user), { timeout: 5_000 }).toBe('full')
  })

  test('later, where the SIM card was changed meanwhile', async () => {
    swapped(24 * 30)
    const { user } = await enrol()
    await age(user, 25)
    swapped(5)
    await hub.sweep()
    expect(await lowHours(user)).toBe(67)
    expect(await hub.tierOf(user)).toBe('low')
  })

  test('three days after the device, where the operator does not say any more', async () => {
    swapped(24 * 30)
    const { user } = await enrol()
    await age(user, 25)
    said = { kind: 'unknown' }
    await hub.sweep()
    expect(await lowHours(user)).toBe(47)
    await age(user, 48)
    await hub.sweep()
    expect(await lowHours(user)).toBeNull()
  })
})
