import { afterAll, beforeAll, expect, test } from 'vitest'
import { actionClaims } from '../../src/domain/confirmation.ts'
import { actionBodyHash } from '../../src/identity/index.ts'
import { makeRailBook, phoneCommands } from '../../src/payments/index.ts'
import { compactJws, random } from '../e2e/support/raw-key.ts'
import { ids } from '../ledger/support/books.ts'
import { openStage, type Phone, RAIL, type Stage } from './support/acceptance.ts'
import { scriptedRail } from './support/rail.ts'

/** What a user may have linked (docs/payments.md, Mandates): each account that waits for its bank is work for ever. */
const LINKED_MAX = 100

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

/** Asks a hub, whose bank makes every mandate, to link this account. */
async function link(phone: Phone, account: string, asked: string[]): Promise<string> {
  const { rail } = scriptedRail(RAIL)
  const linkMandate = ({ iban }: { iban: string }) => {
    asked.push(iban)
    return Promise.resolve({ kind: 'pending' as const, mandateId: 'M1' })
  }
  const entry = { id: RAIL, name: 'Test Bank', connector: 'test', serves: ['bank' as const], rail }
  const rails = makeRailBook([{ ...entry, mandates: { ...rail, linkMandate } }])
  const commands = phoneCommands({ ...stage.hub().deps, rails })
  const body = { type: 'bank', bank: RAIL, account }
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
  return reply.ok ? 'linked' : reply.error.code
}

test('a user links so many accounts and not one more, and the bank is not asked for it', async () => {
  const phone = await stage.phone(0)
  const asked: string[] = []
  // One is there from the beginning; of those that are unlinked none counts.
  for (let i = 1; i < LINKED_MAX + 10; i++) {
    await stage.books.owner`
      insert into sources (id, user_id, type, rail, bank, account, holder, currency, label, status, mandate_id,
        mandate_reference, inquiries, created_at)
      values (${ids.make('src')}, ${phone.user}, 'bank', ${RAIL}, ${RAIL}, ${`DE00${String(i).padStart(18, '0')}`}, 'Customer',
        'KES', 'Test Bank', ${i < LINKED_MAX - 1 ? 'requires_action' : 'revoked'}, 'M1', ${random(12)}, 0, clock_timestamp())`
  }
  expect(await link(phone, 'DE93999999990000000001', asked)).toBe('linked')
  expect(await link(phone, 'DE66999999990000000002', asked)).toBe('limit_exceeded')
  expect(asked).toEqual(['DE93999999990000000001'])
  // One that is linked already is no further one.
  expect(await link(phone, 'DE93999999990000000001', asked)).toBe('linked')
})
