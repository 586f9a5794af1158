import { z } from 'zod'
import { EnvProxies } from '../../../src/config/proxies.ts'
import { EDGE_LIMITS, listen, type Transport } from '../../../src/edge/index.ts'
import type { CloseCode } from '../../../src/contract/index.ts'
import type { ClientSocket } from '../../../src/edge/transport/index.ts'

/** A transport by itself in a process of its own, told by its parent what to do, telling it what its sockets hear. */

const Told = z.discriminatedUnion('do', [
  z.object({
    do: z.literal('listen'),
    kind: z.enum(['ws', 'uws', 'auto']),
    port: z.number(),
    origins: z.array(z.string()),
    loopbackFree: z.boolean(),
    proxies: z.string(),
    limits: z.record(z.string(), z.number()),
    tls: z.object({ certFile: z.string(), keyFile: z.string() }).optional(),
  }),
  z.object({ do: z.literal('send'), socket: z.number(), text: z.string(), times: z.number() }),
  z.object({ do: z.literal('close'), socket: z.number(), code: z.custom<CloseCode>(), reason: z.string() }),
  z.object({ do: z.literal('queued'), socket: z.number() }),
  z.object({ do: z.literal('stopAccepting') }),
  z.object({ do: z.literal('shut') }),
])
export type Told = z.infer<typeof Told>

/** What the parent hears: an answer to each order in turn, and events in between. */
export type Said =
  | { answer: { kind: string; port: number } | { error: string } | { queued: number } | { done: true } }
  | { door: number; event: 'accepted'; address: string; origin: string | undefined }
  | { door: number; event: 'heard'; text: string }
  | { door: number; event: 'drained' }
  | { door: number; event: 'closed'; code: number }

/** Doors are opened one after the other; of what is heard it is told at which. */
let doors = 0
let sockets: ClientSocket[] = []
let transport: Transport | null = null

const say = (said: Said): void => void process.send?.(said)

async function obey(told: Told): Promise<Extract<Said, { answer: unknown }>['answer']> {
  switch (told.do) {
    case 'listen': {
      const door = ++doors
      sockets = []
      transport = await listen(told.kind, {
        host: '127.0.0.1',
        port: told.port,
        origins: new Set(told.origins),
        loopbackFree: told.loopbackFree,
        isProxy: EnvProxies.parse(told.proxies),
        limits: { ...EDGE_LIMITS, ...told.limits },
        tls: told.tls,
        accept: (accepted) => {
          sockets.push(accepted)
          say({ door, event: 'accepted', address: accepted.address, origin: accepted.origin })
          return {
            message: (text) => say({ door, event: 'heard', text }),
            drained: () => say({ door, event: 'drained' }),
            closed: (code) => say({ door, event: 'closed', code }),
          }
        },
      })
      return { kind: transport.kind, port: transport.port }
    }
    case 'send':
      for (let i = 0; i < told.times; i++) sockets[told.socket]?.send(Buffer.from(told.text))
      return { done: true }
    case 'close':
      sockets[told.socket]?.close(told.code, told.reason)
      return { done: true }
    case 'queued':
      return { queued: sockets[told.socket]?.queuedBytes() ?? -1 }
    case 'stopAccepting':
      transport?.stopAccepting()
      return { done: true }
    case 'shut':
      await transport?.close()
      return { done: true }
  }
}

process.on('message', (message) => {
  obey(Told.parse(message)).then(
    (answer) => say({ answer }),
    (error: unknown) => say({ answer: { error: error instanceof Error ? error.message : String(error) } }),
  )
})
process.once('disconnect', () => process.exit(0))
