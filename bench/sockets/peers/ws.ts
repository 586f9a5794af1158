import { WebSocketServer, type WebSocket } from 'ws'
import { hear, setting, userOf } from './hear.ts'

/** `ws` and nothing else: no session, no limits, no order, no resume. */
const sockets = new Map<string, WebSocket>()
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(setting('MOORING_PORT')),
  perMessageDeflate: false,
})
server.on('connection', (socket, request) => {
  const user = userOf(request.url ?? '')
  sockets.set(user, socket)
  socket.on('close', () => sockets.delete(user))
})
await hear((user, frame) => sockets.get(user)?.send(frame, { binary: false }))
