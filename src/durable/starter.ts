import type { Client } from '@temporalio/client'
import { WorkflowExecutionAlreadyStartedError, WorkflowIdReusePolicy } from '@temporalio/client'
import type { Log } from '../observe/log.ts'
import { DURABLE_LIMITS } from './limits.ts'

/**
 * Starts payments' workflows, eagerly, on the connection the worker polls: the
 * first task runs in this process without a round trip. Bounded and behind a
 * circuit; what cannot be started now is left to the sweeper.
 */
export type Starter = {
  /** Asks for a start and returns at once. A payment whose workflow runs or ran is left alone. */
  start(payment: string, started?: () => void): void
  /** As `start`, also where one completed though the payment did not (a commit lost in a fail-over, a hand at Temporal). */
  restart(payment: string): void
  /** Tells a payment's workflow to look; best effort. */
  wake(payment: string): void
  drain(): Promise<void>
}

export function makeStarter(deps: { client: Client; log: Log; workflowTaskTimeoutMs: number }): Starter {
  const { client, log } = deps
  const running = new Map<string, Promise<void>>()
  let failures = 0
  let pausedUntil = 0

  async function startNow(payment: string, reuse: WorkflowIdReusePolicy, started?: () => void): Promise<void> {
    try {
      await client.withDeadline(Date.now() + DURABLE_LIMITS.start_deadline_ms, () =>
        client.workflow.start('payment', {
          workflowId: payment,
          taskQueue: DURABLE_LIMITS.task_queue,
          args: [{ payment }],
          requestEagerStart: true,
          workflowIdReusePolicy: reuse,
          workflowIdConflictPolicy: 'FAIL',
          workflowTaskTimeout: deps.workflowTaskTimeoutMs,
        }),
      )
      failures = 0
      started?.()
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) {
        failures = 0
        return
      }
      failures += 1
      if (failures >= DURABLE_LIMITS.start_failures) pausedUntil = performance.now() + DURABLE_LIMITS.start_pause_ms
      log.warn({ err: error, payment }, 'a workflow could not be started; the sweeper will')
    }
  }

  function begin(payment: string, reuse: WorkflowIdReusePolicy, started?: () => void): void {
    if (running.has(payment) || running.size >= DURABLE_LIMITS.starts_in_flight || performance.now() < pausedUntil)
      return
    running.set(
      payment,
      startNow(payment, reuse, started).finally(() => running.delete(payment)),
    )
  }

  return {
    start(payment, started) {
      // Refuses while it runs or once it completed; allows after a terminate (payments.md, Accept, start, run).
      begin(payment, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, started)
    },
    restart(payment) {
      // Refuses while it runs. A run too many reads where the payment stands and ends.
      begin(payment, WorkflowIdReusePolicy.ALLOW_DUPLICATE)
    },
    wake(payment) {
      client
        .withDeadline(Date.now() + DURABLE_LIMITS.signal_deadline_ms, () =>
          client.workflow.getHandle(payment).signal('look'),
        )
        .catch((error: unknown) =>
          log.debug({ err: error, payment }, 'a workflow could not be told to look; its timer will'),
        )
    },
    async drain() {
      await Promise.allSettled(running.values())
    },
  }
}
