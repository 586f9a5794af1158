import { connect, type Socket } from 'node:net'
import { buildConnector } from 'undici'

/**
 * Connections that can end with a reset. A plain close would leave the kernel
 * sending what it has buffered, after the caller was told that its time is over
 * (payments.md, rule 7).
 */
export type ResettableSockets = {
  connect: buildConnector.connector
  /** Whatever `abort` destroys meanwhile ends with a reset. */
  withReset(abort: () => void): void
}

export type SocketOptions = {
  secure: boolean
  /** PEM of the only CA that is trusted; the machine's own where left out. */
  ca?: string
  connectTimeoutMs: number
}

export function makeResettableSockets({ secure, ca, connectTimeoutMs }: SocketOptions): ResettableSockets {
  let resetting = false
  const base = buildConnector({
    timeout: connectTimeoutMs,
    keepAlive: true,
    ...(ca === undefined ? {} : { ca }),
  })

  /** Only a TCP socket can be reset, and under TLS only once TLS lets go of it, which is when it destroys it. */
  const arm = (tcp: Socket): Socket => {
    const destroy = tcp.destroy.bind(tcp)
    tcp.destroy = (error) => {
      if (!resetting) return destroy(error)
      resetting = false
      return tcp.resetAndDestroy()
    }
    return tcp
  }

  const plain: buildConnector.connector = (options, callback) => {
    base(options, (...[error, socket]) => {
      if (error !== null) callback(error, null)
      else callback(null, arm(socket))
    })
  }

  const overTls: buildConnector.connector = (options, callback) => {
    const port = Number(options.port === '' ? 443 : options.port)
    const tcp = arm(connect({ host: options.hostname, port, noDelay: true }))
    const late = setTimeout(() => tcp.destroy(new Error('not connected in time')), connectTimeoutMs)
    let over = false
    const settle = (error: Error | null): void => {
      if (over) return
      over = true
      clearTimeout(late)
      if (error !== null) callback(error, null)
      else base({ ...options, httpSocket: tcp }, callback)
    }
    tcp.once('connect', () => settle(null))
    // Kept for good: after the handshake TLS reports the same failures, and nobody else listens here.
    tcp.on('error', settle)
    tcp.once('close', () => settle(new Error('closed before it was connected')))
  }

  return {
    connect: secure ? overTls : plain,
    withReset: (abort) => {
      resetting = true
      try {
        abort()
      } finally {
        resetting = false
      }
    },
  }
}
