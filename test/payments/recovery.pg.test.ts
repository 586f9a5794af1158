import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { accountId, audit } from '../../src/ledger/index.ts'
import {
  makeDecideRecovery,
  makeRecoverySteps,
  recoverAgain,
  type ConsumeApproval,
  type EvidenceName,
  type InquiryBudget,
  type Lane,
} from '../../src/payments/index.ts'
import type { RailOutcome } from '../../src/rails/port.ts'
import { EVIDENCE, watched } from './support/rail.ts'
import { MERCHANT, openRecoveryStage, saysDeclined, saysReturned, saysSettled } from './support/recovery-stage.ts'

/**
 * What rails say after the end (docs/payments.md, After the end): it is kept, confirmed, and the money put where it
 * belongs, once, whoever runs how often; and no terminal status ever changes.
 */
let stage: Awaited<ReturnType<typeof openRecoveryStage>>
/** Whether the rail answered, as each inquiry was heard. */
const heard: boolean[] = []
beforeAll(async () => {
  const hears = { heard: (_rail: string, answered: boolean) => void heard.push(answered) }
  stage = await openRecoveryStage(undefined, { health: hears })
})
beforeEach(() => {
  heard.length = 0
  stage.ahead(0)
  stage.begun.length = 0
  stage.rail.inquired = []
  stage.rail.inquire = () => Promise.resolve(saysSettled('inquiry', 'asked-1'))
})
afterAll(() => stage.close())

const notFound = (): RailOutcome => ({ kind: 'not_found', evidence: { ...EVIDENCE, via: 'inquiry', status: 'AG09' } })
const unknown = (): RailOutcome => ({ kind: 'unknown', why: 'no answer', alarm: false })

test.each(['topup', 'purchase'] as const)(
  'a %s that ended and settled late is the payer’s, in its wallet',
  async (kind) => {
    const payment = await stage.ended(kind, saysDeclined('answer'))
    await stage.says(payment, saysSettled())
    await stage.recoverAll()
    expect(await stage.standing(payment)).toMatchObject({
      status: 'failed',
      version: 3,
      recovery: { kind: 'late_settlement', amount: '100', state: 'returned' },
      wallet: 100n,
      owes: 0n,
      evidence: ['settled callback known', 'settled inquiry posted'],
    })
    expect(stage.rail.inquired).toHaveLength(1)
  },
)

/** A purchase whose reservation was given back, as far as we know. */
async function givenBack() {
  const payment = await stage.ended('purchase', saysDeclined('answer'))
  await stage.owner`update attempts set step = 'cancel', state = 'settled' where payment = ${payment.id}`
  const attempt = await stage.store.attempt(payment.id, 1)
  if (attempt === null) throw new Error('there is one')
  await stage.recoveryDeps.aftermath.look(attempt, 'event-1')
  return payment
}

test('what was charged although it had been given back is the payer’s, in its wallet, and may come back from there', async () => {
  const payment = await givenBack()
  const evidence = { ...EVIDENCE, via: 'inquiry' as const, status: 'succeeded' }
  stage.rail.inquire = () => Promise.resolve({ kind: 'charged', evidence })
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'failed',
    recovery: { kind: 'late_settlement', amount: '100', state: 'returned' },
    wallet: 100n,
    evidence: ['look callback agreed', 'settled inquiry posted'],
  })
  const attempt = await stage.store.attempt(payment.id, 1)
  if (attempt === null) throw new Error('there is one')
  await stage.recoveryDeps.aftermath.heard(attempt, saysReturned(100n, 'ret-1'))
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    recovery: { kind: 'returned', amount: '100', state: 'absorbed' },
    wallet: 0n,
  })
})

test('what was given back, and is shown so, is nothing new', async () => {
  const payment = await givenBack()
  stage.rail.inquire = () => Promise.resolve({ kind: 'settled', evidence: { ...EVIDENCE, via: 'inquiry' } })
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({ wallet: 0n, evidence: ['look callback agreed'] })
})

test('what a recovery asks is heard once, and waits for its turn in the rail’s budget', async () => {
  const payment = await stage.ended('topup', saysDeclined('answer'))
  await stage.says(payment, saysSettled())
  const id = stage.begun[0]?.id ?? ''
  const lanes: Lane[] = []
  const budget: InquiryBudget = {
    ask: (_rail, lane) => {
      lanes.push(lane)
      return Promise.resolve({ kind: 'not_asked', afterMs: 1_050 })
    },
  }
  heard.length = 0
  const busy = makeRecoverySteps({ ...stage.recoveryDeps, rails: watched(stage.rail.book, { budget }) })
  const next = await busy.ask(id)
  expect(next).toMatchObject({ step: 'wait', stage: 'awaiting_rail' })
  if (next.step === 'wait') expect([next.ms > 0, next.ms <= 1_050]).toEqual([true, true])
  expect(await stage.evidence.get(id)).toMatchObject({ asks: 0, answer: null, state: 'open' })
  expect([lanes, heard, stage.rail.inquired]).toEqual([['scheduled'], [], []])
  stage.ahead(1_100)
  stage.rail.inquire = () => Promise.resolve(unknown())
  await stage.recovery.ask(id)
  expect(heard).toEqual([false])
  stage.ahead(600_000)
  stage.rail.inquire = () => Promise.resolve(saysSettled('inquiry', 'asked-1'))
  await stage.recovery.ask(id)
  expect(heard).toEqual([false, true])
})

test('what an unsigned message makes a recovery ask takes no turn of the schedule', async () => {
  const payment = await stage.ended('topup')
  const attempt = await stage.store.attempt(payment.id, 1)
  if (attempt === null) throw new Error('there is one')
  await stage.recoveryDeps.aftermath.look(attempt, 'event-1')
  const lanes: Lane[] = []
  const budget: InquiryBudget = {
    ask: (_rail, lane, question) => {
      lanes.push(lane)
      return question()
    },
  }
  const rails = watched(stage.rail.book, { budget })
  await makeRecoverySteps({ ...stage.recoveryDeps, rails }).ask(stage.begun[0]?.id ?? '')
  expect(lanes).toEqual(['woken'])
})

test('whoever runs it, how often and how many at once, it is posted once', async () => {
  const payment = await stage.ended('topup', saysDeclined('answer'))
  await stage.says(payment, saysSettled('inquiry'))
  const [named] = stage.begun
  const id = named?.id ?? ''
  await Promise.all(Array.from({ length: 10 }, () => stage.recovery.recover(id)))
  // As after a crash that lost all but the money: only the ids of the transfers are left to tell.
  await stage.owner`update evidence set state = 'open', result = null, moved = null, ended_at = null where id = ${id}`
  await Promise.all([stage.recovery.recover(id), stage.recovery.ask(id)])
  expect(await stage.standing(payment)).toMatchObject({ wallet: 100n, evidence: ['settled inquiry posted'] })
})

test('several statements that it settled are one settlement', async () => {
  const payment = await stage.ended('topup', saysDeclined('answer'))
  for (const id of ['late-1', 'late-2', 'late-2']) await stage.says(payment, saysSettled('callback', id))
  stage.rail.inquire = () => Promise.resolve(saysSettled('inquiry', `asked-${String(stage.rail.inquired.length)}`))
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({ wallet: 100n })
  expect((await stage.standing(payment)).evidence.filter((each) => each.endsWith('posted'))).toHaveLength(1)
})

test('a wallet that takes nothing leaves it in suspense, and people give it back', async () => {
  const payment = await stage.ended('topup', saysDeclined('answer'))
  const account = accountId(stage.book, `wallet:${payment.payer ?? ''}`)
  await stage.accounts.ensure(stage.book, [])
  expect(await stage.ledger.apply({ id: stage.ids.uuid(), flags: [{ account, set: 'freeze' }], ok: {} })).toEqual({
    code: 'ok',
  })
  await stage.says(payment, saysSettled('inquiry'))
  const id = stage.begun[0]?.id ?? ''
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'failed',
    recovery: { kind: 'late_settlement', state: 'suspended' },
    wallet: 0n,
    evidence: ['settled inquiry suspended'],
  })
  expect(await stage.recovery.recover(id)).toMatchObject({ step: 'wait', stage: 'needs_operator' })
  expect(await stage.incidentsOf(payment)).toContain('late_settlement_suspended')

  const asked: object[] = []
  const consume: ConsumeApproval = (request) => {
    asked.push(request)
    return Promise.resolve({ ok: true, action: 'approve_return', operators: ['op_1'] })
  }
  const decide = makeDecideRecovery({ ...stage.recoveryDeps, consume })
  const decision = { evidence: id, update: 'approve' as const, approval: 'apr_00000001', by: 'test' }
  await expect(decide(decision)).rejects.toThrow(/frozen/)
  await stage.ledger.apply({ id: stage.ids.uuid(), flags: [{ account, set: 'unfreeze' }], ok: {} })
  const again = { ...decision, approval: 'apr_00000002' }
  await Promise.all([decide(again), decide(again)])
  expect(await stage.standing(payment)).toMatchObject({
    recovery: { state: 'returned' },
    wallet: 100n,
    evidence: ['settled inquiry decided'],
  })
  expect(asked[0]).toMatchObject({ payment: `${payment.id}/rec/${id}`, update: 'approve', approval: 'apr_00000001' })
})

test('a payout that went after it was given back is charged to the wallet, and the rest is owed', async () => {
  const payment = await stage.ended('withdrawal', saysDeclined('answer'))
  const [wallet = '', cash = ''] = await stage.accounts.ensure(stage.book, [
    { code: 2010, name: `wallet:${payment.payer ?? ''}`, owner: payment.payer, debitsMustNotExceedCredits: true },
    { code: 1010, name: 'cash:bank:trust', owner: null, debitsMustNotExceedCredits: false },
  ])
  const spend = {
    ledger: stage.book,
    kind: 'post' as const,
    debit: wallet,
    credit: cash,
    amount: '70',
    subject: 'spent',
  }
  await stage.ledger.apply({ id: stage.ids.uuid(), transfers: [{ id: stage.ids.uuid(), ...spend }], ok: {} })
  await stage.says(payment, saysSettled())
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'failed',
    recovery: { kind: 'late_settlement', amount: '100', state: 'absorbed' },
    wallet: 0n,
    owes: 70n,
  })
})

test('what of a purchase comes back is the merchant’s loss, part by part, and never more than settled', async () => {
  const before = await stage.balance(`merchant:${MERCHANT}:pending`)
  const owed = await stage.balance(`receivable:merchant:${MERCHANT}`)
  const payment = await stage.ended('purchase')
  await stage.says(payment, saysReturned(60n, 'ret-1'))
  await stage.says(payment, saysReturned(40n, 'ret-2'))
  await stage.says(payment, saysReturned(60n, 'ret-1'))
  await stage.says(payment, saysReturned(1n, 'ret-3'))
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'succeeded',
    recovery: { kind: 'returned', amount: '100', state: 'absorbed' },
    evidence: ['returned callback posted', 'returned callback posted', 'returned callback unpostable'],
  })
  const lost = before - (await stage.balance(`merchant:${MERCHANT}:pending`))
  const owes = owed - (await stage.balance(`receivable:merchant:${MERCHANT}`))
  // 97 of it were the merchant's; the fee is kept, so it owes the rest.
  expect(lost + owes).toBe(100n - 97n)
  expect(await stage.incidentsOf(payment)).toContain('needs_operator')
  expect(await stage.hub`select amount from returns where payment = ${payment.id} order by amount`).toHaveLength(2)
})

test('a return of another amount under the same name is not taken, and people are told', async () => {
  const payment = await stage.ended('topup')
  await stage.says(payment, saysReturned(60n, 'ret-1'))
  await stage.says(payment, saysReturned(40n, 'ret-1'))
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({ wallet: 40n, recovery: { amount: '60' } })
  expect(await stage.incidentsOf(payment)).toContain('evidence_differs')
})

test('of a top-up that is claimed back the dispute is opened first, and lost as the money goes', async () => {
  const payment = await stage.ended('topup')
  await stage.says(payment, saysReturned(100n, 'ret-1', { disputed: true }))
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'succeeded',
    dispute: 'lost',
    wallet: 0n,
    owes: 0n,
    version: 4,
  })
  const told = await stage.hub<{ dispute: string | null }[]>`
    select body -> 'dispute' ->> 'state' as dispute from outbox
    where feed = ${payment.payer} and name = 'payment.updated' order by seq`
  expect(told.map(({ dispute }) => dispute)).toEqual([null, null, 'opened', 'lost'])
})

test('a payout that bounced is its owner’s again', async () => {
  const payment = await stage.ended('withdrawal')
  await stage.says(payment, saysReturned(100n, 'ret-1'))
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'succeeded',
    recovery: { kind: 'returned', amount: '100', state: 'returned' },
    wallet: 100n,
  })
})

test('a return of a payment that waits settles it first, and then takes it back', async () => {
  const payment = await stage.accepted('topup')
  stage.rail.send = () => Promise.resolve(unknown())
  await stage.steps.dispatch(payment.id)
  await stage.says(payment, saysReturned(30n, 'ret-1'))
  const id = stage.begun[0]?.id ?? ''
  expect(await stage.recovery.recover(id)).toMatchObject({ step: 'wait', stage: 'awaiting_rail' })
  expect(await stage.steps.confirm(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(await stage.recovery.recover(id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(await stage.standing(payment)).toMatchObject({ wallet: 70n, recovery: { kind: 'returned', amount: '30' } })
})

test('a contradiction is asked about, and what the rail then denies is noted and moves nothing', async () => {
  const payment = await stage.ended('purchase')
  await stage.says(payment, saysDeclined())
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'succeeded',
    version: 2,
    recovery: null,
    evidence: ['declined callback refuted'],
  })
  expect(stage.rail.inquired).toHaveLength(1)
  expect(await stage.incidentsOf(payment)).toEqual(['contradicting_outcome'])
})

test.each(['topup', 'withdrawal'] as const)(
  'of a %s that the rail denies the break stands until people decide',
  async (kind) => {
    const payment = await stage.ended(kind)
    stage.rail.inquire = () => Promise.resolve(saysDeclined('inquiry', 'asked-no'))
    await stage.says(payment, saysDeclined())
    await stage.recoverAll()
    expect(await stage.standing(payment)).toMatchObject({
      status: 'succeeded',
      recovery: { kind: 'contradicted', amount: '100', state: 'open' },
      wallet: kind === 'topup' ? 100n : 0n,
      evidence: ['declined callback known', 'declined inquiry broken'],
    })
    const { rows } = { rows: await stage.store.attempt(payment.id, 1) }
    expect(rows?.state).toBe('settled')
  },
)

test('an inquiry that was overtaken by the outcome denies nothing: it is asked again', async () => {
  const payment = await stage.accepted('purchase')
  stage.rail.send = () => Promise.resolve(unknown())
  await stage.steps.dispatch(payment.id)
  const slow = Promise.withResolvers<RailOutcome>()
  stage.rail.inquire = () => slow.promise
  const asking = stage.steps.inquire(payment.id)
  await expect.poll(() => stage.rail.inquired).toHaveLength(1)
  stage.rail.inquire = () => Promise.resolve(saysSettled('inquiry', 'asked-1'))
  await stage.steps.inquire(payment.id)
  await stage.steps.confirm(payment.id)
  slow.resolve(notFound())
  await asking
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'succeeded',
    recovery: null,
    evidence: ['not_found answer refuted'],
  })
  expect(stage.rail.inquired).toHaveLength(3)
})

test('what the rail denied once, and people have ended, is not charged again however it is said', async () => {
  const pending = await stage.balance(`merchant:${MERCHANT}:pending`)
  const owed = await stage.balance(`receivable:merchant:${MERCHANT}`)
  const payment = await stage.ended('purchase')
  await stage.says(payment, notFound())
  const [denied] = stage.begun
  await stage.recoverAll()
  const consume: ConsumeApproval = () => Promise.resolve({ ok: true, action: 'approve_return', operators: ['op_1'] })
  const decide = makeDecideRecovery({ ...stage.recoveryDeps, consume })
  const decision = { evidence: denied?.id ?? '', update: 'approve' as const, approval: 'apr_00000001', by: 'test' }
  await decide(decision)
  const charged = async () =>
    pending +
    owed -
    (await stage.balance(`merchant:${MERCHANT}:pending`)) -
    (await stage.balance(`receivable:merchant:${MERCHANT}`))
  // What it had got of the payment, it has lost again, and pays the fee.
  expect(await charged()).toBe(3n)

  stage.rail.inquire = () => Promise.resolve(saysDeclined('inquiry', 'asked-no'))
  await stage.says(payment, saysDeclined())
  await stage.says(payment, saysReturned(100n, 'ret-1'))
  await stage.recoverAll()
  await stage.recoverAll()
  expect(await charged()).toBe(3n)
  expect(await stage.standing(payment)).toMatchObject({
    status: 'succeeded',
    recovery: { kind: 'contradicted', amount: '100', state: 'absorbed' },
    evidence: [
      'not_found inquiry decided',
      'declined callback known',
      'returned callback unpostable',
      'declined inquiry known',
    ],
  })
})

test('while the rail does not answer nothing moves, and it is asked again in time', async () => {
  const payment = await stage.ended('topup', saysDeclined('answer'))
  await stage.says(payment, saysSettled())
  const id = stage.begun[0]?.id ?? ''
  stage.rail.inquire = () => Promise.resolve(unknown())
  await stage.recovery.ask(id)
  const next = await stage.recovery.recover(id)
  expect(next.step === 'wait' && next.ms).toBeGreaterThan(1_000)
  await stage.recovery.ask(id)
  expect(stage.rail.inquired).toHaveLength(1)
  stage.ahead(60_000)
  stage.rail.inquire = () => Promise.resolve(saysSettled('inquiry'))
  await stage.recovery.ask(id)
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({ wallet: 100n })
})

test('a return of what the rail does not have as settled is for people', async () => {
  const payment = await stage.ended('topup', saysDeclined('answer'))
  stage.rail.inquire = () => Promise.resolve(notFound())
  await stage.says(payment, saysReturned(100n, 'ret-1'))
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    status: 'failed',
    recovery: null,
    wallet: 0n,
    evidence: ['returned callback unpostable'],
  })
})

test('money that came late and went back again leaves nothing', async () => {
  const payment = await stage.ended('purchase', saysDeclined('answer'))
  await stage.says(payment, saysReturned(100n, 'ret-1'))
  await stage.recoverAll()
  await stage.recoverAll()
  for (const { id } of await stage.evidence.ofAttempt(payment.id, 1)) await stage.recovery.recover(id)
  expect(await stage.standing(payment)).toMatchObject({
    status: 'failed',
    recovery: { kind: 'returned', amount: '100', state: 'absorbed' },
    wallet: 0n,
    owes: 0n,
  })
})

test('an event that only says look is asked about, fifteen times the same once', async () => {
  const payment = await stage.ended('topup')
  const attempt = await stage.store.attempt(payment.id, 1)
  if (attempt === null) throw new Error('it has one')
  await Promise.all(Array.from({ length: 15 }, () => stage.recoveryDeps.aftermath.look(attempt, 'event-1')))
  await stage.recoverAll()
  expect(stage.rail.inquired).toHaveLength(1)
  expect(await stage.standing(payment)).toMatchObject({ version: 2, evidence: ['look callback agreed'] })
  // Reversed meanwhile: another event, and the inquiry tells what.
  const reversed = saysReturned(100n, 'rev-1')
  stage.rail.inquire = () => Promise.resolve(reversed)
  await stage.recoveryDeps.aftermath.look(attempt, 'event-2')
  await stage.recoveryDeps.aftermath.look(attempt, 'event-3')
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({
    recovery: { kind: 'returned', amount: '100', state: 'absorbed' },
    wallet: 0n,
    owes: 0n,
  })
})

test('with Temporal away nothing is lost: what is kept is taken up again until it is over', async () => {
  const payment = await stage.ended('topup', saysDeclined('answer'))
  await stage.says(payment, saysSettled('inquiry'))
  // Nobody could be told, and the process is gone.
  stage.begun.length = 0
  const recover = (each: EvidenceName) => void stage.begun.push(each)
  await stage.owner`update evidence set next_look_at = now() + interval '1 hour' where payment = ${payment.id}`
  await recoverAgain({ sql: stage.hub, recover })
  expect(stage.begun.filter((each) => each.payment === payment.id)).toEqual([])
  await stage.owner`update evidence set next_look_at = now() where payment = ${payment.id}`
  await Promise.all([1, 2, 3].map(() => recoverAgain({ sql: stage.hub, recover })))
  expect(stage.begun.filter((each) => each.payment === payment.id)).toHaveLength(1)
  // Taken up and lost again: a minute later it is found again.
  stage.begun.length = 0
  await stage.owner`update evidence set next_look_at = now() where payment = ${payment.id}`
  await recoverAgain({ sql: stage.hub, recover })
  await stage.recoverAll()
  expect(await stage.standing(payment)).toMatchObject({ wallet: 100n })
  await stage.owner`update evidence set next_look_at = now() where payment = ${payment.id} and state <> 'done'`
  await recoverAgain({ sql: stage.hub, recover })
  expect(stage.begun.filter((each) => each.payment === payment.id)).toEqual([])
})

test('the books are clean after all of it', async () => {
  expect((await audit(stage.owner)).breaches).toEqual([])
})
