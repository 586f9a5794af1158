import { connect, type Socket } from 'node:net'

/** The last six bytes of every answer that leaves the server waiting for us: ReadyForQuery, outside a transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

class Silence extends Error {
  readonly code = 'ETIMEDOUT'
}

/**
 * A connection that ends itself when a question stays without an answer. A server
 * that vanished (a host lost in a fail-over, a frozen backend) closes nothing, and
 * the kernel would go on waiting for a quarter of an hour. Longer than the
 * server's own statement_timeout, so that only a dead one is given up.
 */
export function watchedSocket(silenceMs: number): (options: { host: string[]; port: number[] }) => Socket {
  return ({ host, port }) => {
    const socket = connect(port[0] ?? 5432, host[0] ?? 'localhost')
    let answered = 0
    const waits = () => socket.bytesWritten > answered
    socket.on('data', (chunk: Buffer) => {
      if (chunk.subarray(-READY.length).equals(READY)) answered = socket.bytesWritten
    })
    socket.setTimeout(silenceMs)
    // Not as the callback of `setTimeout`, which hears the first time only: a connection is idle before its server dies.
    socket.on('timeout', () => {
      if (!waits()) return
      // After a stop of this very process the answer may lie in the kernel: read that first.
      setImmediate(() => setImmediate(() => waits() && socket.destroy(new Silence('Postgres fell silent'))))
    })
    return socket
  }
}
