/**
 * The one grammar of NATS subjects. Ids are checked before they become a token,
 * so no `.`, `*`, `>` or space from outside can change who hears a message.
 *
 *   cmd.<area>.<verb>     request/reply, queue group `hub`
 *   feed.<id>             JetStream stream FEEDS; headers carry seq and epoch
 *   live.<id>             the same messages as the stream stored them (republish): what edges hear
 *   ctl.edge.<id|all>     to edges, by the relay; no edge may speak here
 *   ctl.device.replaced   among edges
 *   ctl.relay.wake        a commit left events in the outbox
 *   rail.<rail>.callback  request/reply, queue group `hub`
 */

const TOKEN = /^[0-9A-Za-z_-]{1,64}$/

export const HUB_QUEUE = 'hub'
export const FEED_STREAM = 'FEEDS'
export const FEED_SUBJECTS = 'feed.>'
export const LIVE_PREFIX = 'live'
/** Which of a device's sockets is the newest: all that edges say to one another. */
export const DEVICE_REPLACED = 'ctl.device.replaced'
export const RELAY_WAKE = 'ctl.relay.wake'
export const ALL_COMMANDS = 'cmd.>'
export const ALL_RAIL_CALLBACKS = 'rail.*.callback'

/** Headers on feed messages. `Nats-Msg-Id` is the event id; `Nats-Sequence` is added by the republish. */
export const FEED_HEADERS = { seq: 'Mooring-Seq', epoch: 'Mooring-Epoch' } as const

function token(value: string): string {
  if (!TOKEN.test(value)) throw new Error(`not a subject token: ${JSON.stringify(value)}`)
  return value
}

/** `payment.get` → `cmd.payment.get`; `quote` has no area of its own and goes to `cmd.payment.quote`. */
export function commandSubject(name: string): string {
  const parts = name.split('.')
  if (parts.length === 1) return `cmd.payment.${token(name)}`
  if (parts.length !== 2) throw new Error(`not a command name: ${JSON.stringify(name)}`)
  return `cmd.${token(parts[0] ?? '')}.${token(parts[1] ?? '')}`
}

export function feedSubject(feed: string): string {
  return `feed.${token(feed)}`
}

export function liveSubject(feed: string): string {
  return `${LIVE_PREFIX}.${token(feed)}`
}

/** Control messages of one edge by its name, or of every edge by `all`. */
export function edgeControlSubject(edge: string): string {
  return `ctl.edge.${token(edge)}`
}

export function railCallbackSubject(rail: string): string {
  return `rail.${token(rail)}.callback`
}
