import { connect, type NatsConnection } from '@nats-io/transport-node'
import type { HubReply, HubRequest } from './messages.ts'
import { commandSubject } from './subjects.ts'

export type Bus = NatsConnection

/**
 * One connection a process, under its role's user, with an inbox prefix of its
 * own that only its user may hear. It reconnects for ever: while NATS is away
 * requests fail fast and subscriptions resume by themselves.
 */
export async function connectBus(options: { url: string; name: string }): Promise<Bus> {
  const url = new URL(options.url)
  return connect({
    servers: `${url.hostname}:${url.port}`,
    user: decodeURIComponent(url.username),
    pass: decodeURIComponent(url.password),
    name: options.name,
    inboxPrefix: `_INBOX.${decodeURIComponent(url.username)}.${options.name}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    waitOnFirstConnect: true,
    pingInterval: 10_000,
    // A stack trace for every request, in case it fails: a twentieth of an edge's time while sockets open.
    noAsyncTraces: true,
  })
}

/** Sends one request to any hub; throws where no answer came in time (the caller answers `temporarily_unavailable`). */
export async function requestHub(bus: Bus, name: string, request: HubRequest, timeoutMs: number): Promise<HubReply> {
  const message = await bus.request(commandSubject(name), JSON.stringify(request), { timeout: timeoutMs })
  return message.json<HubReply>()
}
