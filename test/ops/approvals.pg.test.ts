import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OpsAction } from '../../src/contract/names.ts'
import { CONSUMPTION_REFUSALS, actionsOf, consumeApproval, makeApproval } from '../../src/ops/approvals.ts'
import { evidenceOf, type Seen } from '../../src/ops/evidence.ts'
import { addOperator, disableOperator } from '../../src/ops/operators.ts'
import { ids, openDesk, type Desk, type DeskOperator } from './support/desk.ts'

/** What an approval allows: once, to whom it was for, what was seen, and two people above a sum. */

let desk: Desk
let amara: DeskOperator
let joseph: DeskOperator
beforeAll(async () => {
  desk = await openDesk()
  amara = await desk.operator('amara')
  joseph = await desk.operator('joseph')
})
afterAll(() => desk.close())

const LIMIT = 1_000_000n

async function seen(payment: string): Promise<Seen> {
  const found = await evidenceOf(desk.ops, payment)
  if (found === null) throw new Error(`there is no ${payment}`)
  return found
}

async function approve(payment: string, operator: DeskOperator, action: OpsAction = 'resolve_settled') {
  const { hash } = await seen(payment)
  return makeApproval(desk.ops, ids, {
    payment,
    action,
    evidenceHash: hash,
    reason: 'the bank confirmed by telephone',
    operator,
  })
}

async function approved(payment: string, operator: DeskOperator, action?: OpsAction): Promise<string> {
  const made = await approve(payment, operator, action)
  if (!made.ok) throw new Error(made.error.code)
  return made.value.id
}

type Asked = Parameters<typeof consumeApproval>[1]

async function consume(approval: string, payment: string, over: Partial<Asked> = {}) {
  const now = await seen(payment)
  const answer = await consumeApproval(desk.hub, {
    approval,
    payment,
    actions: actionsOf('resolve'),
    amountMinor: now.amountMinor,
    currency: now.currency,
    evidenceHash: now.hash,
    by: randomUUID(),
    twoAboveMinor: LIMIT,
    ...over,
  })
  return answer.ok ? answer.value : answer.error
}

describe('an approval', () => {
  test('is acted on once, and says by whom it was made', async () => {
    const { id } = await desk.waiting()
    const approval = await approved(id, amara)
    expect(await consume(approval, id)).toEqual({ action: 'resolve_settled', operators: ['amara'] })
    expect(await consume(approval, id)).toBe('approval_used')
  })

  test('answers the same to the same update, also after what it did changed the evidence', async () => {
    const { id } = await desk.waiting()
    const approval = await approved(id, amara)
    const by = randomUUID()
    const first = await consume(approval, id, { by })
    await desk.owner`update attempts set state = 'settled' where payment = ${id}`
    expect(await consume(approval, id, { by })).toEqual(first)
  })

  test('is acted on by one of fifty that ask at once', async () => {
    const { id } = await desk.waiting()
    const approval = await approved(id, amara)
    const answers = await Promise.all(Array.from({ length: 50 }, () => consume(approval, id)))
    expect(answers.filter((answer) => answer === 'approval_used')).toHaveLength(49)
  })

  test.each<[string, (approval: string, id: string) => Promise<unknown>, string]>([
    ['that nobody made', (_, id) => consume(ids.make('apr'), id), 'unknown_approval'],
    ['of another payment', async (approval) => consume(approval, (await desk.waiting()).id), 'unknown_approval'],
    ['of another action', (approval, id) => consume(approval, id, { actions: actionsOf('cancel') }), 'other_action'],
    ['of another amount', (approval, id) => consume(approval, id, { amountMinor: 12_346n }), 'other_amount'],
    ['in another currency', (approval, id) => consume(approval, id, { currency: 'USD' }), 'other_amount'],
    [
      'whose evidence has changed',
      async (approval, id) => {
        await desk.owner`update attempts set evidence = '{"status":"ACSP"}', state = 'pending' where payment = ${id}`
        return consume(approval, id)
      },
      'evidence_changed',
    ],
    [
      'that is too old',
      async (approval, id) => {
        await desk.owner`update approvals set expires_at = clock_timestamp() where id = ${approval}`
        return consume(approval, id)
      },
      'approval_expired',
    ],
  ])('%s is refused, and the refusal is in the log', async (_what, ask, code) => {
    const { id } = await desk.waiting()
    const approval = await approved(id, amara)
    expect(await ask(approval, id)).toBe(code)
    expect(CONSUMPTION_REFUSALS).toHaveProperty(code)
    const [logged] = await desk.ops<{ kind: string; detail: string }[]>`
      select kind, detail from ops_audit order by no desc limit 1`
    expect(logged).toMatchObject({ kind: 'consumption_refused' })
    expect(logged?.detail).toContain(code)
  })

  test('outlives an inquiry that brought nothing new', async () => {
    const { id } = await desk.waiting()
    const approval = await approved(id, amara)
    await desk.owner`
      update attempts set inquiries = 9, next_look_at = now(), updated_at = now(),
        evidence = evidence || '{"via":"inquiry","id":"STS-77"}' where payment = ${id}`
    expect(await consume(approval, id)).toMatchObject({ action: 'resolve_settled' })
  })

  test('is not made of evidence that is no longer there, without a reason, or for no payment', async () => {
    const { id } = await desk.waiting()
    const decision = {
      payment: id,
      action: 'cancel',
      evidenceHash: '0'.repeat(64),
      reason: 'a good reason',
      operator: amara,
    } as const
    const { hash } = await seen(id)
    expect(await makeApproval(desk.ops, ids, decision)).toMatchObject({ error: { code: 'evidence_changed' } })
    expect(await makeApproval(desk.ops, ids, { ...decision, evidenceHash: hash, reason: ' because ' })).toMatchObject({
      error: { code: 'reason_too_short' },
    })
    expect(await makeApproval(desk.ops, ids, { ...decision, payment: ids.make('pay') })).toMatchObject({
      error: { code: 'not_found' },
    })
  })
})

describe('above the sum that one may decide', () => {
  test('one person is not enough, and a second one is', async () => {
    const { id } = await desk.waiting(LIMIT + 1n)
    const first = await approved(id, amara)
    expect(await consume(first, id)).toBe('second_approval_missing')
    const second = await approved(id, joseph)
    expect(await consume(second, id)).toEqual({ action: 'resolve_settled', operators: ['joseph', 'amara'] })
    expect(await consume(first, id)).toBe('approval_used')
  })

  test('at the sum itself one is enough', async () => {
    const { id } = await desk.waiting(LIMIT)
    expect(await consume(await approved(id, amara), id)).toMatchObject({ operators: ['amara'] })
  })

  test('the same person twice is one person', async () => {
    const { id } = await desk.waiting(LIMIT + 1n)
    const first = await approved(id, amara)
    expect(await approve(id, amara)).toEqual({ ok: false, error: { code: 'already_approved', approval: first } })
    // Two rows of one person, however they came to be, are still one person's.
    const twin = ids.make('apr')
    await desk.ops`
      insert into approvals (id, payment, action, amount, currency, evidence_hash, evidence, reason, operator)
      select ${twin}, payment, action, amount, currency, evidence_hash, evidence, reason, operator
      from approvals where id = ${first}`
    expect(await consume(twin, id)).toBe('second_approval_missing')
  })

  test('the same person under two names is no operator at all', async () => {
    const password = 'a long enough password'
    for (const person of [amara.person, ` ${amara.person.toUpperCase()} `]) {
      expect(await addOperator(desk.owner, ids, { name: 'amara2', person, password })).toEqual({
        ok: false,
        error: 'person_taken',
      })
    }
    expect(await addOperator(desk.owner, ids, { name: 'amara', person: 'staff-9', password })).toMatchObject({
      error: 'name_taken',
    })
  })

  test('the ops service can neither add an operator, nor date an approval, nor use one', async () => {
    const denied = { code: '42501' }
    await expect(
      desk.ops`insert into operators (id, name, person, password) values ('x', 'y', 'z', '')`,
    ).rejects.toMatchObject(denied)
    await expect(desk.ops`update approvals set expires_at = now() + interval '1 year'`).rejects.toMatchObject(denied)
    await expect(
      desk.ops`insert into approvals (id, expires_at) values (${ids.make('apr')}, now() + interval '1 year')`,
    ).rejects.toMatchObject(denied)
    await expect(desk.hub`insert into approvals (id) values (${ids.make('apr')})`).rejects.toMatchObject(denied)
    await expect(desk.ops`select consume_approval('', '', '', 1, 'KES', '', '', 1)`).rejects.toMatchObject(denied)
  })

  test.each<[string, (first: string, id: string) => Promise<unknown>]>([
    ['of another action', (_, id) => approved(id, joseph, 'resolve_not_moved')],
    [
      'of other evidence',
      async (_, id) => {
        await desk.owner`update attempts set failure_code = 'declined_by_rail' where payment = ${id}`
        await approved(id, joseph)
      },
    ],
    [
      'that is too old',
      async (_, id) => {
        await desk.owner`update approvals set expires_at = clock_timestamp() where id = ${await approved(id, joseph)}`
      },
    ],
  ])('a second approval %s does not count', async (_what, makeSecond) => {
    const { id } = await desk.waiting(LIMIT + 1n)
    const first = await approved(id, amara)
    await makeSecond(first, id)
    const evidenceHash = await evidenceHashOf(first)
    expect(await consume(first, id, { evidenceHash })).toBe('second_approval_missing')
  })

  test('two updates that each name one of the two do not both act', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { id } = await desk.waiting(LIMIT + 1n)
      const both = [await approved(id, amara), await approved(id, joseph)]
      const answers = await Promise.all(both.map((approval) => consume(approval, id)))
      expect(answers.filter((answer) => answer === 'approval_used')).toHaveLength(1)
    }
  })

  test('an operator who was disabled meanwhile counts neither as first nor as second', async () => {
    const leaving = await desk.operator('leaving')
    const { id } = await desk.waiting(LIMIT + 1n)
    const [theirs, other] = [await approved(id, leaving), await approved(id, amara)]
    expect(await disableOperator(desk.owner, 'leaving')).toBe(true)
    expect(await consume(theirs, id)).toBe('operator_disabled')
    expect(await consume(other, id)).toBe('second_approval_missing')
  })
})

async function evidenceHashOf(approval: string): Promise<string> {
  const [row] = await desk.ops<{ evidence_hash: string }[]>`select evidence_hash from approvals where id = ${approval}`
  return row?.evidence_hash ?? ''
}
