import type { DeviceKey } from './device-key.ts'
import type { Identity } from './enrol.ts'
import type { Ports } from './ports.ts'
import type { SessionStatus } from './session.ts'
import type { Store } from './store.ts'

export type ConnectOptions = {
  /** Address of the socket, `wss://…/v1/socket`; of several edges a client begins with any, and takes the next when it is lost. */
  url: string | readonly string[]
  /** Base of the REST interface, `https://…/v1`, where tokens come from. */
  bridge: string
  /** From `enrol()`. */
  identity: Identity
  key: DeviceKey
  store?: Store
  onStatus?: (status: SessionStatus) => void
  /** How long `connect` may take to its first session, null: as long as it takes; later losses are mended without end. */
  deadline_ms?: number | null
  ports?: Partial<Ports>
}

export type CommandOptions = {
  /** Idempotency key, 16–64 of [A-Za-z0-9_-]; made by the SDK where a command needs one and none is given. */
  key?: string
  deadline_ms?: number
}
