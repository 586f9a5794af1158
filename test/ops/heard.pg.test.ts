import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { accountId } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { actionsOf, consumeApproval, makeApproval, makeConsume } from '../../src/ops/approvals.ts'
import { evidenceOf, type Seen } from '../../src/ops/evidence.ts'
import { addOperator } from '../../src/ops/operators.ts'
import { makeLogin, makeOpsServer } from '../../src/ops/service/index.ts'
import { makeDecideRecovery } from '../../src/payments/index.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { openRecoveryStage, saysDeclined, saysSettled } from '../payments/support/recovery-stage.ts'
import { ids, openDesk, type Desk, type DeskOperator } from './support/desk.ts'
import { runOps } from './support/ops-process.ts'
import { insertHeard } from './support/waiting-row.ts'

/** What a rail says after the outcome was recorded: operators see it, and what they decide rests on it. */

const AMOUNT = 1_234_500n
const REASON = 'the bank named line 17 of its statement'
let desk: Desk
let app: FastifyInstance
let url: string
let amara: DeskOperator
let joseph: DeskOperator
let token: string

beforeAll(async () => {
  desk = await openDesk()
  amara = await desk.operator('amara')
  joseph = await desk.operator('joseph')
  const [port = 0] = await freePorts(1)
  url = `http://127.0.0.1:${String(port)}`
  app = makeOpsServer({
    sql: desk.ops,
    ids,
    log: makeLog({ name: 'test', level: 'silent' }),
    ring: { writes: 'k', keys: new Map([['k', createSecretKey(randomBytes(32))]]) },
    login: makeLogin(desk.ops),
    publicUrl: new URL(url),
    temporal: { uiOrigin: 'http://127.0.0.1:8233', namespace: 'default' },
    twoAboveMinor: 1_000_000n,
  })
  await app.listen({ port, host: '127.0.0.1' })
  const said = await app.inject({
    method: 'POST',
    url: '/v1/login',
    headers: { host: new URL(url).host },
    payload: { name: 'amara', password: amara.password },
  })
  token = z.object({ token: z.string() }).parse(said.json()).token
})
afterAll(async () => {
  await app.close()
  await desk.close()
})

/** A top-up that failed and settled late, whose wallet took nothing. */
async function suspended(amountMinor = AMOUNT) {
  const { id, reference } = await desk.waiting(amountMinor)
  const evidence = await insertHeard(desk.owner, { id, reference, amountMinor })
  return { id, reference, evidence, recovery: `${id}/rec/${evidence}` }
}

async function seen(id: string): Promise<Seen> {
  const found = await evidenceOf(desk.ops, id)
  if (found === null) throw new Error(`there is no ${id}`)
  return found
}

const page = async (id: string): Promise<string> => {
  const headers = { host: new URL(url).host, authorization: `Bearer ${token}` }
  return (await app.inject({ url: `/payments/${encodeURIComponent(id)}`, headers })).body.replaceAll(/\s+/g, ' ')
}

describe('what was said after the outcome', () => {
  test('is on the page of its payment: who, when, what, what became of it, and where it is decided', async () => {
    const { id, reference, recovery } = await suspended()
    const body = await page(id)
    for (const part of [
      'Said by demo-bank after the outcome',
      'the money moved, 12345.00 KES',
      'the money is in suspense',
      'by inquiry, as <span class="id">STS-&lt;b&gt;17&lt;/b&gt;</span>',
      reference,
      'ACSC &lt;script&gt;',
      'after its end: late settlement of 12345.00: suspended',
      `href="/payments/${encodeURIComponent(recovery)}"`,
    ]) {
      expect(body).toContain(part)
    }
    expect(body).toMatch(/<time datetime="\d{4}-[^"]+">/)
    expect(body).not.toContain('Approve what follows from it')
  })

  test('has a page of its own, which says what approving does and leads to its own workflow', async () => {
    const { recovery } = await suspended()
    const body = await page(recovery)
    expect(body).toContain('It puts the money into the payer’s wallet.')
    expect(body).toContain('Approve what follows from it')
    expect(body).not.toContain('Decide: the money moved')
    expect(body).toContain(`http://127.0.0.1:8233/namespaces/default/workflows/${encodeURIComponent(recovery)}`)
  })

  test('that is over leaves nothing to decide', async () => {
    const { recovery, evidence } = await suspended()
    await desk.owner`update evidence set state = 'done', result = 'decided' where id = ${evidence}`
    expect(await page(recovery)).toContain('Nothing of it is to be decided.')
  })

  test('is on the command line, with the id by which it is approved, and waits in the list', async () => {
    const { id, recovery } = await suspended()
    const ops = (...words: string[]) =>
      runOps(words, { MOORING_OPS_URL: url, MOORING_OPERATOR: 'amara' }, `${amara.password}\n`)
    const shown = await ops('payment', id)
    expect(shown).toMatchObject({ exit: 0, err: '' })
    expect(shown.out).toMatch(
      /demo-bank +inquiry +12345\.00 +KES +the money moved +needs_operator: the money is in susp/,
    )
    expect(shown.out).toContain(`waits for people: ops approve ${recovery}`)
    expect((await ops('unresolved')).out).toContain(recovery)
    const made = await ops('approve', recovery, '--action', 'approve_return', '--reason', REASON)
    expect(made).toMatchObject({ exit: 0, err: '' })
    expect(made.out).toContain(`workflow ${recovery},`)
    expect(made.out).toContain('update name  approve')
  })
})

describe('a decision', () => {
  const approve = async (id: string, operator: DeskOperator, action: 'approve_return' | 'resolve_settled') =>
    makeApproval(desk.ops, ids, { payment: id, action, evidenceHash: (await seen(id)).hash, reason: REASON, operator })
  async function consume(approval: string, id: string) {
    const now = await seen(id)
    const answer = await consumeApproval(desk.hub, {
      approval,
      payment: id,
      actions: actionsOf('approve'),
      amountMinor: now.amountMinor,
      currency: now.currency,
      evidenceHash: now.hash,
      by: randomUUID(),
      twoAboveMinor: 1_000_000n,
    })
    return answer.ok ? answer.value : answer.error
  }

  test.each([
    [
      'something is heard',
      (id: string, reference: string) => insertHeard(desk.owner, { id, reference, amountMinor: 5n }),
    ],
    [
      'what was heard is ended',
      (id: string) => desk.owner`
        update evidence set state = 'done', result = 'decided' where payment = ${id}`,
    ],
    [
      'the rail answers about it',
      (id: string) => desk.owner`
        update evidence set answer = 'declined' where payment = ${id}`,
    ],
  ])('rests on other evidence once %s', async (_what, happen) => {
    const { id, reference, recovery } = await suspended()
    const before = [(await seen(id)).hash, (await seen(recovery)).hash]
    await happen(id, reference)
    for (const [n, each] of [id, recovery].entries()) expect((await seen(each)).hash).not.toBe(before[n])
  })

  test('rests on the same while the rail is asked in vain', async () => {
    const { id } = await suspended()
    const { hash } = await seen(id)
    await desk.owner`update evidence set asks = 7, ask_at = now(), next_look_at = now() where payment = ${id}`
    expect((await seen(id)).hash).toBe(hash)
  })

  test('about a recovery is of that one alone, and of two people above the sum', async () => {
    const { id, reference, recovery } = await suspended()
    const other = `${id}/rec/${await insertHeard(desk.owner, { id, reference, amountMinor: AMOUNT })}`
    const first = await approve(recovery, amara, 'approve_return')
    if (!first.ok) throw new Error(first.error.code)
    expect(await consume(first.value.id, other)).toBe('unknown_approval')
    expect(await consume(first.value.id, id)).toBe('unknown_approval')
    expect(await consume(first.value.id, recovery)).toBe('second_approval_missing')
    await approve(other, joseph, 'approve_return')
    expect(await consume(first.value.id, recovery)).toBe('second_approval_missing')
    await approve(recovery, joseph, 'approve_return')
    expect(await consume(first.value.id, recovery)).toEqual({
      action: 'approve_return',
      operators: ['amara', 'joseph'],
    })
  })

  test('about a recovery is measured by what that moves, and not by its payment', async () => {
    const { id, reference } = await suspended()
    const small = `${id}/rec/${await insertHeard(desk.owner, { id, reference, amountMinor: 5n })}`
    const alone = await approve(small, amara, 'approve_return')
    if (!alone.ok) throw new Error(alone.error.code)
    expect(await consume(alone.value.id, small)).toMatchObject({ operators: ['amara'] })
  })

  test('of another kind is refused: a payment is not approved, and a recovery is not resolved', async () => {
    const { id, recovery } = await suspended()
    const refused = { ok: false, error: { code: 'other_action' } }
    expect(await approve(id, amara, 'approve_return')).toEqual(refused)
    expect(await approve(recovery, amara, 'resolve_settled')).toEqual(refused)
  })
})

test('money in suspense is given back by an approval from the ops service, once its wallet takes it', async () => {
  const stage = await openRecoveryStage()
  const payment = await stage.ended('topup', saysDeclined('answer'))
  const account = accountId(stage.book, `wallet:${payment.payer ?? ''}`)
  const flag = (set: 'freeze' | 'unfreeze') =>
    stage.ledger.apply({ id: stage.ids.uuid(), flags: [{ account, set }], ok: {} })
  await flag('freeze')
  await stage.says(payment, saysSettled('inquiry'))
  const evidence = stage.begun[0]?.id ?? ''
  await stage.recoverAll()
  const added = await addOperator(stage.owner, ids, { name: 'grace', person: 'staff-3', password: 'a long password' })
  if (!added.ok) throw new Error(added.error)
  const operator = added.value
  const recovery = `${payment.id}/rec/${evidence}`
  const decide = makeDecideRecovery({ ...stage.recoveryDeps, consume: makeConsume(stage.hub, 1_000n) })
  async function decided() {
    const now = await evidenceOf(stage.owner, recovery)
    const decision = {
      payment: recovery,
      action: 'approve_return',
      evidenceHash: now?.hash ?? '',
      reason: REASON,
    } as const
    const made = await makeApproval(stage.owner, ids, { ...decision, operator })
    if (!made.ok) throw new Error(made.error.code)
    return decide({ evidence, update: 'approve', approval: made.value.id, by: made.value.id })
  }
  await expect(decided()).rejects.toThrow(/account_frozen.*make another approval/)
  await flag('unfreeze')
  expect(await decided()).toEqual({ done: 'Posted, and its break is ended.' })
  expect(await stage.standing(payment)).toMatchObject({ wallet: 100n, recovery: { state: 'returned' } })
  await stage.close()
})
