import type { CloseCode } from '../../contract/index.ts'
import type { TrustedProxy } from '../../domain/forwarded.ts'
import type { EdgeLimits } from '../limits.ts'

/** A text frame, encoded: one that goes to several sockets is built once, and its size is known. */
export type OutFrame = Buffer

/** One accepted socket, whatever library carries it. Safe to call after it closed. */
export type ClientSocket = {
  readonly address: string
  readonly origin: string | undefined
  /** Bytes handed over that the kernel has not taken yet. */
  queuedBytes(): number
  send(frame: OutFrame): void
  /** Starts the closing handshake; cut after a while where the peer does not answer. */
  close(code: CloseCode, reason: string): void
}

/** What a session hears from its socket. Nothing comes after `closed`, which comes once. */
export type SocketEvents = {
  message(text: string): void
  /** The queue has emptied after it was not. */
  drained(): void
  closed(code: number): void
}

/** PEM files: the chain of the certificate, and its key. */
export type TlsFiles = { certFile: string; keyFile: string }

export type ListenOptions = {
  host: string
  /** 0 takes a free one. */
  port: number
  origins: ReadonlySet<string>
  /** Lift the cap per address for loopback (a demo or a bench on one machine). */
  loopbackFree: boolean
  /** Whose X-Forwarded-For tells who is behind it, and whose connections count as theirs. */
  isProxy: TrustedProxy
  limits: EdgeLimits
  /** Without it the balancer in front ends TLS. */
  tls?: TlsFiles | undefined
  accept: Accept
}

export type TransportKind = 'ws' | 'uws'

export type Transport = {
  readonly kind: TransportKind
  readonly port: number
  /** Refuses new sockets; those open stay. */
  stopAccepting(): void
  /** Cuts what is still open and frees the port. */
  close(): Promise<void>
}

export type Accept = (socket: ClientSocket) => SocketEvents
