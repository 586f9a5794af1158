import { type Client, ScheduleAlreadyRunning, type ScheduleHandle, ScheduleOverlapPolicy } from '@temporalio/client'
import { DURABLE_LIMITS } from './limits.ts'

/**
 * What runs by the clock: seen, paused and run at once by operators in Temporal's UI, under these ids. A run has less time
 * than there is to the next, which is skipped while one runs: one that hangs, as its tasks fail, must not be the last.
 */
export const SCHEDULES = [
  {
    id: 'review',
    workflow: 'review',
    every: '5 minutes',
    withinMs: 4 * 60_000,
    note: 'Calls operators to what waits too long at a rail.',
  },
] as const

/** Makes what is missing. One that is there stays as it is, paused ones too, but for the time that a run of it has. */
export async function ensureSchedules(client: Client): Promise<void> {
  for (const { id, workflow, every, withinMs, note } of SCHEDULES) {
    try {
      await client.schedule.create({
        scheduleId: id,
        spec: { intervals: [{ every }] },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
        action: {
          type: 'startWorkflow',
          workflowType: workflow,
          workflowExecutionTimeout: withinMs,
          taskQueue: DURABLE_LIMITS.task_queue,
          args: [],
        },
        state: { note },
      })
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error
      await limitRuns(client.schedule.getHandle(id), withinMs)
    }
  }
}

/** Rarely written: an operator who pauses it at that very moment would not be heard. */
async function limitRuns(schedule: ScheduleHandle, withinMs: number): Promise<void> {
  const { action } = await schedule.describe()
  if (action.workflowExecutionTimeout === withinMs) return
  await schedule.update((now) => ({ ...now, action: { ...now.action, workflowExecutionTimeout: withinMs } }))
}
