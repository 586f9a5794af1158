import { servePeer } from './peer.ts'

/**
 * The baseline: what Temporal alone costs, started eagerly, with nothing done and
 * payloads as they are (Mooring's are encrypted).
 */

const [address = '', namespace = ''] = process.argv.slice(2)

await servePeer({
  address,
  namespace,
  taskQueue: 'bench-bare',
  activities: { nothing: () => Promise.resolve() },
  once: async (client, workflowId) => {
    const handle = await client.workflow.start('bare', { workflowId, taskQueue: 'bench-bare', requestEagerStart: true })
    await handle.result()
  },
})
