import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { WorkflowHandle } from '@temporalio/client'
import { bundleWorkflowCode, type WorkerOptions, type WorkflowBundle } from '@temporalio/worker'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { promote } from '../../src/durable/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { SCENES } from '../replay/scenes.ts'
import { testTemporal } from '../support/run-servers.ts'
import { openStage, type Script, type Stage } from './support/play.ts'

/** Stop at every waiting state, start a changed build: all finish (AUTO_UPGRADE, `patched()`). */

const log = makeLog({ name: 'test', level: 'silent' })
const waiting = SCENES.filter((scene) => scene.waiting !== undefined)
let stage: Stage
let next: WorkflowBundle

beforeAll(async () => {
  stage = await openStage(testTemporal())
  const silent = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
  const workflowsPath = fileURLToPath(new URL('./next-build/index.ts', import.meta.url))
  next = await bundleWorkflowCode({ workflowsPath, logger: silent })
})
afterAll(() => stage.close())

function versioned(deployment: string, build: string): Partial<WorkerOptions> {
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deployment, buildId: build },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  }
}

test('payments that wait in one build end in the next, which does more for new ones', async () => {
  const { namespace } = testTemporal()
  const [taskQueue, deployment] = [`test-${randomUUID()}`, `test-${randomUUID()}`]
  const current = (build: string) =>
    promote({
      client: stage.client,
      namespace,
      release: { deployment, build },
      identity: 'test',
      provision: () => Promise.resolve(),
      log,
    })

  const handles: WorkflowHandle[] = []
  for (const { script, waiting: isWaiting } of waiting) {
    const old = await stage.worker(taskQueue, structuredClone(script), [], versioned(deployment, 'old'))
    await old.runUntil(async () => {
      const promotion = await current('old')
      const handle = await stage.start(taskQueue)
      handles.push(handle)
      await vi.waitFor(async () => expect(await isWaiting?.(handle)).toBe(true), { timeout: 20_000 })
      promotion.stop()
    })
  }

  const called: string[] = []
  const script: Script = {
    look: waiting.map(() => ({ step: 'confirm' as const })),
    reserve: [{ step: 'confirm' }],
    dispatch: [{ step: 'confirm' }],
  }
  const later = await stage.worker(taskQueue, script, called, {
    ...versioned(deployment, 'new'),
    workflowBundle: next,
    activities: { ...stage.activities(script, called), greet: () => void called.push('greet') },
  })
  await later.runUntil(async () => {
    const promotion = await current('new')
    await Promise.all(
      handles.map(async (handle) => {
        await handle.signal('look')
        expect(await handle.result()).toEqual({ status: 'succeeded' })
      }),
    )
    expect(called).not.toContain('greet')
    expect(await (await stage.start(taskQueue)).result()).toEqual({ status: 'succeeded' })
    expect(called).toContain('greet')
    promotion.stop()
  })
})
