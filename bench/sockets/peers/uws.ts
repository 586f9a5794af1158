import type * as Uws from 'uWebSockets.js'
import { hear, setting } from './hear.ts'

/** uWebSockets.js and nothing else. */
type Peer = { user: string }
const uws = (await import('uWebSockets.js')).default
const sockets = new Map<string, Uws.WebSocket<Peer>>()
uws
  .App()
  .ws<Peer>('/*', {
    compression: uws.DISABLED,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade: (response, request, context) => {
      const header = (name: string) => request.getHeader(name)
      const user = request.getQuery('user') ?? ''
      response.upgrade({ user }, header('sec-websocket-key'), header('sec-websocket-protocol'), '', context)
    },
    open: (socket) => void sockets.set(socket.getUserData().user, socket),
    close: (socket) => void sockets.delete(socket.getUserData().user),
  })
  .listen('127.0.0.1', Number(setting('MOORING_PORT')), () => {})
await hear((user, frame) => void sockets.get(user)?.send(frame, false))
