import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '@temporalio/client'
import { NativeConnection, Worker } from '@temporalio/worker'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RecoveryActivities } from '../../activities/recovery.ts'
import { makeStarter, workflowBundle } from '../../src/durable/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import type { RecoveryNext } from '../../src/payments/index.ts'
import type { LifeState } from '../../workflows/life.ts'
import { ROOT } from '../../tools/paths.ts'
import { testTemporal } from '../support/run-servers.ts'

/** Other files' workers are not to find what is started here. */
const taskQueue = `test-${randomUUID()}`

const log = makeLog({ name: 'test', level: 'silent' })
const DONE: RecoveryNext = { step: 'done', status: 'failed' }
const ASK: RecoveryNext = { step: 'wait', ms: 0, why: 'an inquiry', stage: 'awaiting_rail' }
const OPERATOR: RecoveryNext = { step: 'wait', ms: 3_600_000, why: 'an operator', stage: 'needs_operator' }

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

/** Runs what the starter starts against steps that answer as scripted. */
async function withWorker(
  script: { recover?: RecoveryNext[]; askAgain?: RecoveryNext[] },
  run: (evidence: { id: string; payment: string }, called: string[]) => Promise<void>,
): Promise<string[]> {
  const evidence = { id: randomUUID(), payment: `pay_${randomUUID().replaceAll('-', '')}` }
  const called: string[] = []
  const step = (name: 'recover' | 'askAgain') => (input: { evidence: string }) => {
    if (input.evidence === evidence.id) called.push(name)
    return Promise.resolve(script[name]?.shift() ?? DONE)
  }
  const activities: RecoveryActivities = {
    recover: step('recover'),
    askAgain: step('askAgain'),
    decideRecovery: ({ update, approval }) => {
      called.push(`${update} ${approval}`)
      return Promise.resolve({ done: 'posted' })
    },
  }
  const worker = await Worker.create({
    connection,
    namespace: testTemporal().namespace,
    taskQueue,
    workflowBundle: bundle,
    activities,
  })
  await worker.runUntil(() => run(evidence, called))
  return called
}

const starter = () => makeStarter({ client, log, workflowTaskTimeoutMs: 10_000, taskQueue })
const handleOf = ({ id, payment }: { id: string; payment: string }) => client.workflow.getHandle(`${payment}/rec/${id}`)
/** Its result, once it is there at all. */
async function resultOf(evidence: { id: string; payment: string }): Promise<unknown> {
  for (;;) {
    try {
      return await handleOf(evidence).result()
    } catch (error) {
      if (!(error instanceof Error && error.name === 'WorkflowNotFoundError')) throw error
      await delay(50)
    }
  }
}

test('evidence is recovered by one workflow of its own, which asks the rail where that is needed', async () => {
  const called = await withWorker({ recover: [ASK], askAgain: [DONE] }, async (evidence) => {
    starter().recover(evidence)
    expect(await resultOf(evidence)).toEqual({ status: 'failed' })
  })
  expect(called).toEqual(['recover', 'askAgain'])
})

test('said again while it runs it looks, and said again when it is over it runs again and ends', async () => {
  const called = await withWorker({ recover: [OPERATOR, OPERATOR] }, async (evidence, sofar) => {
    starter().recover(evidence)
    await expect.poll(() => sofar.length, { timeout: 30_000 }).toBeGreaterThan(0)
    starter().recover(evidence)
    await expect.poll(() => sofar.length, { timeout: 30_000 }).toBeGreaterThan(1)
    starter().recover(evidence)
    expect(await resultOf(evidence)).toEqual({ status: 'failed' })
    const before = sofar.length
    starter().recover(evidence)
    await expect.poll(() => sofar.length, { timeout: 30_000 }).toBeGreaterThan(before)
    expect(await resultOf(evidence)).toEqual({ status: 'failed' })
  })
  expect(new Set(called)).toEqual(new Set(['recover']))
})

test('one that waits for people says so, and goes on when they have approved it', async () => {
  const called = await withWorker({ recover: [OPERATOR] }, async (evidence) => {
    starter().recover(evidence)
    const stage = async () => {
      try {
        return (await handleOf(evidence).query<LifeState>('state')).stage
      } catch {
        return null
      }
    }
    await expect.poll(stage, { timeout: 30_000 }).toBe('needs_operator')
    const handle = handleOf(evidence)
    await expect(handle.executeUpdate('approve', { args: [{ by: 'me' }] })).rejects.toThrow()
    expect(await handle.executeUpdate('approve', { args: [{ approval: 'apr_00000001' }] })).toEqual({ done: 'posted' })
    expect(await resultOf(evidence)).toEqual({ status: 'failed' })
  })
  expect(called).toContain('approve apr_00000001')
})
