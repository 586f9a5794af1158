import { expect, it } from 'vitest'
import { goingOn, type Next, type StepName, type Strides } from '../../src/payments/index.ts'
import type { PaymentState } from '../../src/payments/rows.ts'
import { attemptRow, paymentRow } from './support/rows.ts'

const DONE: Next = { step: 'done', status: 'succeeded' }
const SUBMIT: Next = { step: 'dispatch', call: 'submit', afterMs: 0 }
const WAIT: Next = { step: 'wait', ms: 0, why: 'the test', stage: 'awaiting_rail' }

const id = 'pay_1'
const row = paymentRow({ id, ledger: 1, kind: 'topup' })
const READ: PaymentState = { payment: row, attempt: attemptRow(row, { rail: 'bank', operation: 'collect' }), holds: [] }

/** Steps that answer as scripted, past the script's end that the payment has succeeded. */
function scripted(script: Partial<Record<StepName, (Next | Error)[]>>, left: PaymentState | null = null) {
  const called: string[] = []
  const known: (PaymentState | null)[] = []
  const step = (name: StepName) => (payment: string, from: PaymentState | null) => {
    called.push(`${name} ${payment}`)
    known.push(from)
    const answer = script[name]?.shift() ?? DONE
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ next: answer, state: left })
  }
  const strides: Strides = {
    reserve: step('reserve'),
    dispatch: step('dispatch'),
    confirm: step('confirm'),
    release: step('release'),
    hold: step('hold'),
    look: step('look'),
    inquire: step('inquire'),
  }
  return { called, known, steps: goingOn(strides) }
}

it('goes from the first step to the end where nothing is waited for', async () => {
  const { called, steps } = scripted({ reserve: [SUBMIT], dispatch: [{ step: 'confirm' }] })
  expect(await steps.reserve(id)).toEqual(DONE)
  expect(called).toEqual(['reserve pay_1', 'dispatch pay_1', 'confirm pay_1'])
})

it('hands on what a step has read or written, and lets the first read for itself', async () => {
  const { known, steps } = scripted({ reserve: [SUBMIT], dispatch: [{ step: 'confirm' }] }, READ)
  await steps.reserve(id)
  expect(known).toEqual([null, READ, READ])
})

it('gives a declined payment back in the same run', async () => {
  const { called, steps } = scripted({ dispatch: [{ step: 'release', end: { status: 'failed' } }] })
  await steps.dispatch(id)
  expect(called).toEqual(['dispatch pay_1', 'release pay_1'])
})

it.each<[string, Next]>([
  ['what waits for somebody', WAIT],
  ['a call that is due later', { ...SUBMIT, afterMs: 1 }],
  ["what is the payer's or the merchant's turn", { step: 'hold', until: 'requires_capture' }],
])('leaves to the workflow %s', async (_what, next) => {
  const { called, steps } = scripted({ reserve: [SUBMIT], dispatch: [next] })
  expect(await steps.reserve(id)).toEqual(next)
  expect(called).toEqual(['reserve pay_1', 'dispatch pay_1'])
})

it('never asks a rail twice for what one inquiry answered', async () => {
  const { called, steps } = scripted({ inquire: [{ step: 'confirm' }] })
  expect(await steps.inquire(id)).toEqual({ step: 'confirm' })
  expect(called).toEqual(['inquire pay_1'])
})

it('fails with the step that failed, and begins again with its first', async () => {
  const { called, steps } = scripted({ reserve: [SUBMIT, WAIT], dispatch: [new Error('the database is away')] })
  await expect(steps.reserve(id)).rejects.toThrow('the database is away')
  expect(await steps.reserve(id)).toEqual(WAIT)
  expect(called).toEqual(['reserve pay_1', 'dispatch pay_1', 'reserve pay_1'])
})

it('does not go on for ever', async () => {
  const { called, steps } = scripted({ reserve: [SUBMIT], dispatch: Array.from({ length: 100 }, () => SUBMIT) })
  expect(await steps.reserve(id)).toEqual(SUBMIT)
  expect(called).toHaveLength(5)
})
