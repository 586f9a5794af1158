import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MandateActivities } from '../../activities/mandate.ts'
import { workflowBundle } from '../../src/durable/index.ts'
import type { MandateNext } from '../../src/payments/index.ts'
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

const HOUR_MS = 3_600_000
const wait = (ms: number): MandateNext => ({ step: 'wait', ms, bank: 'demo-bank' })
const ACTIVE: MandateNext = { step: 'done', status: 'active' }

/** Plays one mandate whose steps answer as scripted; which were called, in order. */
async function play(script: Record<keyof MandateActivities, MandateNext[]>, meanwhile?: (id: string) => Promise<void>) {
  const called: string[] = []
  const step = (name: keyof MandateActivities) => () => {
    called.push(name)
    return Promise.resolve(script[name].shift() ?? ACTIVE)
  }
  const taskQueue = `test-${randomUUID()}`
  const activities: MandateActivities = { lookAtMandate: step('lookAtMandate'), askForMandate: step('askForMandate') }
  const worker = await Worker.create({
    connection,
    namespace: testTemporal().namespace,
    taskQueue,
    workflowBundle: bundle,
    activities,
  })
  const workflowId = `src_${randomUUID().replaceAll('-', '')}`
  return worker.runUntil(async () => {
    const handle = await client.workflow.start('mandate', { workflowId, taskQueue, args: [{ source: workflowId }] })
    await meanwhile?.(workflowId)
    const result: unknown = await handle.result()
    return { called, result }
  })
}

test('the bank is asked again and again, until it has decided', async () => {
  const { called, result } = await play({ lookAtMandate: [wait(20)], askForMandate: [wait(20), wait(20), ACTIVE] })
  expect(called).toEqual(['lookAtMandate', 'askForMandate', 'askForMandate', 'askForMandate'])
  expect(result).toEqual({ status: 'active' })
})

test('who says that it is approved need not wait for the next time, and the bank is asked at once', async () => {
  const { called } = await play({ lookAtMandate: [wait(HOUR_MS), wait(0)], askForMandate: [ACTIVE] }, async (id) => {
    await client.workflow.getHandle(id).signal('look')
  })
  expect(called).toEqual(['lookAtMandate', 'lookAtMandate', 'askForMandate'])
})

test('a mandate that was unlinked meanwhile ends without asking', async () => {
  const { called, result } = await play(
    { lookAtMandate: [wait(HOUR_MS), { step: 'done', status: 'revoked' }], askForMandate: [] },
    async (id) => {
      await client.workflow.getHandle(id).signal('look')
    },
  )
  expect(called).toEqual(['lookAtMandate', 'lookAtMandate'])
  expect(result).toEqual({ status: 'revoked' })
})
