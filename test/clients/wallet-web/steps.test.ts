import { describe, expect, it } from 'vitest'
import type { Order, OrderState } from '../../../clients/wallet-web/model/order.ts'
import { headlineOf, linesOf } from '../../../clients/wallet-web/model/steps.ts'
import { Trail } from '../../../clients/wallet-web/model/trail.ts'
import { errorText, refusalText } from '../../../clients/wallet-web/model/words.ts'
import type { PaymentView } from '../../../src/contract/index.ts'
import { ERROR_CODES, PAYMENT_STATUSES } from '../../../src/contract/names.ts'
import { MooringError } from '../../../clients/mobile/index.ts'
import { payment } from '../mobile/harness.ts'

const BANK = { type: 'bank', id: 'src_0000000000000001', label: 'Demo Bank ··3000' } as const
const order = (state: OrderState): Order => ({
  key: 'k'.repeat(20),
  at: Date.parse('2026-11-23T12:00:00.000Z'),
  ask: { what: 'topup', source: BANK.id, label: BANK.label, amount: '12345', currency: 'KES' },
  quote: { payer_fee: '0', total: '12345' },
  state,
})
const seenOf = (...versions: PaymentView[]) => {
  const trail = new Trail()
  for (const version of versions) trail.see(version)
  return trail.of(versions[0]?.id ?? '')
}
const shown = (of: Order | undefined, last: PaymentView | undefined, ...earlier: PaymentView[]) =>
  linesOf(of, last, last === undefined ? [] : seenOf(...earlier, last)).map(({ state, label }) => `${state} ${label}`)

describe('the way of a payment', () => {
  it('is told from the yes to the end, with what was waited for', () => {
    const accepted = order({ at: 'accepted', payment: payment(1).id })
    const processing = payment(2, { status: 'processing', source: BANK })
    const waiting = payment(3, { status: 'processing', status_reason: 'awaiting_rail', source: BANK })
    const succeeded = payment(4, { status: 'succeeded', source: BANK })
    expect(shown(order({ at: 'sent', until: 0 }), undefined)).toEqual([
      'done Confirmed on this phone',
      'now Sending',
      'todo Accepted',
      'todo Done',
    ])
    expect(shown(accepted, processing)).toEqual([
      'done Confirmed on this phone',
      'done Accepted',
      'now Asking Demo Bank ··3000',
      'todo Paid',
    ])
    expect(shown(accepted, waiting, processing)[2]).toBe('now Waiting for Demo Bank ··3000')
    expect(shown(accepted, succeeded, processing, waiting)).toEqual([
      'done Confirmed on this phone',
      'done Accepted',
      'done Waited for Demo Bank ··3000',
      'done Demo Bank ··3000 answered',
      'done Paid',
    ])
  })

  it('is never told further than the server has said (W5)', () => {
    const states: OrderState[] = [
      { at: 'waiting' },
      { at: 'sent', until: 0 },
      { at: 'accepted', payment: payment(1).id },
      { at: 'pin', code: 'pin_required', until: 0 },
      { at: 'refused', code: 'insufficient_funds', param: null },
    ]
    const good = PAYMENT_STATUSES.flatMap((status) =>
      states.map((state) => [status, headlineOf(order(state), payment(2, { status })).tone] as const),
    ).filter(([, tone]) => tone === 'good')
    expect(new Set(good.map(([status]) => status))).toEqual(new Set(['succeeded']))
    expect(states.filter((state) => headlineOf(order(state), undefined).tone === 'good')).toEqual([])
    const done = PAYMENT_STATUSES.filter((status) =>
      shown(undefined, payment(2, { status })).at(-1)?.startsWith('done'),
    )
    expect(done).toEqual(['succeeded'])
  })

  it('says what is asked of the payer, and whose turn it is', () => {
    const asked = payment(3, {
      status: 'requires_action',
      source: { type: 'operator', label: 'Demo Mobile' },
      next_action: { type: 'enter_code', hint: '··0001' },
    })
    const line = linesOf(undefined, asked, seenOf(asked)).find(({ state }) => state === 'now')
    expect(line).toMatchObject({ label: 'Enter the code you were sent', detail: 'Sent to ··0001' })
    expect(headlineOf(undefined, asked).title).toBe('Your turn')
  })

  it('keeps the versions of a payment in order, each once', () => {
    const steps = seenOf(payment(2), payment(1), payment(2), payment(5, { status: 'succeeded' }), payment(4))
    expect(steps.map(({ version }) => version)).toEqual([2, 5])
  })
})

describe('what people are told', () => {
  it.each(ERROR_CODES)('of %s is a sentence of ours, without the code', (code) => {
    const text = refusalText(code)
    expect(text).toMatch(/^[A-Z].+\.$/)
    expect(text).not.toContain('_')
  })

  it('of a fault of this page says what to do', () => {
    expect(errorText(new TypeError('x is undefined'))).toMatch(/Reload/)
    expect(errorText(new MooringError('connection_lost', 'x'))).toMatch(/network/)
  })
})
