import { ACTIONS, type Approval } from '../approvals.ts'
import type { OpsDeps } from './deps.ts'

/** What to do with an approval in Temporal: which workflow, which update, with which argument. */
export function stepsInTemporal(
  { uiOrigin, namespace }: OpsDeps['temporal'],
  { id, payment, action }: Pick<Approval, 'id' | 'payment' | 'action'>,
): { workflow: string; workflow_url: string | null; update: string; argument: string; command: string } {
  const { update } = ACTIONS[action]
  const argument = JSON.stringify({ approval: id })
  return {
    workflow: payment,
    workflow_url: workflowUrl({ uiOrigin, namespace }, payment),
    update,
    argument,
    command: `temporal workflow update execute --namespace ${namespace} --workflow-id ${payment} --name ${update} --input '${argument}'`,
  }
}

export function workflowUrl({ uiOrigin, namespace }: OpsDeps['temporal'], workflow: string): string | null {
  return uiOrigin === null
    ? null
    : `${uiOrigin}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflow)}`
}
