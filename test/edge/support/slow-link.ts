import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A link that brings its client so many bytes a second, and takes what the client sends at once. */
export type SlowLink = { port: number; close(): Promise<void> }

const STEP_MS = 50

export async function slowLink(to: { port: number; bytesPerSecond: number }): Promise<SlowLink> {
  const open = new Set<Socket>()
  const step = Math.max(1, Math.floor((to.bytesPerSecond * STEP_MS) / 1_000))
  const server = createServer((client) => {
    const far = connect({ port: to.port, host: '127.0.0.1' })
    for (const socket of [client, far]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.once('close', () => open.delete(socket))
    }
    client.pipe(far)
    carry(far, client, step).catch(() => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port, // codec: it listens on TCP
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function carry(from: Socket, to: Socket, step: number): Promise<void> {
  for await (const chunk of from) {
    const bytes = Buffer.from(chunk as Uint8Array) // codec: a socket without an encoding gives bytes
    for (let at = 0; at < bytes.length && !to.destroyed; at += step) {
      to.write(bytes.subarray(at, at + step))
      await delay((STEP_MS * Math.min(step, bytes.length - at)) / step)
    }
  }
  to.end()
}
