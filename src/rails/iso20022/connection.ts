import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'
import type { buildConnector } from 'undici'

/** TLS to the bank: 1.3 only, our client certificate, one pinned CA. */
export type TlsOptions = { ca: string; certificate: string; key: string; connectTimeoutMs: number }

export type Connections = {
  connect: buildConnector.connector
  /**
   * Runs `abort` so that every connection it destroys ends with a reset: a plain
   * close would leave the kernel sending what it has buffered (payments.md rule 7).
   */
  resetting(abort: () => void): void
}

/** Ends a connect attempt that takes too long; nothing of a request was sent. */
class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT'
}

export function makeConnections(options: TlsOptions): Connections {
  const secureContext = createSecureContext({
    ca: options.ca,
    cert: options.certificate,
    key: options.key,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
  })
  let session: Buffer | undefined
  let reset = false

  const secure = (raw: Socket, hostname: string, callback: buildConnector.Callback): void => {
    const socket = connectTls({
      socket: raw,
      secureContext,
      servername: hostname,
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    })
    socket.on('session', (fresh) => {
      session = fresh
    })
    settleOnce(socket, 'secureConnect', options.connectTimeoutMs, (error) => {
      if (error === null) {
        callback(null, socket)
        return
      }
      // A stored session must not outlive the trust it came from.
      session = undefined
      raw.destroy()
      callback(error, null)
    })
  }

  return {
    connect: ({ hostname, port }, callback) => {
      const raw = connectTcp({ host: hostname, port: Number(port || 443), noDelay: true, keepAlive: true })
      // Only a TCP socket can be reset, and only at the moment TLS above it lets go of it:
      // resetting it first leaves TLS with a freed handle, which crashes the process (tried on Node 24).
      const destroy = raw.destroy.bind(raw)
      raw.destroy = (error) => {
        if (!reset) return destroy(error)
        reset = false
        return raw.resetAndDestroy()
      }
      settleOnce(raw, 'connect', options.connectTimeoutMs, (error) => {
        if (error === null) secure(raw, hostname, callback)
        else callback(error, null)
      })
    },
    resetting: (abort) => {
      reset = true
      try {
        abort()
      } finally {
        reset = false
      }
    },
  }
}

/** First of: the event, an error, a close, the time limit. Later errors are the owner's, who listens then. */
function settleOnce(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  settled: (error: Error | null) => void,
): void {
  const timer = setTimeout(() => socket.destroy(new ConnectTimeout(`no ${event} within ${timeoutMs} ms`)), timeoutMs)
  let done = false
  const settle = (error: Error | null) => {
    if (done) return
    done = true
    clearTimeout(timer)
    settled(error)
  }
  socket.once(event, () => settle(null))
  socket.on('error', settle)
  socket.once('close', () => settle(new Error(`closed before ${event}`)))
}
