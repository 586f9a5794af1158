import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { z } from 'zod'
import { makeDataConverter, readKeyRing } from '../../../src/codec/index.ts'
import { withService } from '../../../src/ops/service-client.ts'
import type { DevJson } from '../../../tools/dev-json.ts'
import type { Patience } from '../../../tools/demo/patience.ts'

/** Operators of a running stack, as the runbook has them: an approval for what is seen, then the update of the workflow. */
export type Operators = {
  /** Ends what no inquiry can: the rail itself said, by telephone, that it never had this one. */
  notMoved(id: string): Promise<void>
}

const Seen = z.object({ evidence_hash: z.string(), attempts: z.array(z.object({ state: z.string() })) })
const Approved = z.object({ approval: z.string(), update: z.string(), workflow: z.string() })
const REASON = 'The rail says by telephone that it never had this one'
const UPDATE_TIMEOUT_MS = 10_000
const OPEN = new Set(['pending', 'unknown'])

export function operatorsOf(dev: () => DevJson, dataDir: string, patience: Patience): Operators {
  const dataConverter = () => makeDataConverter(readKeyRing(join(dataDir, 'keys', 'ops'), dev().env))

  async function decide(id: string, turn: number): Promise<true | undefined> {
    const { ops, temporal } = dev()
    const operator = ops.operators[turn % ops.operators.length]
    if (operator === undefined) throw new Error('dev.json names no operator')
    const { name, password } = operator
    const env = { MOORING_OPS_URL: ops.url, MOORING_OPERATOR: name, MOORING_OPERATOR_PASSWORD: password }
    return withService(undefined, env, async (service) => {
      const seen = Seen.parse(await service.get(`/v1/payments/${id}`))
      const state = seen.attempts.at(-1)?.state ?? ''
      if (!OPEN.has(state)) return state === 'dispatched' ? undefined : true
      const decision = { action: 'resolve_not_moved', reason: REASON, evidence_hash: seen.evidence_hash }
      const { approval, update, workflow } = Approved.parse(
        await service.post(`/v1/payments/${id}/approvals`, decision),
      )
      const connection = await Connection.connect({ address: temporal.address })
      try {
        const client = new Client({ connection, namespace: temporal.namespace, dataConverter: dataConverter() })
        const handle = client.workflow.getHandle(workflow)
        await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
          handle.executeUpdate(update, { args: [{ approval }], updateId: approval }),
        )
        return true
      } finally {
        await connection.close()
      }
    })
  }

  return {
    async notMoved(id) {
      let turn = 0
      // One person approves one thing once: whose approval's answer was lost leaves it to the other.
      await patience.until(`operators to decide about ${id}`, () => decide(id, turn++))
    },
  }
}
