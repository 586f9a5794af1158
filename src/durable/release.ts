import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Log } from '../observe/log.ts'
import { DURABLE_LIMITS } from './limits.ts'

/**
 * Which build of the workers gets the tasks (Temporal's worker deployments). Payments
 * upgrade by themselves: one that waits goes on in the build that is current when it
 * wakes, by `patched()` where the code differs. A hub makes its own build current
 * when it starts, and again where none is (a new or lost database of Temporal).
 */
export type Release = {
  deployment: string
  /** Of the workflow bundle: the same code is the same build. */
  build: string
}

export type Promotion = { stop(): void }

/** Resolves once this build is current. @throws where Temporal does not come to know the worker within the deadline */
export async function promote(deps: {
  client: Client
  namespace: string
  release: Release
  identity: string
  /** Gives a new Temporal, or one that lost its database, what workflows need of it. */
  provision: () => Promise<void>
  log: Log
}): Promise<Promotion> {
  const { client, namespace, identity, provision, log } = deps
  const { deployment: deploymentName, build: buildId } = deps.release
  const call = <T>(run: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + DURABLE_LIMITS.start_deadline_ms, run)
  const makeCurrent = () =>
    call(() =>
      client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        deploymentName,
        buildId,
        identity,
        // The build before this one may have served queues that this one gave up.
        ignoreMissingTaskQueues: true,
      }),
    )

  await provision()
  const late = performance.now() + DURABLE_LIMITS.promote_deadline_ms
  for (;;) {
    try {
      await makeCurrent()
      break
    } catch (error) {
      // The server hears of a new build from the worker's own polls, a moment after it began them.
      if (performance.now() > late) throw new Error('Temporal does not make this build current', { cause: error })
      await delay(DURABLE_LIMITS.promote_gap_ms)
    }
  }

  const watch = setInterval(() => {
    call(() => client.workflowService.describeWorkerDeployment({ namespace, deploymentName }))
      .then((found) => found.workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId ?? '')
      .catch(() => '')
      .then(async (current) => {
        if (current !== '') return
        await provision()
        await makeCurrent()
      })
      .catch((error: unknown) => log.debug({ err: error }, 'no build is current, and this one could not be made so'))
  }, DURABLE_LIMITS.promote_check_ms)
  watch.unref()
  return { stop: () => clearInterval(watch) }
}
