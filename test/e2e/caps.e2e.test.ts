import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { openDatabase, type Sql } from '../../src/ledger/index.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { random } from './support/raw-key.ts'
import { codeOf, randomNumber, RawPhone } from './support/raw-phone.ts'
import { granted, http } from './support/raw-rest.ts'

/** `npm start -- --caps`: what a demo is let off holds, low limits after a new device among it. */

let stack: Stack
let sql: Sql
beforeAll(async () => {
  stack = await startStack({ args: ['--caps'] })
  sql = openDatabase({ url: stack.dev().database, name: 'test', connections: 1 })
})
afterAll(async () => {
  await sql?.end({ timeout: 1 })
  await stack?.stop()
})

const Limits = z.array(z.object({ name: z.string(), max: z.string() }))

/** Whole hours that the user's limits are low still. */
async function lowHours(phone: RawPhone): Promise<number> {
  const [row] = await sql<{ hours: number }[]>`
    select round(extract(epoch from low_limits_until - clock_timestamp()) / 3600)::int as hours
    from users where id = ${phone.user}`
  return row?.hours ?? 0
}

async function simOf(number: string, sim_changed_at: string | null): Promise<void> {
  const { control, control_token: token } = stack.dev().sim.camara
  const body = { account: number, sim_changed_at }
  granted(await http(`${control}/accounts`, { headers: { authorization: `Bearer ${token}` }, body }))
}

it('a new phone has low limits, for as long as its operator’s word of the SIM card asks for', async () => {
  const dev = stack.dev()
  const phone = await RawPhone.make(dev)
  expect(await lowHours(phone)).toBe(24)
  const { data } = await phone.must('limit.list', {})
  expect(Limits.parse(data)).toMatchObject([
    { name: 'payment', max: '200000' },
    { name: 'day', max: '500000' },
    { name: 'month', max: dev.limits.month },
  ])
  await phone.link()
  const key = random(18)
  const body = await phone.ownBody('topup', phone.source, '200001', key)
  expect(codeOf(await phone.ask('topup.create', body, key))).toBe('limit_exceeded')

  const [silent, swapped] = [randomNumber(), randomNumber()]
  await simOf(silent, null)
  await simOf(swapped, new Date(Date.now() - 10 * 3_600_000).toISOString())
  expect(await lowHours(await RawPhone.make(dev, silent))).toBe(72)
  expect(await lowHours(await RawPhone.make(dev, swapped))).toBe(62)
})
