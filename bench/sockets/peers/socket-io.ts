import { createServer } from 'node:http'
import { Server, type Socket } from 'socket.io'
import { hear, setting } from './hear.ts'

/** Socket.IO on its own transport (`ws`), without long polling; an event is an object, as anybody would emit it. */
const sockets = new Map<string, Socket>()
const server = createServer()
const io = new Server(server, { transports: ['websocket'], serveClient: false, perMessageDeflate: false })
io.on('connection', (socket) => {
  const user = String(socket.handshake.query['user'])
  sockets.set(user, socket)
  socket.on('disconnect', () => sockets.delete(user))
})
server.listen(Number(setting('MOORING_PORT')), '127.0.0.1')
const decoder = new TextDecoder()
await hear((user, frame) => sockets.get(user)?.emit('event', JSON.parse(decoder.decode(frame))))
