import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeIds } from '../../src/domain/ids.ts'
import { makeIban } from '../../src/domain/iban.ts'
import { actionClaims } from '../../src/domain/confirmation.ts'
import { actionBodyHash } from '../../src/identity/index.ts'
import { makeRailBook, phoneCommands } from '../../src/payments/index.ts'
import { compactJws, random } from '../e2e/support/raw-key.ts'
import { openStage, type Phone, RAIL, type Stage } from './support/acceptance.ts'
import { scriptedRail } from './support/rail.ts'

/** What a user may have linked (docs/payments.md, Mandates): each account that waits for its bank is work for ever. */
const LINKED_MAX = 100
/** Links that wait for one bank, and of one user. */
const ASKING_OF_BANK = 100
const ASKING_OF_USER = 4

/** Links of a user within a day, whatever became of them. */
const LINKED_A_DAY = 200
const OPERATOR = 'test-operator'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

/** Answered `linked`, or with the code of the refusal and what it is about. */
type Link = (phone: Phone, account: string | { operator: string }) => Promise<string>

/** A hub that links accounts at a bank which answers as `bank` does, and the numbers of one operator. */
function linkingHub(bank: (iban: string) => Promise<void>): Link {
  const { rail } = scriptedRail(RAIL)
  const linkMandate = async ({ iban }: { iban: string }) => {
    await bank(iban)
    return { kind: 'pending' as const, mandateId: 'M1' }
  }
  const entry = { id: RAIL, name: 'Test Bank', connector: 'test', serves: ['bank' as const], rail }
  const operator = { id: OPERATOR, name: 'Test Money', connector: 'test', serves: ['mobile_money' as const], rail }
  const rails = makeRailBook([{ ...entry, mandates: { ...rail, linkMandate } }, operator])
  const commands = phoneCommands({ ...stage.hub().deps, rails })
  return async (phone, account) => {
    const body =
      typeof account === 'string' ? { type: 'bank', bank: RAIL, account } : { type: 'mobile_money', ...account }
    const { user, device } = phone
    const claims = actionClaims({ user, device, name: 'source.link', bodyHash: actionBodyHash(body) })
    const action = await compactJws(
      { alg: 'ES256', typ: 'mooring-action+jwt', kid: device },
      { ...claims, jti: random(18), exp: Math.floor(Date.now() / 1_000) + 120 },
      phone.key.sign,
    )
    const { reply } = await commands['source.link']({
      requestId: 'req_test',
      credential: { type: 'device', token: device },
      key: random(18),
      body: { ...body, action },
      deadline: Date.now() + 60_000,
    })
    if (reply.ok) return 'linked'
    const { code, param } = reply.error
    return code === 'limit_exceeded' ? `${code} ${param ?? ''}` : code
  }
}

/** An account of this number at a bank nobody has, with right check digits. */
const account = (no: number): string => makeIban('DE', `99999999${String(no).padStart(10, '0')}`)

/** A bank that answers when it is told to. */
function silentBank() {
  const asked: string[] = []
  const { promise: word, resolve: answer } = Promise.withResolvers<void>()
  const bank = (iban: string): Promise<void> => {
    asked.push(iban)
    return word
  }
  return { asked, bank, answer }
}

test('while the bank does not answer a user waits with four accounts, and others link theirs', async () => {
  const { asked, bank, answer } = silentBank()
  const link = linkingHub(bank)
  const [one, other] = [await stage.phone(0), await stage.phone(0)]
  const waiting = Array.from({ length: ASKING_OF_USER }, (_, i) => link(one, account(11 + i)))
  await expect.poll(() => asked.length).toBe(ASKING_OF_USER)
  expect(await link(one, account(20))).toBe('rate_limited')
  waiting.push(link(other, account(19)))
  await expect.poll(() => asked.length).toBe(ASKING_OF_USER + 1)
  answer()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['linked']))
  expect(await link(one, account(20))).toBe('linked')
})

test('a bank that does not answer holds so many links, and the next are told at once', async () => {
  const { asked, bank, answer } = silentBank()
  const link = linkingHub(bank)
  const phones = await Promise.all(Array.from({ length: ASKING_OF_BANK }, () => stage.phone(0)))
  const waiting = phones.map((phone, i) => link(phone, account(100 + i)))
  await expect.poll(() => asked.length).toBe(ASKING_OF_BANK)
  const late = await stage.phone(0)
  expect(await link(late, account(99))).toBe('rail_unavailable')
  answer()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['linked']))
  expect(await link(late, account(99))).toBe('linked')
})

test('a device that is shut out while the bank thinks links nothing', async () => {
  const { asked, bank, answer } = silentBank()
  const link = linkingHub(bank)
  const phone = await stage.phone(0)
  const lost = await stage.device(phone, 'active')
  const linking = link(lost, account(21))
  await expect.poll(() => asked.length).toBe(1)
  await stage.books.owner`update devices set status = 'revoked' where id = ${lost.device}`
  answer()
  expect(await linking).toBe('forbidden')
  const rows = await stage.books.owner`select from sources where account = ${account(21)}`
  expect(rows).toHaveLength(0)
})

/** An account of the user's that was linked in this way `daysAgo`. */
async function before({ user }: Phone, status: 'requires_action' | 'revoked', daysAgo = 0): Promise<void> {
  const at = Date.now() - daysAgo * 24 * 3_600_000
  await stage.books.owner`
    insert into sources (id, user_id, type, rail, bank, account, holder, currency, label, status, mandate_id,
      mandate_reference, inquiries, created_at)
    values (${makeIds(() => at, randomBytes).make('src')}, ${user}, 'bank', ${RAIL}, ${RAIL}, ${random(12)}, 'Customer',
      'KES', 'Test Bank', ${status}, 'M1', ${random(12)}, 0, ${new Date(at)})`
}

test('a user who links and unlinks all day links so often and not once more, and another day again', async () => {
  const link = linkingHub(() => Promise.resolve())
  const [busy, rested] = [await stage.phone(0), await stage.phone(0)]
  // One is there from the beginning.
  for (let i = 0; i < LINKED_A_DAY - 2; i++) {
    await before(busy, 'revoked', 0.9)
    await before(rested, 'revoked', 1.1)
  }
  const money = { operator: OPERATOR }
  expect(await link(busy, money)).toBe('linked')
  await stage.books.owner`update sources set status = 'revoked' where user_id = ${busy.user} and rail = ${OPERATOR}`
  expect(await link(busy, money)).toBe('limit_exceeded operator')
  expect(await link(busy, account(31))).toBe('limit_exceeded account')
  expect(await link(rested, money)).toBe('linked')
  expect(await link(rested, account(31))).toBe('linked')
})

test('a user links so many accounts and not one more, and the bank is not asked for it', async () => {
  const phone = await stage.phone(0)
  const asked: string[] = []
  const link = linkingHub((iban) => Promise.resolve(void asked.push(iban)))
  // One is there from the beginning; of those that are unlinked none counts.
  for (let i = 1; i < LINKED_MAX + 10; i++) await before(phone, i < LINKED_MAX - 1 ? 'requires_action' : 'revoked')
  expect(await link(phone, 'DE93999999990000000001')).toBe('linked')
  expect(await link(phone, 'DE66999999990000000002')).toBe('limit_exceeded account')
  // Nor does an operator's count less than a bank's.
  expect(await link(phone, { operator: OPERATOR })).toBe('limit_exceeded operator')
  expect(asked).toEqual(['DE93999999990000000001'])
  // One that is linked already is no further one.
  expect(await link(phone, 'DE93999999990000000001')).toBe('linked')
})
