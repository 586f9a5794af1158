import { randomUUID } from 'node:crypto'
import { Client, type WorkflowHandle } from '@temporalio/client'
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker'
import { join } from 'node:path'
import type { PaymentActivities } from '../../../activities/payment.ts'
import { workflowBundle } from '../../../src/durable/index.ts'
import type { Next } from '../../../src/payments/index.ts'
import { ROOT } from '../../../tools/paths.ts'

/** What each step answers, in order; past its end, that the payment has succeeded. */
export type Script = Partial<Record<Exclude<keyof PaymentActivities, 'decide'>, Next[]>>

export type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>

const DONE: Next = { step: 'done', status: 'succeeded' }

export type Stage = Awaited<ReturnType<typeof openStage>>

/** Payments' workflows against steps that answer as scripted, on a Temporal server. */
export async function openStage({ address, namespace }: { address: string; namespace: string }) {
  const connection = await NativeConnection.connect({ address })
  const client = new Client({ connection, namespace })
  const bundle = await workflowBundle(join(ROOT, '.cache'))

  /** Steps that follow the script; `called` gathers which. */
  function activities(script: Script, called: string[]): PaymentActivities {
    const step = (name: keyof Script) => () => {
      called.push(name)
      return Promise.resolve(script[name]?.shift() ?? DONE)
    }
    return {
      reserve: step('reserve'),
      dispatch: step('dispatch'),
      confirm: step('confirm'),
      release: step('release'),
      hold: step('hold'),
      look: step('look'),
      inquire: step('inquire'),
      decide: ({ update, approval }) => {
        called.push(`${update} ${approval}`)
        return Promise.resolve({ done: `${update} was done` })
      },
    }
  }

  function worker(taskQueue: string, script: Script, called: string[], more: Partial<WorkerOptions> = {}) {
    return Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowBundle: bundle,
      activities: activities(script, called),
      ...more,
    })
  }

  function start(taskQueue: string) {
    const workflowId = `pay_${randomUUID().replaceAll('-', '')}`
    return client.workflow.start('payment', {
      workflowId,
      taskQueue,
      args: [{ payment: workflowId }],
      requestEagerStart: true,
    })
  }

  return {
    client,
    activities,
    worker,
    start,

    /** Plays one payment to its end; which steps were called, in order, and its history. */
    async play(script: Script, meanwhile?: (handle: WorkflowHandle) => Promise<void>) {
      const called: string[] = []
      const taskQueue = `test-${randomUUID()}`
      const made = await worker(taskQueue, script, called)
      return made.runUntil(async () => {
        const handle = await start(taskQueue)
        await meanwhile?.(handle)
        const result: unknown = await handle.result()
        return { called, result, history: await handle.fetchHistory() }
      })
    },

    /** Plays one until `waiting` holds of it; its history as it stands then. */
    async playUntil(script: Script, waiting: (handle: WorkflowHandle) => Promise<boolean>): Promise<History> {
      const taskQueue = `test-${randomUUID()}`
      const made = await worker(taskQueue, script, [])
      return made.runUntil(async () => {
        const handle = await start(taskQueue)
        for (;;) {
          if (await waiting(handle)) break
          await new Promise((resolve) => setImmediate(resolve))
        }
        const history = await handle.fetchHistory()
        await handle.terminate('the test has seen enough')
        return history
      })
    },

    close: () => connection.close(),
  }
}
