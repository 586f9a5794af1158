import { randomUUID } from 'node:crypto'
import { Client } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ensureSchedules, SCHEDULES, workflowBundle } from '../../src/durable/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { testTemporal } from '../support/run-servers.ts'

const PATIENCE = { timeout: 60_000, interval: 100 }

let connection: NativeConnection
let client: Client

beforeAll(async () => {
  const { address, namespace } = testTemporal()
  connection = await NativeConnection.connect({ address })
  client = new Client({ connection, namespace })
})
afterAll(() => connection.close())

test('are made once, whoever starts first, and one that operators paused stays paused', async () => {
  await Promise.all([ensureSchedules(client), ensureSchedules(client)])
  for (const { id } of SCHEDULES) await client.schedule.getHandle(id).pause('while we look')
  await ensureSchedules(client)
  for (const { id } of SCHEDULES) {
    const { state } = await client.schedule.getHandle(id).describe()
    expect(state).toMatchObject({ paused: true, note: 'while we look' })
  }
})

/** SKIP means that a run which hangs, its tasks failing, would be the last. */
test('give each run less time than there is to the next, also where they were made without and are paused', async () => {
  for (const { id } of SCHEDULES) {
    const handle = client.schedule.getHandle(id)
    await ensureSchedules(client)
    await handle.update(({ action: { workflowExecutionTimeout, ...action }, ...rest }) => ({ ...rest, action }))
    expect((await handle.describe()).action.workflowExecutionTimeout).toBeUndefined()
    await handle.pause('while we look')
    await ensureSchedules(client)
    const { action, spec, state } = await handle.describe()
    const everyMs = spec.intervals?.[0]?.every
    expect(action.workflowExecutionTimeout).toBeGreaterThan(60_000)
    expect(action.workflowExecutionTimeout).toBeLessThan(Number(everyMs))
    expect(state).toMatchObject({ paused: true, note: 'while we look' })
  }
})

test('the review says what waits in its result and its details', async () => {
  const taskQueue = `test-${randomUUID()}`
  const found = { waiting: [{ rail: 'demo-bank', state: 'unknown', count: 2, oldestS: 7_300 }], escalated: 1 }
  const worker = await Worker.create({
    connection,
    namespace: testTemporal().namespace,
    taskQueue,
    workflowBundle: await workflowBundle(join(ROOT, '.cache')),
    activities: { review: () => Promise.resolve(found) },
  })
  await worker.runUntil(async () => {
    const handle = await client.workflow.start('review', { workflowId: `review-${randomUUID()}`, taskQueue })
    expect(await handle.result()).toEqual(found)
    await vi.waitFor(async () => {
      const details = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')
      expect(details.currentDetails).toContain('demo-bank: 2 unknown, oldest 7300 s')
    }, PATIENCE)
  })
})
