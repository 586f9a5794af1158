import { expect, it } from 'vitest'
import { createActivities } from '../../activities/payment.ts'
import type { Next, Steps } from '../../src/payments/index.ts'

const DONE: Next = { step: 'done', status: 'succeeded' }
const SUBMIT: Next = { step: 'dispatch', call: 'submit', afterMs: 0 }
const WAIT: Next = { step: 'wait', ms: 0, why: 'the test', stage: 'awaiting_rail' }

/** Activities over steps that answer as scripted, past the script's end that the payment has succeeded. */
function activities(script: Partial<Record<keyof Steps, (Next | Error)[]>>) {
  const called: string[] = []
  const step = (name: keyof Steps) => (id: string) => {
    called.push(`${name} ${id}`)
    const answer = script[name]?.shift() ?? DONE
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  const steps: Steps = {
    reserve: step('reserve'),
    dispatch: step('dispatch'),
    confirm: step('confirm'),
    release: step('release'),
    hold: step('hold'),
    look: step('look'),
    inquire: step('inquire'),
  }
  return { called, made: createActivities(steps, () => Promise.resolve({ done: '' })) }
}

const payment = 'pay_1'

it('goes from the first step to the end where nothing is waited for', async () => {
  const { called, made } = activities({ reserve: [SUBMIT], dispatch: [{ step: 'confirm' }] })
  expect(await made.reserve({ payment })).toEqual(DONE)
  expect(called).toEqual(['reserve pay_1', 'dispatch pay_1', 'confirm pay_1'])
})

it('gives a declined payment back in the same run', async () => {
  const { called, made } = activities({ dispatch: [{ step: 'release', end: { status: 'failed' } }] })
  await made.dispatch({ payment })
  expect(called).toEqual(['dispatch pay_1', 'release pay_1'])
})

it.each<[string, Next]>([
  ['what waits for somebody', WAIT],
  ['a call that is due later', { ...SUBMIT, afterMs: 1 }],
  ["what is the payer's or the merchant's turn", { step: 'hold', until: 'requires_capture' }],
])('leaves to the workflow %s', async (_what, next) => {
  const { called, made } = activities({ reserve: [SUBMIT], dispatch: [next] })
  expect(await made.reserve({ payment })).toEqual(next)
  expect(called).toEqual(['reserve pay_1', 'dispatch pay_1'])
})

it('never asks a rail twice for what one inquiry answered', async () => {
  const { called, made } = activities({ inquire: [{ step: 'confirm' }] })
  expect(await made.inquire({ payment })).toEqual({ step: 'confirm' })
  expect(called).toEqual(['inquire pay_1'])
})

it('fails with the step that failed, and begins again with its first', async () => {
  const { called, made } = activities({ reserve: [SUBMIT, WAIT], dispatch: [new Error('the database is away')] })
  await expect(made.reserve({ payment })).rejects.toThrow('the database is away')
  expect(await made.reserve({ payment })).toEqual(WAIT)
  expect(called).toEqual(['reserve pay_1', 'dispatch pay_1', 'reserve pay_1'])
})

it('does not go on for ever', async () => {
  const { called, made } = activities({ reserve: [SUBMIT], dispatch: Array.from({ length: 100 }, () => SUBMIT) })
  expect(await made.reserve({ payment })).toEqual(SUBMIT)
  expect(called).toHaveLength(5)
})
