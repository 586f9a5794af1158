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

/** A workflow as the hub starts it: under which id, and what its argument calls that. */
const STARTS = {
  payment: (uuid: string) => idAnd('payment', `pay_${uuid}`),
  refund: (uuid: string) => idAnd('refund', `rfd_${uuid}`),
  mandate: (uuid: string) => idAnd('source', `src_${uuid}`),
  recovery: (uuid: string) => ({ ...idAnd('evidence', uuid), workflowId: `pay_${uuid}/rec/${uuid}` }),
} as const
const idAnd = (argument: string, id: string) => ({ workflowId: id, args: [{ [argument]: id }] })

export type Workflow = keyof typeof STARTS

/** A workflow, and activities that answer in the place of its own. */
export type Part = { workflow: Workflow; activities: object }

const DONE: Next = { step: 'done', status: 'succeeded' }

export type Stage = Awaited<ReturnType<typeof openStage>>

/** Workflows against steps that answer as scripted, on a Temporal server. */
export async function openStage({ address, namespace }: { address: string; namespace: string }) {
  const connection = await NativeConnection.connect({ address })
  const client = new Client({ connection, namespace })
  const bundle = await workflowBundle(join(ROOT, '.cache'))

  /** A payment's steps that follow the script; `called` gathers which. */
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

  const workerFor = (taskQueue: string, acts: object, more: Partial<WorkerOptions> = {}) =>
    Worker.create({ connection, namespace, taskQueue, workflowBundle: bundle, activities: acts, ...more })

  const worker = (taskQueue: string, script: Script, called: string[], more: Partial<WorkerOptions> = {}) =>
    workerFor(taskQueue, activities(script, called), more)

  function start(taskQueue: string, workflow: Workflow = 'payment') {
    const named = STARTS[workflow](randomUUID().replaceAll('-', ''))
    return client.workflow.start(workflow, { ...named, taskQueue, requestEagerStart: true })
  }

  /** Plays one to its end; its result and history. */
  async function playPart({ workflow, activities: acts }: Part, meanwhile?: (handle: WorkflowHandle) => Promise<void>) {
    const taskQueue = `test-${randomUUID()}`
    const made = await workerFor(taskQueue, acts)
    return made.runUntil(async () => {
      const handle = await start(taskQueue, workflow)
      await meanwhile?.(handle)
      const result: unknown = await handle.result()
      return { result, history: await handle.fetchHistory() }
    })
  }

  return {
    client,
    activities,
    worker,
    start,
    playPart,

    /** Plays one payment to its end; which steps were called, in order, and its history. */
    async play(script: Script, meanwhile?: (handle: WorkflowHandle) => Promise<void>) {
      const called: string[] = []
      const part: Part = { workflow: 'payment', activities: activities(script, called) }
      return { called, ...(await playPart(part, meanwhile)) }
    },

    /** Plays one until `waiting` holds of it; its history as it stands then. */
    async playUntil(
      { workflow, activities: acts }: Part,
      waiting: (handle: WorkflowHandle) => Promise<boolean>,
    ): Promise<History> {
      const taskQueue = `test-${randomUUID()}`
      const made = await workerFor(taskQueue, acts)
      return made.runUntil(async () => {
        const handle = await start(taskQueue, workflow)
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
