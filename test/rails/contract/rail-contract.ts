import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, it, vi, type ExpectStatic } from 'vitest'
import { RAIL_OPERATIONS } from '../../../src/domain/attempt.ts'
import type { HttpMessage, RailOrder, RailOutcome } from '../../../src/rails/port.ts'
import { follow, movedBy, movedOnce, orderFor, WAITS } from './rows.ts'
import type { Running, Subject } from './subject.ts'
import { FAULTS, MAGIC, MAGIC_REFUNDS } from './tables.ts'
import { inquire, remember, send, walk } from './walk.ts'

/**
 * What every connector must do, proved against its own simulator (docs/connectors.md).
 *
 * The simulator's book is the witness: whatever the connector said on the way,
 * an attempt that ends `settled` has moved once, and one that ends in any other
 * way has not moved at all. Rows run side by side on one simulator.
 */
export function railContract(subject: Subject): void {
  vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000, maxConcurrency: 24 })
  let running: Running
  beforeAll(async () => {
    running = await subject.start()
  })
  afterAll(() => running.stop())

  const table = subject.offers.flatMap((operation) =>
    [...(operation === 'refund' ? MAGIC_REFUNDS : MAGIC), ...FAULTS].flatMap((row) => {
      const adjusted = subject.adjust === undefined ? row : subject.adjust(row, operation)
      return adjusted === null ? [] : [{ operation, name: adjusted.name, row: adjusted }]
    }),
  )
  it.concurrent.for(table)('$operation, $name', async ({ operation, row }, { expect }) => {
    expect(await follow(subject, running, row, operation, expect)).toBe(row.final)
  })

  describe.each(subject.offers)('a %s', (operation) => {
    it('sent again, moves nothing again', async ({ expect }) => {
      const { order } = await walk(running, await orderFor(running, operation, 0))
      for (let sends = 2; sends <= 4; sends++) {
        expect(['settled', 'pending', 'unknown']).toContain((await send(running, { ...order, sends })).kind)
      }
      const together = Array.from({ length: 5 }, (_, n) => send(running, { ...order, sends: 5 + n }))
      for (const { kind } of await Promise.all(together)) expect(['settled', 'pending', 'unknown']).toContain(kind)
      expect(await movedBy(running, order)).toMatchObject(movedOnce(order))
      expect(await inquire(running, order)).toMatchObject({ kind: 'settled' })
    })

    it('sent ten times at once, moves once', async ({ expect }) => {
      const order = await orderFor(running, operation, 0)
      await Promise.all(Array.from({ length: 10 }, () => send(running, order)))
      expect((await walk(running, { ...order, sends: 2 })).final).toBe('settled')
      expect(await movedBy(running, order)).toMatchObject(movedOnce(order))
    })
  })

  const inquiryFaults = (subject.inquiryFaults ?? []).map((fault) => ({ name: Object.values(fault).join(' '), fault }))
  it.for(inquiryFaults)('an inquiry that meets $name says nothing about the order', async ({ fault }, { expect }) => {
    for (const nn of [0, 2]) {
      const walked = await walk(running, running.makeOrder('collect', nn))
      await running.control.ruleForInquiry(walked.order.reference, fault)
      const outcome = await running.rail.inquire(walked.order, AbortSignal.timeout(1_500))
      expect(outcome.kind, inspect(outcome)).toBe('unknown')
      expect((await inquire(running, walked.order)).kind).toBe(walked.outcome.kind)
    }
  })

  it('offers what it says it offers, and sends nothing else', async ({ expect }) => {
    expect(Object.keys(running.rail.profile.firstStep).toSorted()).toEqual(subject.offers.toSorted())
    for (const operation of RAIL_OPERATIONS.filter((one) => !subject.offers.includes(one))) {
      const order = running.makeOrder(operation, 0)
      expect(await send(running, order)).toMatchObject({ kind: 'not_sent' })
      expect(await running.control.book(order.reference)).toEqual([])
    }
  })

  describe('not_sent', () => {
    it('is said of a call that came too late to write, and nothing has left', async ({ expect }) => {
      const order = running.makeOrder('collect', 0)
      const signal = AbortSignal.timeout(10_000)
      expect(await running.rail.send(order, { signal, mayWrite: () => false })).toMatchObject({ kind: 'not_sent' })
      expect(await running.rail.send(order, { signal: AbortSignal.abort(), mayWrite: () => true })).toMatchObject({
        kind: 'not_sent',
      })
      expect((await walk(running, order)).final).toBe('settled')
      expect(await movedBy(running, order)).toMatchObject(movedOnce(order))
    })

    it('comes before the first byte: whoever was told of it gets no not_sent', async ({ expect }) => {
      const order = running.makeOrder('collect', 0)
      const sent = vi.fn()
      const signal = AbortSignal.timeout(10_000)
      const outcome = await running.rail.send(order, { signal, mayWrite: () => true, onSent: sent })
      expect(sent).toHaveBeenCalledOnce()
      expect(outcome.kind).not.toBe('not_sent')
    })
  })

  describe('an outage', () => {
    afterEach(() => running.control.outage(0, 'refuse'))

    it.for(['refuse', '500', 'hang'] as const)(
      'in which the rail would %s moves nothing, and is no decline',
      async (mode, { expect }) => {
        const before = running.makeOrder('collect', 0)
        await running.control.outage(30, mode)
        const signal = AbortSignal.timeout(1_000)
        const outcome = await running.rail.send(before, { signal, mayWrite: () => true })
        expect(['not_sent', 'unknown']).toContain(outcome.kind)
        expect((await running.rail.heartbeat(AbortSignal.timeout(1_000))).kind).toBe('unavailable')
        expect((await running.rail.inquire(before, AbortSignal.timeout(1_000))).kind).toBe('unknown')
        expect(await movedBy(running, before)).toEqual([])
        await running.control.outage(0, 'refuse')
        await expect
          .poll(async () => (await running.rail.heartbeat(AbortSignal.timeout(5_000))).kind, WAITS)
          .toBe('available')
      },
    )

    it('that refuses every connection lets nothing leave', async ({ expect }) => {
      await running.control.outage(30, 'refuse')
      // What was connected finds out first, every connection of the pool: a single send could meet one that knew already.
      const burst = (): Promise<RailOutcome[]> =>
        Promise.all(Array.from({ length: 64 }, () => send(running, running.makeOrder('collect', 0))))
      await expect.poll(async () => (await burst()).every((one) => one.kind === 'not_sent'), WAITS).toBe(true)
      const order = running.makeOrder('collect', 0)
      expect(await send(running, order)).toMatchObject({ kind: 'not_sent' })
      await running.control.outage(0, 'refuse')
      expect((await walk(running, order)).final).toBe('settled')
      expect(await movedBy(running, order)).toMatchObject([{ times_requested: 1 }])
    })
  })

  describe('a callback', () => {
    const authentic = async (expect: ExpectStatic): Promise<{ order: RailOrder; message: HttpMessage }> => {
      const order = running.makeOrder('collect', 0)
      await running.control.rule(order.reference, { kind: 'duplicate_callback', n: 1 }, 1)
      await walk(running, order)
      // Where a confirmation follows, it is news too.
      const deliveries = order.step === 'prepare' ? 3 : 2
      await expect.poll(() => running.inbox.messages(order.reference).length, WAITS).toBe(deliveries)
      const [message] = running.inbox.messages(order.reference)
      if (message === undefined) throw new Error('no callback')
      return { order, message }
    }

    it('that is forged is refused with 401, counted, and says nothing', async ({ expect }) => {
      const { order, message } = await authentic(expect)
      const heardBefore = running.inbox.statements(order.reference).length
      for (const [what, forge] of subject.forgeries) {
        const countBefore = await refusedCallbacks(running)
        expect(await running.inbox.deliver(forge(message)), what).toMatchObject({ ok: false, status: 401 })
        expect(await refusedCallbacks(running), what).toBe(countBefore + 1)
      }
      expect(running.inbox.statements(order.reference)).toHaveLength(heardBefore)
    })

    it('about a reference that was never sent is refused', async ({ expect }) => {
      const order = running.makeOrder('collect', 0)
      // oxlint-disable-next-line unicorn/no-thenable -- the control API's word for what follows
      await running.control.rule(order.reference, { kind: 'pending', then: 'settled', after_s: 0.2 }, 1)
      const refusedBefore = running.inbox.refusals().length
      let step = order
      // Not told to the inbox, as if another hub's database had it.
      for (let sends = 0; sends < 3; sends++) {
        const outcome = await running.rail.send(step, { signal: AbortSignal.timeout(10_000), mayWrite: () => true })
        if (outcome.kind !== 'settled') break
        step = { ...step, step: 'confirm' }
      }
      await expect.poll(() => running.inbox.refusals().slice(refusedBefore), WAITS).toMatchObject([{ status: 404 }])
    })
  })

  it('says that it is available', async ({ expect }) => {
    expect(await running.rail.heartbeat(AbortSignal.timeout(10_000))).toEqual({ kind: 'available', why: null })
  })

  it('has a profile that a hub can work with', ({ expect }) => {
    const { profile } = running.rail
    expect(profile.deadlineMs).toBeLessThanOrEqual(8_000)
    expect(profile.callsMax).toBeGreaterThan(0)
    expect(profile.inquiriesPerSecond).toBeGreaterThan(0)
    expect(profile.inquiryGapsMs.length).toBeGreaterThan(0)
    for (const step of Object.values(profile.firstStep)) expect(['submit', 'prepare']).toContain(step)
    if (profile.manualCapture) expect(profile.firstStep.collect).toBe('prepare')
  })

  describe('a collect in several steps', () => {
    it('is reserved, and moves with the confirmation alone', async ({ expect }) => {
      const order = running.makeOrder('collect', 0)
      if (order.step !== 'prepare') return expect(order.step).toBe('submit')
      const walked = await walk(running, order)
      expect(walked.order.step).toBe('confirm')
      expect(walked.final).toBe('settled')
      expect(await movedBy(running, order)).toMatchObject(movedOnce(order))
    })

    it('is released by a cancellation, after which nothing moves', async ({ expect }) => {
      const order = running.makeOrder('collect', 0)
      if (order.step !== 'prepare') return expect(order.step).toBe('submit')
      const prepared = await settledStep(order)
      expect(await movedBy(running, order)).toEqual([])
      await settledStep({ ...prepared, step: 'cancel', sends: 1, dispatchedAtMs: Date.now() })
      const late = await send(running, { ...prepared, step: 'confirm', sends: 1, dispatchedAtMs: Date.now() })
      expect(late.kind).not.toBe('settled')
      expect(await movedBy(running, order)).toEqual([])
    })

    it('takes the payer’s code, and tells a wrong one', async ({ expect }) => {
      if (subject.codeAccount === undefined) return expect(subject.codeAccount).toBeUndefined()
      const order = running.makeOrder('collect', subject.codeAccount)
      running.inbox.know(order)
      const asks = await send(running, order)
      expect(asks).toMatchObject({ kind: 'settled', asks: 'code' })
      const validate = { ...remember(order, asks), step: 'validate' as const, dispatchedAtMs: Date.now() }
      const codes = await running.payerCode?.(validate)
      const wrong = await send(running, { ...validate, input: codes?.wrong ?? '' })
      expect(wrong).toMatchObject({ kind: 'wrong_code' })
      await settledStep({ ...remember(validate, wrong), sends: 2, input: codes?.right ?? '' })
      expect(await movedBy(running, order)).toEqual([])
    })

    /** One step, inquired until it has settled; the order as it then is. */
    async function settledStep(order: RailOrder): Promise<RailOrder> {
      let outcome = await send(running, order)
      let memory = remember(order, outcome)
      await vi.waitFor(async () => {
        if (outcome.kind === 'settled') return
        outcome = await inquire(running, memory)
        memory = remember(memory, outcome)
        if (outcome.kind !== 'settled') throw new Error(`${order.step} is ${outcome.kind}`)
      }, WAITS)
      return memory
    }
  })
}

/** Callbacks that were refused so far, as the connector counts them. */
async function refusedCallbacks({ registry, rail }: Running): Promise<number> {
  const metrics = await registry.getMetricsAsJSON()
  const counter = metrics.find(({ name }) => name === 'mooring_rail_callbacks_total')
  return (counter?.values ?? [])
    .filter(({ labels }) => labels['rail'] === rail.id && labels['verdict'] === 'refused')
    .reduce((sum, { value }) => sum + value, 0)
}
