import { Mooring } from './mooring.ts'
import type { ConnectOptions } from './options.ts'

/** Connects and waits for the first session. Throws MooringError where the server refuses or none comes in time. */
export async function connect(options: ConnectOptions): Promise<Mooring> {
  const saved = options.store === undefined ? null : await options.store.load()
  const client = new Mooring(options, saved)
  try {
    await client.opened
  } catch (error) {
    await client.close()
    throw error
  }
  return client
}

/**
 * A client at once, with what the store keeps, and connecting for as long as it takes: for an app that opens where
 * there is no network. Where the server refuses, `onStatus` says `closed` and `events()` ends with the error.
 */
export async function open(options: Omit<ConnectOptions, 'deadline_ms'>): Promise<Mooring> {
  const saved = options.store === undefined ? null : await options.store.load()
  const client = new Mooring({ ...options, deadline_ms: null }, saved)
  client.opened.catch(() => {})
  return client
}
