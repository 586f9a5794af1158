import { randomUUID } from 'node:crypto'
import { Client } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RefundActivities } from '../../activities/refund.ts'
import { makeStarter, DURABLE_LIMITS, workflowBundle } from '../../src/durable/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import type { RefundNext } from '../../src/payments/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { testTemporal } from '../support/run-servers.ts'

/** A refund's workflow against steps that answer as scripted, begun and woken as the hub does. */
let connection: NativeConnection
let client: Client
let bundle: { codePath: string }
const { address, namespace } = testTemporal()
beforeAll(async () => {
  connection = await NativeConnection.connect({ address })
  client = new Client({ connection, namespace })
  bundle = await workflowBundle(join(ROOT, '.cache'))
})
afterAll(() => connection.close())

type Script = Partial<Record<'look' | 'dispatch' | 'confirm' | 'release' | 'inquire', RefundNext[]>>

async function play(
  script: Script,
  meanwhile?: (id: string) => void | Promise<void>,
  how: 'start' | 'startLate' = 'start',
) {
  const called: string[] = []
  const step = (name: keyof Script) => () => {
    called.push(name)
    return Promise.resolve(script[name]?.shift() ?? { step: 'done' as const, status: 'succeeded' as const })
  }
  const activities: RefundActivities = {
    lookAtRefund: step('look'),
    dispatchRefund: step('dispatch'),
    confirmRefund: step('confirm'),
    releaseRefund: step('release'),
    inquireAboutRefund: step('inquire'),
    decideRefund: ({ refund, approval }) => {
      called.push(`${refund} by ${approval}`)
      return Promise.resolve({ done: 'done' })
    },
  }
  const taskQueue = `test-${randomUUID()}`
  const worker = await Worker.create({ connection, namespace, taskQueue, workflowBundle: bundle, activities })
  const starter = makeStarter({
    client,
    log: makeLog({ name: 'test', level: 'silent' }),
    workflowTaskTimeoutMs: DURABLE_LIMITS.workflow_task_timeout_ms,
    taskQueue,
  })
  const id = `rfd_${randomUUID().replaceAll('-', '')}`
  return worker.runUntil(async () => {
    const about = { kind: 'refund', rail: 'demo-bank', merchant: 'mer_refunds', user: 'usr_refunds' } as const
    if (how === 'start') starter.start(id, about)
    else starter.startLate([{ id, about }])
    await starter.drain()
    await meanwhile?.(id)
    const handle = client.workflow.getHandle(id)
    const result: unknown = await handle.result()
    const { events } = await handle.fetchHistory()
    const attributes = events?.[0]?.workflowExecutionStartedEventAttributes
    const eager = attributes?.eagerExecutionAccepted
    return { id, called, result, events: events?.length ?? 0, type: attributes?.workflowType?.name, eager, starter }
  })
}

const submit: RefundNext = { step: 'dispatch', call: 'submit', afterMs: 0 }

test('one whose rail answers at once is at most 12 events', async () => {
  const { called, result, events, type } = await play({ look: [submit], dispatch: [{ step: 'confirm' }] })
  expect([type, called, result]).toEqual(['refund', ['look', 'dispatch', 'confirm'], { status: 'succeeded' }])
  expect(events).toBeLessThanOrEqual(12)
})

test('begins in the process that accepted it, and where it is late in whichever comes first', async () => {
  const script = () => ({ look: [submit], dispatch: [{ step: 'confirm' } as const] })
  expect((await play(script())).eager).toBe(true)
  const late = await play(script(), undefined, 'startLate')
  expect([late.eager, late.result]).toEqual([false, { status: 'succeeded' }])
})

test('an unknown outcome is inquired, and a word wakes it', async () => {
  const wait = (ms: number): RefundNext => ({ step: 'wait', ms, why: 'the test', stage: 'outcome_unknown' })
  const { called, result } = await play(
    {
      look: [submit, { step: 'release', end: { status: 'failed', failure: { code: 'not_executed', message: 'no' } } }],
      dispatch: [wait(20)],
      inquire: [wait(20), wait(3_600_000)],
      release: [{ step: 'done', status: 'failed' }],
    },
    async (id) => {
      const handle = client.workflow.getHandle(id)
      await expect.poll(async () => (await handle.query<{ did: string }[]>('timeline')).length).toBe(4)
      await handle.executeUpdate('resolve', { args: [{ approval: 'apr_00000000000000000001' }] })
    },
  )
  expect(called.filter((name) => !name.startsWith('rfd_'))).toEqual([
    'look',
    'dispatch',
    'inquire',
    'inquire',
    'look',
    'release',
  ])
  expect(called.find((name) => name.startsWith('rfd_'))).toMatch(/ by apr_00000000000000000001$/)
  expect(result).toEqual({ status: 'failed' })
})
