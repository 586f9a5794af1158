import { connect, type Socket } from 'node:net'
import { until } from '../../support/until.ts'

/** Frames of RFC 6455 byte by byte, over a bare TCP connection. */

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

export const TEXT = 0x1
export const BINARY = 0x2
export const CLOSING = 0x8
export const PING = 0x9

export type FrameParts = { opcode: number; payload?: Buffer | string; fin?: boolean; rsv?: number; masked?: boolean }

/** One frame as a client sends it. */
export function frame({ opcode, payload = '', fin = true, rsv = 0, masked = true }: FrameParts): Buffer {
  const body = Buffer.from(payload)
  const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode, masked ? 0x80 : 0])
  let extra = Buffer.alloc(0)
  if (body.length < 126) head[1] = (head[1] ?? 0) | body.length
  else if (body.length < 65_536) {
    head[1] = (head[1] ?? 0) | 126
    extra = Buffer.alloc(2)
    extra.writeUInt16BE(body.length)
  } else {
    head[1] = (head[1] ?? 0) | 127
    extra = Buffer.alloc(8)
    extra.writeBigUInt64BE(BigInt(body.length))
  }
  if (!masked) return Buffer.concat([head, extra, body])
  return Buffer.concat([head, extra, MASK, body.map((byte, i) => byte ^ (MASK[i % 4] ?? 0))])
}

/** The payload of a close frame. */
export function closing(code: number, reason: Buffer | string = ''): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return Buffer.concat([head, Buffer.from(reason)])
}

export type ServerFrame = { opcode: number; payload: Buffer }

/** A connection that has shaken hands and says what it is told to. */
export class RawSocket {
  readonly frames: ServerFrame[] = []
  ended = false
  readonly #socket: Socket
  #rest = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#read(chunk))
    socket.once('end', () => (this.ended = true))
    socket.once('close', () => (this.ended = true))
  }

  static async open(port: number): Promise<RawSocket> {
    // Its side stays open until it says so, whatever the server does.
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write(
      'GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mooring.v1\r\n\r\n',
    )
    const answer = await new Promise<string>((resolve) => {
      socket.on('error', () => {})
      socket.once('data', (chunk) => resolve(chunk.toString('latin1')))
      socket.once('close', () => resolve('the handshake was cut'))
    })
    // RFC 6455 §1.3: the accept of this very key.
    if (!/^HTTP\/1\.1 101 .*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/is.test(answer)) {
      throw new Error(`no handshake: ${answer}`)
    }
    return new RawSocket(socket)
  }

  write(...parts: readonly Buffer[]): void {
    for (const part of parts) this.#socket.write(part)
  }

  /** Reads no more, as a phone that stands in a tunnel. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** How the server ended it: the code of its close frame, or `cut` where it sent none. */
  async end(): Promise<number | 'cut'> {
    await until(() => this.ended || this.closeCode !== null, { what: 'the server ends the connection' })
    return this.closeCode ?? 'cut'
  }

  get closeCode(): number | null {
    const found = this.frames.find(({ opcode }) => opcode === CLOSING)
    if (found === undefined) return null
    return found.payload.length < 2 ? 1005 : found.payload.readUInt16BE()
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const [first = 0, second = 0] = this.#rest
      const short = second & 0x7f
      const head = short === 126 ? 4 : short === 127 ? 10 : 2
      if (this.#rest.length < head) return
      const length =
        short === 126 ? this.#rest.readUInt16BE(2) : short === 127 ? Number(this.#rest.readBigUInt64BE(2)) : short
      if (this.#rest.length < head + length) return
      this.frames.push({ opcode: first & 0x0f, payload: this.#rest.subarray(head, head + length) })
      this.#rest = this.#rest.subarray(head + length)
    }
  }
}
