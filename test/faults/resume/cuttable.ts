import { WebSocket } from 'ws'
import type { SocketFactory } from '../../../clients/mobile/index.ts'

/** Sockets for the SDK that a test can break off, as a network that is gone does: without a word to either side. */
export class CuttableSockets {
  readonly #open = new Set<WebSocket>()

  readonly factory: SocketFactory = (url, protocol, listener) => {
    const socket = new WebSocket(url, [protocol])
    this.#open.add(socket)
    socket.on('message', (data: Buffer) => listener.message(data.toString()))
    socket.on('error', () => {})
    socket.once('close', (code, reason) => {
      this.#open.delete(socket)
      listener.closed(code, reason.toString())
    })
    return socket
  }

  /** Breaks all of them off; says how many there were. */
  cut(): number {
    const { size } = this.#open
    for (const socket of this.#open) socket.terminate()
    return size
  }
}
