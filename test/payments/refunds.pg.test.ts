import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RailOutcome } from '../../src/rails/port.ts'
import { EVIDENCE, settled } from './support/rail.ts'
import { openRefundStage, type RefundStage } from './support/refund-stage.ts'

let stage: RefundStage
beforeAll(async () => {
  stage = await openRefundStage()
})
afterAll(() => stage.close())
beforeEach(() => {
  stage.reset()
  stage.rail.sent = []
  stage.rail.inquired = []
  stage.rail.send = () => Promise.resolve(settled())
  stage.rail.inquire = () => Promise.resolve(settled())
})

const unknown = (): RailOutcome => ({ kind: 'unknown', why: 'the connection was reset', alarm: false })
const declined = (): RailOutcome => ({
  kind: 'declined',
  code: 'source_not_usable',
  reason: 'account closed',
  evidence: { ...EVIDENCE, status: 'RJCT AC04' },
  alarm: false,
})
const notFound = (): RailOutcome => ({ kind: 'not_found', evidence: { ...EVIDENCE, via: 'inquiry', status: 'AG09' } })

const SLOW = { timeout: 240_000 }

/** From 1 to this many. */
const draw = (most: bigint): bigint => 1n + BigInt(Math.floor(Math.random() * Number(most)))

async function noBreaches(): Promise<void> {
  expect(await stage.breaches()).toEqual([])
}

test('to the wallet: posted at once, the reply says so, and no workflow is needed', async () => {
  const payment = await stage.paid({ source: 'wallet', fee: 30n })
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
  expect(refund).toMatchObject({ status: 'succeeded', amount: '400', fee: '0', version: 1 })
  expect(stage.heard.started).toEqual([])
  expect(stage.rail.sent).toEqual([])
  expect(await stage.standing(payment)).toEqual({
    reserved: 0n,
    refunded: 400n,
    held: 0n,
    merchant: 570n,
    wallet: 400n,
  })
  await noBreaches()
})

test.each(['bank', 'operator', 'mobile_money'] as const)(
  'to %s: money is held, sent once under the refund’s own reference, then posted',
  async (source) => {
    const payment = await stage.paid({ source })
    stage.rail.sent = []
    const orders: unknown[] = []
    stage.rail.send = (order) => {
      orders.push(order)
      return Promise.resolve(settled())
    }
    const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
    expect(refund).toMatchObject({ status: 'processing', status_reason: null })
    expect(stage.heard.started).toEqual([refund.id])
    expect(await stage.standing(payment)).toMatchObject({ reserved: 400n, refunded: 0n, held: 400n, merchant: 1_000n })
    await noBreaches()
    expect(await stage.live(refund.id)).toBe('succeeded')
    expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded: 400n, held: 0n, merchant: 600n })
    expect(stage.rail.sent).toEqual([`${refund.id.slice(4)}RF01`])
    expect(orders).toMatchObject([
      {
        operation: 'refund',
        amountMinor: 400n,
        original: {
          reference: payment.reference,
          amountMinor: 1_000n,
          railReference: 'acc-1',
          memo: { paymentId: 'at-the-rail' },
        },
      },
    ])
    expect(await stage.live(refund.id)).toBe('succeeded')
    expect(stage.rail.sent).toHaveLength(1)
    await noBreaches()
  },
)

test('without an amount it is all that is left', async () => {
  const payment = await stage.paid({ source: 'wallet' })
  await stage.refund(payment.merchant, { payment: payment.id, amount: '1' })
  expect(await stage.refund(payment.merchant, { payment: payment.id })).toMatchObject({ amount: '999' })
  expect(await stage.ask(payment.merchant, 'refund.create', { payment: payment.id })).toMatchObject({
    ok: false,
    error: { code: 'amount_exceeds_refundable', param: 'amount' },
  })
})

test('a decline gives the merchant its money back and names the cause', async () => {
  const payment = await stage.paid()
  stage.rail.send = () => Promise.resolve(declined())
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
  expect(await stage.live(refund.id)).toBe('failed')
  expect(await stage.ask(payment.merchant, 'refund.get', { refund: refund.id })).toMatchObject({
    body: { status: 'failed', failure: { code: 'source_not_usable', message: 'account closed' }, version: 2 },
  })
  expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded: 0n, held: 0n, merchant: 1_000n })
  // What failed may be refunded again.
  stage.rail.send = () => Promise.resolve(settled())
  const again = await stage.refund(payment.merchant, { payment: payment.id })
  expect(again.amount).toBe('1000')
  expect(await stage.live(again.id)).toBe('succeeded')
  await noBreaches()
})

test('an unknown outcome holds the money and says so, whatever the time, until there is evidence', async () => {
  const payment = await stage.paid()
  stage.rail.send = () => Promise.resolve(unknown())
  stage.rail.inquire = () => Promise.resolve(unknown())
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
  expect(await stage.live(refund.id)).toBe('outcome_unknown')
  const waiting = { status: 'processing', status_reason: 'awaiting_rail' }
  expect(await stage.store.refunds.refund(refund.id)).toMatchObject(waiting)
  for (const later of [3_600_000, 86_400_000, 30 * 86_400_000]) {
    stage.time.aheadMs = later
    expect(await stage.live(refund.id)).toBe('outcome_unknown')
    expect(await stage.standing(payment)).toMatchObject({ reserved: 400n, held: 400n })
  }
  expect(stage.rail.sent.filter((reference) => reference.endsWith('RF01'))).toHaveLength(1)
  await noBreaches()
  stage.time.aheadMs = 60 * 86_400_000
  stage.rail.inquire = () => Promise.resolve(settled())
  expect(await stage.live(refund.id)).toBe('succeeded')
  expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded: 400n, held: 0n })
  expect(await stage.store.refunds.refund(refund.id)).toMatchObject({ status_reason: null })
  await noBreaches()
})

test('an unknown one that was declined after all fails; one the rail never saw does as the rail’s profile says', async () => {
  const payment = await stage.paid()
  stage.rail.send = () => Promise.resolve(unknown())
  for (const [answer, code] of [
    [declined, 'source_not_usable'],
    [notFound, 'not_executed'],
  ] as const) {
    stage.rail.inquire = () => Promise.resolve(answer())
    const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
    expect(await stage.live(refund.id)).toBe('failed')
    expect(await stage.store.refunds.refund(refund.id)).toMatchObject({ failure_code: code, status_reason: null })
  }
  expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded: 0n, held: 0n, merchant: 1_000n })
  await noBreaches()
})

test('what cannot be sent is tried again as the same message, and given up after its time', async () => {
  const payment = await stage.paid()
  stage.rail.send = () => Promise.resolve({ kind: 'not_sent', why: 'connection refused' })
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
  expect(await stage.live(refund.id)).toBe('not_sent')
  stage.time.aheadMs = 1_000
  expect(await stage.live(refund.id)).toBe('not_sent')
  expect(new Set(stage.rail.sent).size).toBe(2)
  stage.time.aheadMs = 3_700_000
  expect(await stage.live(refund.id)).toBe('failed')
  expect(await stage.store.refunds.refund(refund.id)).toMatchObject({ failure_code: 'rail_unavailable' })
  expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, held: 0n, merchant: 1_000n })
  await noBreaches()
})

test('two hundred at once, over two hubs: those that fit, and not one more', SLOW, async () => {
  const payment = await stage.paid({ source: 'wallet', amount: 10_000n })
  const hubs = [stage.hub(), stage.hub()]
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      stage.insist(payment.merchant, { payment: payment.id, amount: '99' }, { hub: hubs[i % 2] ?? stage.one }),
    ),
  )
  expect(replies.filter(({ ok }) => ok)).toHaveLength(101)
  expect(new Set(replies.flatMap((reply) => (reply.ok ? [] : [reply.error.code])))).toEqual(
    new Set(['amount_exceeds_refundable']),
  )
  expect(await stage.standing(payment)).toEqual({
    reserved: 0n,
    refunded: 9_999n,
    held: 0n,
    merchant: 1n,
    wallet: 9_999n,
  })
  await noBreaches()
})

test('of many at a rail at once each is sent once, and what they come to is what succeeded', SLOW, async () => {
  const payment = await stage.paid({ amount: 4_000n })
  stage.rail.sent = []
  let n = 0
  stage.rail.send = () => Promise.resolve(n++ % 3 === 0 ? declined() : settled())
  const refunds = await Promise.all(
    Array.from({ length: 40 }, () => stage.refund(payment.merchant, { payment: payment.id, amount: '100' })),
  )
  const hubs = [stage.hub(), stage.hub()]
  // Each by two processes at once.
  const untilOver = async (id: string, by: ReturnType<RefundStage['hub']>) => {
    for (let i = 0; i < 50; i++) {
      const came = await stage.live(id, by).catch(() => 'again')
      if (came === 'succeeded' || came === 'failed') return
    }
  }
  await Promise.all(refunds.flatMap(({ id }) => hubs.map((hub) => untilOver(id, hub))))
  const rows = await Promise.all(refunds.map(({ id }) => stage.store.refunds.refund(id)))
  const succeeded = rows.filter((row) => row?.status === 'succeeded').length
  expect(rows.filter((row) => row?.status === 'failed')).toHaveLength(40 - succeeded)
  expect(stage.rail.sent).toHaveLength(40)
  expect(new Set(stage.rail.sent).size).toBe(40)
  const refunded = BigInt(succeeded) * 100n
  expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded, held: 0n, merchant: 4_000n - refunded })
  await noBreaches()
})

test('without the merchant’s money it waits, holds nothing, and begins when there is some', async () => {
  const first = await stage.paid({ fee: 100n })
  const refund = await stage.refund(first.merchant, { payment: first.id })
  // All of it was asked for, and the fee is kept: the merchant has 900.
  expect(refund).toMatchObject({ status: 'pending_funds', amount: '1000' })
  expect(stage.heard.started).toEqual([])
  expect(await stage.standing(first)).toMatchObject({ reserved: 1_000n, refunded: 0n, held: 0n, merchant: 900n })
  expect(await stage.ask(first.merchant, 'refund.create', { payment: first.id })).toMatchObject({
    error: { code: 'amount_exceeds_refundable' },
  })
  await stage.one.fundWaiting()
  expect(await stage.live(refund.id)).toBe('pending_funds')
  await noBreaches()

  await stage.paid({ merchant: first.merchant, amount: 100n })
  await Promise.all([stage.hub(), stage.hub(), stage.one].map((hub) => hub.fundWaiting()))
  expect(stage.heard.restarted).toEqual([refund.id])
  expect(await stage.store.refunds.refund(refund.id)).toMatchObject({ status: 'processing', version: 2 })
  expect(await stage.standing(first)).toMatchObject({ reserved: 1_000n, held: 1_000n })
  expect(await stage.live(refund.id)).toBe('succeeded')
  expect(await stage.standing(first)).toMatchObject({ reserved: 0n, refunded: 1_000n, held: 0n, merchant: 0n })
  await noBreaches()
})

test('one that waited does not give back what the customer’s bank has taken back meanwhile', async () => {
  const payment = await stage.paid({ fee: 100n })
  const large = await stage.refund(payment.merchant, { payment: payment.id, amount: '920' })
  const small = await stage.refund(payment.merchant, { payment: payment.id, amount: '80' })
  expect([large.status, small.status]).toEqual(['pending_funds', 'processing'])
  expect(await stage.live(small.id)).toBe('succeeded')
  await stage.owner`
    update payments set recovery = '{"kind":"returned","amount":"500","state":"absorbed"}', version = version + 1
    where id = ${payment.id}`
  await stage.paid({ merchant: payment.merchant, amount: 2_000n })
  await Promise.all([stage.hub(), stage.one].map((hub) => hub.fundWaiting()))
  expect(await stage.store.refunds.refund(large.id)).toMatchObject({ status: 'failed', failure_code: 'not_executed' })
  expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded: 80n, held: 0n })
  // What is left of it may be asked for again.
  expect(await stage.refund(payment.merchant, { payment: payment.id })).toMatchObject({ amount: '420' })
})

test('one to the wallet that waited is posted when there is money; one that waits for a week fails', async () => {
  const payment = await stage.paid({ source: 'wallet', fee: 100n })
  const whole = await stage.refund(payment.merchant, { payment: payment.id })
  expect(whole.status).toBe('pending_funds')
  await stage.paid({ merchant: payment.merchant, source: 'wallet', amount: 150n })
  await stage.one.fundWaiting()
  expect(await stage.store.refunds.refund(whole.id)).toMatchObject({ status: 'succeeded', version: 2 })
  expect(await stage.standing(payment)).toMatchObject({ refunded: 1_000n, merchant: 50n, wallet: 1_000n })

  const other = await stage.paid({ source: 'wallet', merchant: payment.merchant, fee: 900n })
  const late = await stage.refund(other.merchant, { payment: other.id })
  stage.time.aheadMs = 8 * 86_400_000
  await stage.one.fundWaiting()
  expect(await stage.store.refunds.refund(late.id)).toMatchObject({
    status: 'failed',
    failure_code: 'insufficient_funds',
  })
  expect(await stage.standing(other)).toMatchObject({ reserved: 0n, refunded: 0n })
  await noBreaches()
})

test('another merchant’s payment is not found, nor is its refund; one that has not succeeded has nothing to give', async () => {
  const payment = await stage.paid({ source: 'wallet' })
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '1' })
  const other = stage.ids.make('mer')
  const missing = { ok: false, error: { code: 'not_found', param: 'payment' } }
  expect(await stage.ask(other, 'refund.create', { payment: payment.id })).toMatchObject(missing)
  expect(await stage.ask(other, 'refund.create', { payment: stage.ids.make('pay') })).toMatchObject(missing)
  expect(await stage.ask(other, 'refund.get', { refund: refund.id })).toMatchObject({ error: { code: 'not_found' } })
  expect(await stage.ask(other, 'refund.list', {})).toMatchObject({ body: { data: [], has_more: false } })
  await stage.owner`update payments set recovery = '{"kind":"returned","amount":"950","state":"absorbed"}'
    where id = ${payment.id}`
  const tooMuch = { error: { code: 'amount_exceeds_refundable', param: 'amount' } }
  const left = { payment: payment.id, amount: '50' }
  expect(await stage.ask(payment.merchant, 'refund.create', left)).toMatchObject(tooMuch)
  await stage.owner`update payments set recovery = null where id = ${payment.id}`
  for (const [body, code, param] of [
    [{ payment: payment.id, amount: '1000' }, 'amount_exceeds_refundable', 'amount'],
    [{ payment: payment.id, amount: '0' }, 'amount_too_small', 'amount'],
    [{ payment: payment.id, amount: '1.5' }, 'invalid_request', 'amount'],
    [{ payment: payment.id, note: 'x' }, 'invalid_request', 'note'],
  ] as const) {
    expect(await stage.ask(payment.merchant, 'refund.create', body)).toMatchObject({ error: { code, param } })
  }
})

test('the same key is one refund, its answer the same to the last byte; with another body it is refused', async () => {
  const payment = await stage.paid({ source: 'wallet' })
  const body = { payment: payment.id, amount: '300' }
  const key = stage.ids.make('key')
  const first = await stage.ask(payment.merchant, 'refund.create', body, { key })
  const all = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      stage.ask(payment.merchant, 'refund.create', body, { key, hub: i % 2 === 0 ? stage.hub() : stage.one }),
    ),
  )
  for (const reply of all) expect(reply).toEqual({ ...first, replayed: true })
  expect(await stage.standing(payment)).toMatchObject({ refunded: 300n })
  expect(await stage.ask(payment.merchant, 'refund.create', { ...body, amount: '301' }, { key })).toMatchObject({
    error: { code: 'idempotency_key_reused' },
  })
})

test('lists are newest first, by pages either way, of one payment or of all', async () => {
  const payment = await stage.paid({ source: 'wallet' })
  const made: string[] = []
  for (let i = 0; i < 5; i++)
    made.unshift((await stage.refund(payment.merchant, { payment: payment.id, amount: '1' })).id)
  const other = await stage.paid({ source: 'wallet', merchant: payment.merchant })
  await stage.refund(payment.merchant, { payment: other.id, amount: '1' })
  const page = async (query: object) => {
    const reply = await stage.ask(payment.merchant, 'refund.list', { payment: payment.id, ...query })
    if (!reply.ok) throw new Error(JSON.stringify(reply))
    const { data, has_more } = reply.body as { data: { id: string }[]; has_more: boolean }
    return { ids: data.map(({ id }) => id), has_more }
  }
  expect(await page({})).toEqual({ ids: made, has_more: false })
  expect(await page({ limit: '2' })).toEqual({ ids: made.slice(0, 2), has_more: true })
  expect(await page({ limit: '2', starting_after: made[1] })).toEqual({ ids: made.slice(2, 4), has_more: true })
  expect(await page({ limit: '2', ending_before: made[2] })).toEqual({ ids: made.slice(0, 2), has_more: false })
  expect(await stage.ask(payment.merchant, 'refund.list', {})).toMatchObject({ body: { data: { length: 6 } } })
})

test(
  'a proportional fee comes back with its refunds: failed ones or not, all of it once all is refunded',
  SLOW,
  async () => {
    Object.assign(stage.terms, { onRefund: 'proportional', tax: { authority: 'kra', amountMinor: 5n } })
    for (let round = 0; round < 3; round++) {
      const payment = await stage.paid({ amount: 997n, fee: 31n })
      // Two at a time, which end in the other order than they began.
      let left = 997n
      for (let i = 0; left > 0n; i++) {
        const most = left / 2n > 150n ? 150n : left / 2n
        const amounts = i === 6 || left < 4n ? [left] : [draw(most), draw(most)]
        const fails = i % 3 === 1
        stage.rail.send = () => Promise.resolve(fails ? declined() : settled())
        const refunds: string[] = []
        for (const amount of amounts) {
          refunds.unshift((await stage.refund(payment.merchant, { payment: payment.id, amount: amount.toString() })).id)
        }
        for (const id of refunds) expect(await stage.live(id)).toBe(fails ? 'failed' : 'succeeded')
        if (!fails) left -= amounts.reduce((sum, amount) => sum + amount, 0n)
      }
      const [sums] = await stage.sql<{ fee: bigint; tax: bigint }[]>`
      select sum(fee)::bigint as fee, sum(fee_tax)::bigint as tax from refunds
      where payment = ${payment.id} and status = 'succeeded'`
      expect(sums).toEqual({ fee: 31n, tax: 5n })
      expect(await stage.standing(payment)).toMatchObject({ refunded: 997n, reserved: 0n, merchant: 0n })
    }
    await noBreaches()
  },
)

test('what of the fee a refund gave back that was priced after one that failed is made up by the last', async () => {
  Object.assign(stage.terms, { onRefund: 'proportional', tax: null })
  const payment = await stage.paid({ amount: 1_000n, fee: 7n })
  const some = { payment: payment.id, amount: '100' }
  // Of 7 for 1,000 the first hundred gives back 1, and the second no more.
  const [one, other] = [await stage.refund(payment.merchant, some), await stage.refund(payment.merchant, some)]
  expect([one.fee, other.fee]).toEqual(['1', '0'])
  stage.rail.send = () => Promise.resolve(declined())
  expect(await stage.live(one.id)).toBe('failed')
  stage.rail.send = () => Promise.resolve(settled())
  expect(await stage.live(other.id)).toBe('succeeded')
  const rest = await stage.refund(payment.merchant, { payment: payment.id })
  expect(rest).toMatchObject({ amount: '900', fee: '7' })
  expect(await stage.live(rest.id)).toBe('succeeded')
  expect(await stage.standing(payment)).toMatchObject({ refunded: 1_000n, reserved: 0n, merchant: 0n })
  await noBreaches()
})

test(
  'a process that dies between any two commits leaves a refund that the next one takes to the same end',
  SLOW,
  async () => {
    const ends = { succeeded: settled, failed: declined } as const
    for (const [end, answer] of Object.entries(ends)) {
      for (const [die, sends] of [1, 2, 3, 4].flatMap(
        (n) =>
          [
            [{ n, after: false }, 1],
            [{ n, after: true }, 1],
          ] as const,
      )) {
        const payment = await stage.paid()
        const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '400' })
        stage.rail.sent = []
        stage.rail.send = () => Promise.resolve(answer())
        stage.rail.inquire = () => Promise.resolve(answer())
        let calls = 0
        const dying = stage.hub({
          ...stage.ledger,
          apply: async (unit) => {
            calls += 1
            if (calls > die.n || (calls === die.n && !die.after)) throw new Error('the process died')
            const result = await stage.ledger.apply(unit)
            if (calls === die.n) throw new Error('the process died')
            return result
          },
        })
        await stage.live(refund.id, dying).catch(() => {})
        // What was journalled as sent is asked about at its deadline.
        stage.time.aheadMs = 9_000
        expect(await stage.live(refund.id, stage.hub())).toBe(end)
        stage.time.aheadMs = 0
        expect(stage.rail.sent.length).toBeLessThanOrEqual(sends)
        const refunded = end === 'succeeded' ? 400n : 0n
        expect(await stage.standing(payment)).toMatchObject({ reserved: 0n, refunded, held: 0n })
      }
    }
    await noBreaches()
  },
)

test('one whose workflow did not start, and one nobody touches, are found; one that waits long needs an operator', async () => {
  const payment = await stage.paid()
  let answer: (outcome: RailOutcome) => void = () => {}
  stage.rail.send = () => new Promise((resolve) => (answer = resolve))
  const [fresh, waiting] = [
    await stage.refund(payment.merchant, { payment: payment.id, amount: '1' }),
    await stage.refund(payment.merchant, { payment: payment.id, amount: '2' }),
  ]
  const dispatching = stage.one.steps.dispatch(waiting.id)
  await expect.poll(async () => (await stage.store.refunds.state(waiting.id))?.attempt?.state).toBe('dispatched')
  stage.heard.started.length = 0
  await stage.owner`update refunds set updated_at = updated_at - interval '1 minute' where payment = ${payment.id}`
  await stage.owner`
    update attempts set dispatched_at = dispatched_at - interval '1 minute', next_look_at = next_look_at - interval '2 minutes'
    where payment = ${waiting.id}`
  await stage.one.sweep()
  expect(stage.heard.started).toContain(fresh.id)
  expect(stage.heard.started).not.toContain(waiting.id)
  await stage.one.patrol()
  expect(stage.heard.restarted).toEqual(expect.arrayContaining([fresh.id, waiting.id]))
  await stage.one.candour()
  expect(await stage.store.refunds.refund(waiting.id)).toMatchObject({ status_reason: 'awaiting_rail', version: 2 })
  await stage.owner`update attempts set dispatched_at = dispatched_at - interval '2 hours' where payment = ${waiting.id}`
  await stage.one.candour()
  await stage.one.candour()
  expect(await stage.store.refunds.refund(waiting.id)).toMatchObject({ status_reason: 'needs_operator', version: 3 })
  expect(stage.heard.woken).toEqual([waiting.id])
  expect(await stage.one.steps.look(waiting.id)).toMatchObject({ step: 'wait', stage: 'needs_operator' })
  answer(settled())
  await dispatching
  await expect.poll(() => stage.live(waiting.id)).toBe('succeeded')
})

test('one that its rail has not, and cannot be sent again, needs an operator after the same time', async () => {
  const payment = await stage.paid()
  stage.rail.send = () => Promise.resolve({ kind: 'unknown', why: 'reset', alarm: false })
  const refund = await stage.refund(payment.merchant, { payment: payment.id, amount: '1' })
  await stage.one.steps.dispatch(refund.id)
  await stage.owner`
    update attempts set state = 'not_found', dispatched_at = dispatched_at - interval '2 hours' where payment = ${refund.id}`
  await stage.one.candour()
  expect(await stage.store.refunds.refund(refund.id)).toMatchObject({ status_reason: 'needs_operator' })
})
