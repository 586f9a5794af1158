import { fileURLToPath } from 'node:url'
import { Client } from '@temporalio/client'
import { NativeConnection, Runtime, Worker, bundleWorkflowCode, type WorkerOptions } from '@temporalio/worker'
import { z } from 'zod'
import { measure } from './measure.ts'

/** What bench/payments/peers.ts asks of a peer. */
const Job = z.object({ count: z.number(), inFlight: z.number() })

const SILENT = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/**
 * A process of its own that runs workflows of bench/payments/workflows.ts, client and
 * worker on one connection, and does what it is told over IPC: so many, so many at a
 * time, each from its start to its result.
 */
export async function servePeer(options: {
  address: string
  namespace: string
  taskQueue: string
  activities: NonNullable<WorkerOptions['activities']>
  once: (client: Client, id: string) => Promise<void>
}): Promise<void> {
  const { address, namespace, taskQueue, activities } = options
  // On a busy machine the core says of every slow task that it was slow.
  const telemetryOptions = { logging: { filter: { core: 'ERROR', other: 'ERROR' } as const } }
  Runtime.install({ shutdownSignals: [], logger: SILENT, telemetryOptions })
  const connection = await NativeConnection.connect({ address })
  const client = new Client({ connection, namespace })
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
    logger: SILENT,
  })
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle,
    activities,
    // As wide as the hub's own (src/durable/limits.ts): nobody waits for a slot.
    maxConcurrentWorkflowTaskExecutions: 2_000,
    maxConcurrentLocalActivityExecutions: 2_000,
    maxConcurrentActivityTaskExecutions: 500,
    maxCachedWorkflows: 2_000,
  })
  void worker.run()
  let started = 0
  process.on('message', (message) => {
    const job = Job.parse(message)
    void measure(job.count, job.inFlight, async () => {
      started += 1
      await options.once(client, `${taskQueue}-${String(process.pid)}-${String(started)}`)
    }).then((measured) => process.send?.(measured))
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}
