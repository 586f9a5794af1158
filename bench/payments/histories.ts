import { setTimeout as delay } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import type { Paid } from './phones.ts'
import type { Place } from './place.ts'

const ASK_AGAIN_MS = 50

/** How many events Temporal kept of a payment, by its rail. */
export type Histories = Record<string, number>

export async function histories({ dev }: Place, paid: readonly Paid[]): Promise<Histories> {
  const connection = await Connection.connect({ address: dev.temporal.address })
  try {
    const client = new Client({ connection, namespace: dev.temporal.namespace })
    const counted = paid.map(async ({ id, rail }): Promise<[string, number]> => {
      const handle = client.workflow.getHandle(id)
      for (;;) {
        const { status, historyLength } = await handle.describe()
        // The payer hears of the end before the workflow has reported its own.
        if (status.name !== 'RUNNING') return [rail, historyLength]
        await delay(ASK_AGAIN_MS)
      }
    })
    return Object.fromEntries(await Promise.all(counted))
  } finally {
    await connection.close()
  }
}
