import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client'
import { DURABLE_LIMITS } from './limits.ts'

/** What runs by the clock: seen, paused and run at once by operators in Temporal's UI, under these ids. */
export const SCHEDULES = [
  { id: 'review', workflow: 'review', every: '5 minutes', note: 'Calls operators to what waits too long at a rail.' },
] as const

/** Makes what is missing; one that is there stays as it is, paused ones too. */
export async function ensureSchedules(client: Client): Promise<void> {
  for (const { id, workflow, every, note } of SCHEDULES) {
    try {
      await client.schedule.create({
        scheduleId: id,
        spec: { intervals: [{ every }] },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
        action: { type: 'startWorkflow', workflowType: workflow, taskQueue: DURABLE_LIMITS.task_queue, args: [] },
        state: { note },
      })
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error
    }
  }
}
