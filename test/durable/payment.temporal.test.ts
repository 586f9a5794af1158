import { randomUUID } from 'node:crypto'
import { Client } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PaymentActivities } from '../../activities/payment.ts'
import { workflowBundle } from '../../src/durable/index.ts'
import type { Next } from '../../src/payments/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { testTemporal } from '../support/run-servers.ts'

let connection: NativeConnection
let client: Client
let bundle: { codePath: string }

beforeAll(async () => {
  const { address, namespace } = testTemporal()
  connection = await NativeConnection.connect({ address })
  client = new Client({ connection, namespace })
  bundle = await workflowBundle(join(ROOT, '.cache'))
})
afterAll(() => connection.close())

const DONE: Next = { step: 'done', status: 'succeeded' }

/** Runs one payment against steps that answer as scripted; which were called, in order, and the history's events. */
async function play(
  script: Partial<Record<keyof PaymentActivities, Next[]>>,
  meanwhile?: (id: string) => Promise<void>,
) {
  const called: string[] = []
  const step = (name: keyof PaymentActivities) => () => {
    called.push(name)
    return Promise.resolve(script[name]?.shift() ?? DONE)
  }
  const taskQueue = `test-${randomUUID()}`
  const worker = await Worker.create({
    connection,
    namespace: testTemporal().namespace,
    taskQueue,
    workflowBundle: bundle,
    activities: {
      reserve: step('reserve'),
      dispatch: step('dispatch'),
      confirm: step('confirm'),
      release: step('release'),
      hold: step('hold'),
      look: step('look'),
      inquire: step('inquire'),
    } satisfies PaymentActivities,
  })
  const workflowId = `pay_${randomUUID().replaceAll('-', '')}`
  return worker.runUntil(async () => {
    const handle = await client.workflow.start('payment', {
      workflowId,
      taskQueue,
      args: [{ payment: workflowId }],
      requestEagerStart: true,
    })
    await meanwhile?.(workflowId)
    const result: unknown = await handle.result()
    const history = await handle.fetchHistory()
    return { called, result, events: (history.events ?? []).map((event) => String(event.eventType)) }
  })
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
    (id) => client.workflow.getHandle(id).signal('look'),
  )
  expect(called).toEqual(['reserve', 'look', 'confirm'])
})

test('a request to cancel from outside does not stop a payment half-way', async () => {
  const { called, result } = await play(
    { reserve: [{ step: 'wait', ms: 300, why: 'the test', stage: 'awaiting_rail' }], inquire: [{ step: 'confirm' }] },
    async (id) => {
      await client.workflow.getHandle(id).cancel()
    },
  )
  expect(called).toEqual(['reserve', 'inquire', 'confirm'])
  expect(result).toEqual({ status: 'succeeded' })
})

test('the bundle holds no zod: it would double the cost of every replay', async () => {
  const code = await readFile(bundle.codePath, 'utf8')
  expect(code).not.toMatch(/node_modules\/zod\//)
  expect(code).toContain('workflows/payment.ts')
})
