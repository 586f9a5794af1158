import { connectBus, LIVE_PREFIX } from '../../../src/bus/index.ts'

/**
 * What every peer does besides its transport, as little as it takes: it hears all live events of all users in one
 * subscription, as an edge hears them one by one, and gives each to its user's socket.
 */
export async function hear(push: (user: string, frame: Uint8Array) => void): Promise<void> {
  const bus = await connectBus({ url: setting('NATS_URL'), name: setting('MOORING_PROCESS') })
  bus.subscribe(`${LIVE_PREFIX}.*`, {
    callback: (error, { subject, data }) => {
      if (error === null) push(subject.slice(LIVE_PREFIX.length + 1), data)
    },
  })
  await bus.flush()
}

export function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set`)
  return value
}

/** Whose socket it is stands in the address: nobody proves anything here. */
export function userOf(url: string): string {
  return new URL(url, 'ws://peer').searchParams.get('user') ?? ''
}
