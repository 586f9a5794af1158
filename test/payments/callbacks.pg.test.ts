import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { attemptReference } from '../../src/domain/ids.ts'
import { audit } from '../../src/ledger/index.ts'
import { orderOf } from '../../src/payments/order.ts'
import type { PaymentRow } from '../../src/payments/rows.ts'
import type { HttpMessage } from '../../src/rails/port.ts'
import { BANK, startBankRail } from '../rails/contract/bank-subject.ts'
import { operatorSubject } from '../rails/contract/camara-subject.ts'
import type { Fault } from '../rails/contract/control.ts'
import { GSMA } from '../rails/contract/gsma-subject.ts'
import type { Running } from '../rails/contract/subject.ts'
import { ed25519, makeOrder, report, signedCallback, type ReportParts } from '../rails/support/bank.ts'
import { openRecoveryStage } from './support/recovery-stage.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/**
 * What rails post to us, by their simulators as processes, at a hub's own steps on a real database: however often, early,
 * late, forged or false it is, it has one effect or none.
 */
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })
const PATIENCE = { timeout: 40_000 }

type Stage = Awaited<ReturnType<typeof openRecoveryStage>>
type Place = {
  stage: Stage
  running: Running
  /** What the rail posted to us, each once we have answered it. */
  heard: HttpMessage[]
  /** What answers that money has moved wait for on their way to us. */
  held: { until: Promise<unknown> }
}

async function open(running: Running): Promise<Place> {
  const { rail } = running
  const held = { until: Promise.resolve<unknown>(undefined) }
  const send: typeof rail.send = async (...call) => {
    const answer = await rail.send(...call)
    if (answer.kind === 'settled' && call[0].step !== 'prepare') await held.until
    return answer
  }
  const stage = await openRecoveryStage({ ...rail, send })
  const heard: HttpMessage[] = []
  running.inbox.answerBy(async (message) => {
    const reply = await stage.callback(message)
    heard.push(message)
    return reply
  })
  return { stage, running, heard, held }
}

async function close({ stage, running }: Place): Promise<void> {
  await running.stop()
  await stage.close()
}

const referenceOf = (payment: PaymentRow) => attemptReference(payment.id, 'collect', 1)

/** A payment accepted for magic account `nn`, of which the rail does this. */
async function accept(
  { stage, running }: Place,
  source: 'bank' | 'mobile_money' | 'operator',
  fault?: Fault,
  nn = 0,
): Promise<PaymentRow> {
  const { account } = running.makeOrder('collect', nn)
  const payment = await stage.accepted(source === 'operator' ? 'purchase' : 'topup', { source, account })
  if (fault !== undefined) await running.control.rule(referenceOf(payment), fault)
  return payment
}

/** As its workflow does, until it has ended: a fault may put its outcome off. */
async function run({ stage }: Place, { id }: PaymentRow): Promise<void> {
  const { steps } = stage
  const on = async (): Promise<string> => {
    const next = await steps.look(id)
    if (next.step === 'done') return next.status
    if (next.step === 'wait') await (next.ms > 0 ? undefined : steps.inquire(id))
    else await steps[next.step](id)
    return next.step
  }
  await expect.poll(on, PATIENCE).toMatch(/^(succeeded|failed)$/)
}

/** How often the rail posted to us about this payment, and was believed to be the rail. */
async function times({ stage }: Place, payment: PaymentRow): Promise<number> {
  const [row] = await stage.hub<{ times: number }[]>`
    select coalesce(sum(times), 0)::int as times from rail_callbacks where reference = ${referenceOf(payment)}`
  return row?.times ?? 0
}

/** What the rail posted to us about this payment. */
const heardOf = ({ heard }: Place, payment: PaymentRow): HttpMessage[] =>
  heard.filter(({ targetUri }) => targetUri.includes(referenceOf(payment)))

/** Once: at the rail, in the books, and to whoever was told. */
async function onceOnly({ stage, running }: Place, payment: PaymentRow): Promise<void> {
  expect(await stage.standing(payment)).toMatchObject({
    status: 'succeeded',
    wallet: payment.kind === 'topup' ? payment.amount : 0n,
    recovery: null,
  })
  expect(await running.control.book(referenceOf(payment))).toMatchObject([{ effect: 'moved' }])
  const told = await stage.hub`
    select id from outbox where feed = ${payment.payer} and name = 'payment.updated' and body ->> 'status' = 'succeeded'`
  expect(told).toHaveLength(1)
}

const RAILS = [
  { subject: BANK, source: 'bank' as const },
  { subject: GSMA, source: 'mobile_money' as const },
  { subject: operatorSubject('two_step'), source: 'operator' as const },
]

describe.each(RAILS)('of $subject.name, a callback', ({ subject, source }) => {
  let place: Place
  beforeAll(async () => {
    place = await open(await subject.start())
  })
  afterAll(() => close(place))

  test('fifteen times more has one effect', async () => {
    const payment = await accept(place, source, { kind: 'duplicate_callback', n: 15, gap_ms: 0 })
    await run(place, payment)
    await expect.poll(() => times(place, payment), PATIENCE).toBeGreaterThanOrEqual(16)
    await place.stage.recoverAll()
    await onceOnly(place, payment)
    // What claims nothing but what is recorded is not asked about either.
    expect((await place.stage.standing(payment)).evidence).toEqual([])
  })

  test('before the answer, or after a long time, ends it once', async () => {
    for (const fault of [
      { kind: 'answer_twice', gap_ms: 300 },
      { kind: 'late_callback', after_s: 1 },
    ]) {
      const payment = await accept(place, source, fault)
      await run(place, payment)
      await expect.poll(() => times(place, payment), PATIENCE).toBeGreaterThan(0)
      await place.stage.recoverAll()
      await onceOnly(place, payment)
    }
  })

  test('that contradicts what was recorded flips nothing: the rail is asked', async () => {
    const payment = await accept(place, source, { kind: 'contradict_callback', after_s: 0.5 })
    await run(place, payment)
    const wanted = subject.callbacks === 'state' ? 'declined callback refuted' : 'look callback agreed'
    const made = async () => {
      await place.stage.recoverAll()
      return [...new Set((await place.stage.standing(payment)).evidence)]
    }
    await expect.poll(made, PATIENCE).toEqual([wanted])
    await onceOnly(place, payment)
  })

  test('that the money went back takes it from whoever had it, once', async () => {
    const payment = await accept(place, source, { kind: 'return_later', after_s: 0.5 })
    await run(place, payment)
    await expect
      .poll(async () => {
        await place.stage.recoverAll()
        return (await place.stage.standing(payment)).recovery
      }, PATIENCE)
      .toMatchObject({ kind: 'returned', amount: payment.amount.toString(), state: 'absorbed' })
    expect(await place.stage.standing(payment)).toMatchObject({ status: 'succeeded', wallet: 0n, owes: 0n })
    expect(await place.stage.hub`select amount from returns where payment = ${payment.id}`).toEqual([
      { amount: payment.amount },
    ])
  })

  test('that the money went back is not lost where it overtakes the answer that it had moved', async () => {
    const payment = await accept(place, source, { kind: 'return_later', after_s: 0.2 })
    const answer = Promise.withResolvers<undefined>()
    place.held.until = answer.promise
    const ended = run(place, payment)
    const saysSo = ({ body }: HttpMessage) => /reversed|cancelled|PmtRtr/.test(Buffer.from(body).toString())
    await expect.poll(() => heardOf(place, payment).some(saysSo), PATIENCE).toBe(true)
    answer.resolve(undefined)
    await ended
    await expect
      .poll(async () => {
        await place.stage.recoverAll()
        return (await place.stage.standing(payment)).recovery
      }, PATIENCE)
      .toMatchObject({ kind: 'returned', amount: payment.amount.toString(), state: 'absorbed' })
  })

  test.each(subject.forgeries)('%s is refused, counted, and nobody’s money', async (_, forge) => {
    const payment = await accept(place, source, { kind: 'late_callback', after_s: 0.5 })
    await run(place, payment)
    await expect.poll(() => heardOf(place, payment).length, PATIENCE).toBeGreaterThan(0)
    await place.stage.recoverAll()
    const before = await place.stage.standing(payment)
    const kept = await times(place, payment)
    const counted = total(await place.stage.refusals())
    const [authentic] = heardOf(place, payment)
    if (authentic === undefined) throw new Error('nothing was heard')
    expect((await place.stage.callback(forge(authentic))).status).toBeGreaterThanOrEqual(400)
    expect(total(await place.stage.refusals())).toBe(counted + 1)
    expect(await times(place, payment)).toBe(kept)
    await place.stage.recoverAll()
    expect(await place.stage.standing(payment)).toEqual(before)
  })

  test('leaves the books clean', async () => {
    expect((await audit(place.stage.owner)).breaches).toEqual([])
  })
})

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

describe('of a bank that signs what is not so, a callback', () => {
  let place: Place
  let key: ReturnType<typeof ed25519>
  let url: string
  beforeAll(async () => {
    const running = await startBankRail()
    key = running.bankKey
    url = running.inbox.url
    place = await open(running)
  })
  afterAll(() => close(place))

  /** A message in the bank's name about this payment. */
  async function speak(payment: PaymentRow, parts: ReportParts): Promise<number> {
    const attempt = await place.stage.store.attempt(payment.id, 1)
    if (attempt === null) throw new Error('there is one')
    const amount = `${payment.amount / 100n}.${String(payment.amount % 100n).padStart(2, '0')}`
    const said = report(orderOf(attempt), { amount, statusId: randomUUID().slice(0, 30), ...parts })
    const { status } = await place.stage.callback(signedCallback(key, `${url}?ref=${attempt.reference}`, said))
    return status
  }

  test('fifteen times at once while it waits has one effect', async () => {
    const payment = await accept(place, 'bank', { kind: 'pending', then: 'never' })
    await place.stage.steps.dispatch(payment.id)
    expect(await place.stage.standing(payment)).toMatchObject({ status: 'processing' })
    const once = { statusId: 'STS15', status: 'ACSC' }
    const statuses = await Promise.all(Array.from({ length: 15 }, () => speak(payment, once)))
    expect(new Set(statuses)).toEqual(new Set([204]))
    await Promise.all(Array.from({ length: 3 }, () => place.stage.steps.confirm(payment.id)))
    expect(await place.stage.standing(payment)).toMatchObject({ status: 'succeeded', wallet: payment.amount })
  })

  test('that a declined payment settled is asked about, and no money is made of it', async () => {
    const payment = await accept(place, 'bank', undefined, 1)
    await run(place, payment)
    expect(await speak(payment, { status: 'ACSC' })).toBe(204)
    await place.stage.recoverAll()
    expect(await place.stage.standing(payment)).toMatchObject({
      status: 'failed',
      wallet: 0n,
      evidence: ['settled callback refuted'],
    })
  })

  test('for another amount is kept, counted and asked about, never acted upon', async () => {
    const payment = await accept(place, 'bank')
    await run(place, payment)
    expect(await speak(payment, { status: 'ACSC', amount: '99999.00' })).toBe(204)
    await place.stage.recoverAll()
    await onceOnly(place, payment)
    expect((await place.stage.standing(payment)).evidence).toEqual(['unclear callback agreed'])
    expect(await place.stage.incidentsOf(payment)).toEqual(['unclear_statement'])
    expect(await place.stage.refusals()).toEqual({ not_our_order: 1 })
  })

  test('for another amount while it waits only makes us ask at once', async () => {
    const payment = await accept(place, 'bank', { kind: 'pending', then: 'never' })
    await place.stage.steps.dispatch(payment.id)
    expect(await speak(payment, { status: 'ACSC', amount: '99999.00' })).toBe(204)
    expect(await place.stage.standing(payment)).toMatchObject({ status: 'processing', wallet: 0n })
    expect(await place.stage.steps.look(payment.id)).toMatchObject({ step: 'wait', ms: 0 })
  })

  test('that names nobody’s reference, or is unreadable, is refused and counted by why', async () => {
    const uri = `${url}?ref=NOBODY`
    expect(await place.stage.callback(signedCallback(key, uri, '<Document/>'))).toEqual({ status: 400 })
    const stranger = report(makeOrder({ reference: 'NOBODY' }))
    expect(await place.stage.callback(signedCallback(key, uri, stranger))).toEqual({ status: 404 })
    expect(await place.stage.callback(signedCallback(ed25519('bank-1'), uri, stranger))).toEqual({ status: 401 })
    expect(await place.stage.refusals()).toMatchObject({ malformed: 1, unknown_reference: 1, not_authentic: 1 })
  })

  test('leaves the books clean', async () => {
    expect((await audit(place.stage.owner)).breaches).toEqual([])
  })
})
