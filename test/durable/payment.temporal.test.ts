import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { workflowBundle } from '../../src/durable/index.ts'
import type { Next } from '../../src/payments/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { testTemporal } from '../support/run-servers.ts'
import { openStage, type Script, type Stage } from './support/play.ts'

let stage: Stage

beforeAll(async () => {
  stage = await openStage(testTemporal())
})
afterAll(() => stage.close())

async function play(script: Script, meanwhile?: Parameters<Stage['play']>[1]) {
  const { called, result, history } = await stage.play(script, meanwhile)
  return { called, result, events: (history.events ?? []).map((event) => String(event.eventType)) }
}

const WORKFLOW_TASK_COMPLETED = '7'

test('a payment whose rail answers at once is one workflow task and at most 12 events', async () => {
  const { called, result, events } = await play({
    reserve: [{ step: 'dispatch', call: 'submit', afterMs: 0 }],
    dispatch: [{ step: 'confirm' }],
  })
  expect(called).toEqual(['reserve', 'dispatch', 'confirm'])
  expect(result).toEqual({ status: 'succeeded' })
  expect(events.filter((type) => type === WORKFLOW_TASK_COMPLETED)).toHaveLength(1)
  expect(events.length).toBeLessThanOrEqual(12)
})

test('a payment wholly in our books never dispatches', async () => {
  const { called } = await play({ reserve: [{ step: 'confirm' }] })
  expect(called).toEqual(['reserve', 'confirm'])
})

test('a declined call is released', async () => {
  const { called, result } = await play({
    reserve: [{ step: 'dispatch', call: 'submit', afterMs: 0 }],
    dispatch: [{ step: 'release', end: { status: 'failed' } }],
    release: [{ step: 'done', status: 'failed' }],
  })
  expect(called).toEqual(['reserve', 'dispatch', 'release'])
  expect(result).toEqual({ status: 'failed' })
})

test('an unknown outcome is inquired again and again until there is evidence', async () => {
  const wait: Next = { step: 'wait', ms: 50, why: 'the test', stage: 'awaiting_rail' }
  const { called } = await play({
    reserve: [{ step: 'dispatch', call: 'submit', afterMs: 0 }],
    dispatch: [wait],
    inquire: [wait, wait, { step: 'confirm' }],
  })
  expect(called).toEqual(['reserve', 'dispatch', 'inquire', 'inquire', 'inquire', 'confirm'])
})

test('a signal makes the workflow look before its time', async () => {
  const { called } = await play(
    {
      reserve: [{ step: 'wait', ms: 3_600_000, why: 'the test', stage: 'awaiting_rail' }],
      look: [{ step: 'confirm' }],
    },
    (handle) => handle.signal('look'),
  )
  expect(called).toEqual(['reserve', 'look', 'confirm'])
})

test('a request to cancel from outside does not stop a payment half-way', async () => {
  const { called, result } = await play(
    { reserve: [{ step: 'wait', ms: 300, why: 'the test', stage: 'awaiting_rail' }], inquire: [{ step: 'confirm' }] },
    async (handle) => {
      await handle.cancel()
    },
  )
  expect(called).toEqual(['reserve', 'inquire', 'confirm'])
  expect(result).toEqual({ status: 'succeeded' })
})

test('operators see where it stands, what it did, and steer it by approvals alone', async () => {
  const wait: Next = { step: 'wait', ms: 3_600_000, why: 'the test', stage: 'outcome_unknown' }
  const approval = 'apr_0123456789abcdefghij'
  const { called, result } = await play(
    { reserve: [{ step: 'dispatch', call: 'submit', afterMs: 0 }], dispatch: [wait], look: [{ step: 'confirm' }] },
    async (handle) => {
      await vi.waitFor(async () => {
        expect(await handle.query('state')).toMatchObject({
          step: 'wait',
          waitsFor: 'the test',
          stage: 'outcome_unknown',
        })
      })
      expect(await handle.query<{ did: string }[]>('timeline')).toMatchObject([
        { did: 'reserve', next: 'submit' },
        { did: 'dispatch', next: 'wait for the test' },
      ])
      const { typedSearchAttributes } = await handle.describe()
      expect(typedSearchAttributes.getAll().map(({ value }) => value)).toContain('outcome_unknown')
      for (const bad of [
        {},
        { approval: 'me' },
        { approval, status: 'settled' },
        'apr_0123456789abcdefghij',
        { approval: 7 },
      ]) {
        await expect(handle.executeUpdate('resolve', { args: [bad] })).rejects.toThrow()
      }
      expect(await handle.executeUpdate('resolve', { args: [{ approval }] })).toEqual({ done: 'resolve was done' })
    },
  )
  expect(called).toEqual(['reserve', 'dispatch', `resolve ${approval}`, 'look', 'confirm'])
  expect(result).toEqual({ status: 'succeeded' })
})

test('the bundle holds no zod: it would double the cost of every replay', async () => {
  const { codePath } = await workflowBundle(join(ROOT, '.cache'))
  const code = await readFile(codePath, 'utf8')
  expect(code).not.toMatch(/node_modules\/zod\//)
  expect(code).toContain('workflows/payment.ts')
})
