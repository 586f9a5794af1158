import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import proto from '@temporalio/proto'
import { z } from 'zod'

const { History } = proto.temporal.api.history.v1

/** `<release>.<scene>.history`, as the SDK's own protobuf message: what earlier builds left behind. Never changed, only added to. */
export const HISTORIES = fileURLToPath(new URL('./histories/', import.meta.url))

export function keepHistory(name: string, history: Parameters<typeof History.encode>[0]): void {
  writeFileSync(join(HISTORIES, name), History.encode(history).finish())
}

export const readHistory = (name: string) => History.decode(readFileSync(join(HISTORIES, name)))

const said = (data: Uint8Array | null | undefined): unknown =>
  data === null || data === undefined || data.length === 0 ? null : JSON.parse(Buffer.from(data).toString())

/**
 * Of which workflow it is and where it was left: `ended <status>`, `waits <stage>`, or `sleeps` where it waits for
 * nobody but a timer.
 */
export function leftAt({ events }: ReturnType<typeof readHistory>): { workflow: string; at: string } {
  const workflow = events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? ''
  const ended = events.find((event) => event.workflowExecutionCompletedEventAttributes)
  const result = ended?.workflowExecutionCompletedEventAttributes?.result?.payloads?.[0]?.data
  if (ended !== undefined) {
    return { workflow, at: `ended ${z.object({ status: z.string() }).parse(said(result)).status}` }
  }
  const stages = events.flatMap((event) => {
    const fields = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields
    return fields?.['MooringStage'] === undefined ? [] : [said(fields['MooringStage'].data)]
  })
  const stage = stages.at(-1)
  return { workflow, at: typeof stage === 'string' ? `waits ${stage}` : 'sleeps' }
}
