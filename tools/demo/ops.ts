import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { z } from 'zod'
import { makeDataConverter, readKeyRing } from '../../src/codec/index.ts'
import { withService } from '../../src/ops/service-client.ts'
import { decideAtBank } from './http.ts'
import { Surprise, type Patience } from './patience.ts'
import { remark } from './screen.ts'
import type { Stack } from './stack.ts'

/** What operators do, as their page and Temporal's let them: look, approve, and act on the payment's workflow. */

/** How a rail's outcome came to be known. */
export type Via = 'answer' | 'inquiry' | 'callback' | 'operator'

const Seen = z.object({
  status: z.string(),
  evidence_hash: z.string(),
  attempts: z.array(
    z.object({ state: z.string(), reference: z.string(), said: z.object({ via: z.string().optional() }).nullable() }),
  ),
})
const Approved = z.object({ approval: z.string(), update: z.string(), workflow: z.string() })

const REASON = 'The bank says by telephone that it books this one'
const UPDATE_TIMEOUT_MS = 10_000

/** How the outcome of a payment's last attempt came to be known; null where no rail took part. */
export function howItIsKnown(stack: Stack, patience: Patience, payment: string): Promise<string | null> {
  return patience.until(`the ops service to show ${payment}`, () =>
    withService(undefined, environment(stack, 0), async (service) => {
      const { attempts } = Seen.parse(await service.get(`/v1/payments/${payment}`))
      return attempts.at(-1)?.said?.via ?? null
    }),
  )
}

/**
 * An operator decides about a payment that the bank leaves pending, for ever: approved at the ops service for what is seen
 * there, done by an update of the payment's workflow. The bank then books it, as it told them. Nothing is decided where
 * the bank never said that it has the payment.
 */
export async function decideByHand(stack: Stack, patience: Patience, payment: string): Promise<void> {
  const { address, namespace } = stack.dev.temporal
  const connection = await patience.until('Temporal to answer', () => Connection.connect({ address }))
  // What goes into a history is encrypted: the update's argument too, by the key that the ops service has.
  const dataConverter = makeDataConverter(readKeyRing(join(stack.dataDir, 'keys', 'ops'), stack.dev.env))
  const temporal = new Client({ connection, namespace, dataConverter })
  try {
    let tries = 0
    const reference = await patience.until(`operators to decide about ${payment}`, () => {
      // One person approves one thing once: whose approval's answer was lost leaves it to the other.
      const env = environment(stack, tries++)
      return withService(undefined, env, async (service) => {
        const seen = Seen.parse(await service.get(`/v1/payments/${payment}`))
        const attempt = seen.attempts.at(-1)
        if (attempt === undefined) return undefined
        if (seen.status !== 'processing') return seen.status === 'succeeded' ? attempt.reference : ''
        if (attempt.state !== 'pending') return undefined
        const decision = { action: 'resolve_settled', reason: REASON, evidence_hash: seen.evidence_hash }
        const made = Approved.parse(await service.post(`/v1/payments/${payment}/approvals`, decision))
        const { approval, update, workflow } = made
        await temporal.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
          temporal.workflow.getHandle(workflow).executeUpdate(update, { args: [{ approval }], updateId: approval }),
        )
        remark(`${env.MOORING_OPERATOR} approved ${approval}, and sent it as ${update}`)
        return attempt.reference
      })
    })
    if (reference !== '') await decideAtBank(patience, stack.dev.sim.bank, { reference, outcome: 'settled' })
  } finally {
    await connection.close()
  }
}

/** One operator's login, as `npm run ops` takes it. */
function environment({ dev }: Stack, turn: number) {
  const operator = dev.ops.operators[turn % dev.ops.operators.length]
  if (operator === undefined) throw new Surprise('dev.json names no operator.')
  return { MOORING_OPS_URL: dev.ops.url, MOORING_OPERATOR: operator.name, MOORING_OPERATOR_PASSWORD: operator.password }
}
