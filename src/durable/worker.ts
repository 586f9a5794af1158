import { DefaultLogger, type NativeConnection, Runtime, Worker } from '@temporalio/worker'
import type { MandateActivities } from '../../activities/mandate.ts'
import type { PaymentActivities } from '../../activities/payment.ts'
import type { RecoveryActivities } from '../../activities/recovery.ts'
import type { RefundActivities } from '../../activities/refund.ts'
import type { ReviewActivities } from '../../activities/review.ts'
import { makeDataConverter, type KeyRing } from '../codec/index.ts'
import type { Log } from '../observe/log.ts'
import { DURABLE_LIMITS } from './limits.ts'
import type { Release } from './release.ts'

/** Routes Temporal's own log lines into ours. Once a process, before the first connection. */
export function installRuntime(log: Log): void {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      if (level === 'ERROR') log.error(meta ?? {}, message)
      else log.warn(meta ?? {}, message)
    }),
    shutdownSignals: [],
  })
}

export async function makeWorker(options: {
  connection: NativeConnection
  namespace: string
  bundle: { codePath: string }
  release: Release
  /** Under which payloads lie in Temporal. */
  keyRing: KeyRing
  activities: PaymentActivities & RefundActivities & MandateActivities & RecoveryActivities & ReviewActivities
  identity: string
}): Promise<Worker> {
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    taskQueue: DURABLE_LIMITS.task_queue,
    identity: options.identity,
    workflowBundle: options.bundle,
    workerDeploymentOptions: {
      version: { deploymentName: options.release.deployment, buildId: options.release.build },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
    dataConverter: makeDataConverter(options.keyRing),
    activities: options.activities,
    workflowTaskPollerBehavior: { type: 'autoscaling', ...DURABLE_LIMITS.workflow_polls },
    maxConcurrentWorkflowTaskExecutions: DURABLE_LIMITS.workflow_task_slots,
    maxConcurrentLocalActivityExecutions: DURABLE_LIMITS.local_activity_slots,
    maxConcurrentActivityTaskExecutions: DURABLE_LIMITS.activity_slots,
    maxCachedWorkflows: DURABLE_LIMITS.cached_workflows,
    shutdownGraceTime: DURABLE_LIMITS.shutdown_grace_ms,
  })
}
