import { fileURLToPath } from 'node:url'
import { Client } from '@temporalio/client'
import { NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker'
import { measure } from './measure.ts'

/**
 * The baseline, in a process of its own: client and worker on one connection,
 * eager start, start → result. Driven over IPC by bench/payments/run.ts.
 */

export type BareJob = { count: number; inFlight: number }

const [address = '', namespace = ''] = process.argv.slice(2)
const TASK_QUEUE = 'bench-bare'
const SILENT = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} }

Runtime.install({ shutdownSignals: [], logger: SILENT })
const connection = await NativeConnection.connect({ address })
const client = new Client({ connection, namespace })
const workflowBundle = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
  logger: SILENT,
})
const worker = await Worker.create({
  connection,
  namespace,
  taskQueue: TASK_QUEUE,
  workflowBundle,
  activities: { nothing: () => Promise.resolve() },
  maxConcurrentWorkflowTaskExecutions: 2_000,
  maxConcurrentLocalActivityExecutions: 2_000,
  maxCachedWorkflows: 2_000,
})
void worker.run()
let started = 0

process.on('message', (job: BareJob) => {
  void measure(job.count, job.inFlight, async () => {
    started += 1
    const handle = await client.workflow.start('bare', {
      workflowId: `bare-${String(process.pid)}-${String(started)}`,
      taskQueue: TASK_QUEUE,
      requestEagerStart: true,
    })
    await handle.result()
  }).then((measured) => process.send?.(measured))
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
