import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContextOptions } from 'node:tls'
import type { buildConnector } from 'undici'

/**
 * Connections that can end with a reset. A plain close would leave the kernel
 * sending what it has buffered, after the caller was told that its time is over
 * (payments.md, rule 7).
 */
export type Connections = {
  connect: buildConnector.connector
  /** Every connection that `abort` destroys meanwhile ends with a reset. */
  resetting(abort: () => void): void
}

export type ConnectionOptions = {
  /** Whom we trust and who we are; null for plain TCP. */
  tls: SecureContextOptions | null
  /** For TCP, and again for TLS. */
  connectTimeoutMs: number
}

/** A connection that did not come about; nothing of a request was sent. */
class NotConnected extends Error {
  readonly code: 'ETIMEDOUT' | 'ECONNABORTED'

  constructor(code: NotConnected['code'], message: string) {
    super(message)
    this.code = code
  }
}

export function makeConnections({ tls, connectTimeoutMs }: ConnectionOptions): Connections {
  const secureContext = tls === null ? null : createSecureContext(tls)
  let session: Buffer | undefined
  let reset = false

  const secure = (raw: Socket, hostname: string, callback: buildConnector.Callback): void => {
    if (secureContext === null) {
      callback(null, raw)
      return
    }
    const socket = connectTls({
      socket: raw,
      secureContext,
      host: hostname,
      // A name only: TLS has no place for an address (RFC 6066 §3), which is still looked for in the certificate.
      servername: isIP(hostname) === 0 ? hostname : '',
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    })
    socket.on('session', (fresh) => {
      session = fresh
    })
    settleOnce(socket, 'secureConnect', connectTimeoutMs, (error) => {
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
      const usual = secureContext === null ? 80 : 443
      const raw = connectTcp({ host: hostname, port: Number(port || usual), noDelay: true, keepAlive: true })
      // Only a TCP socket can be reset, and only at the moment TLS above it lets go of it:
      // resetting it first leaves TLS with a freed handle, which crashes the process (tried on Node 24).
      const destroy = raw.destroy.bind(raw)
      raw.destroy = (error) => {
        if (!reset) return destroy(error)
        reset = false
        return raw.resetAndDestroy()
      }
      settleOnce(raw, 'connect', connectTimeoutMs, (error) => {
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
  const late = new NotConnected('ETIMEDOUT', `no ${event} within ${timeoutMs} ms`)
  const timer = setTimeout(() => socket.destroy(late), timeoutMs)
  let done = false
  const settle = (error: Error | null) => {
    if (done) return
    done = true
    clearTimeout(timer)
    settled(error)
  }
  socket.once(event, () => settle(null))
  // Kept for good: an error that nobody listens to would end the process.
  socket.on('error', settle)
  socket.once('close', () => settle(new NotConnected('ECONNABORTED', `closed before ${event}`)))
}
