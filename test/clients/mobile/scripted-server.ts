import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHash, randomBytes } from 'node:crypto'
import { compactVerify, importJWK, type JWK } from 'jose'
import { WebSocketServer, type WebSocket } from 'ws'
import type { FeedCursor, SnapshotBody } from '../../../src/contract/index.ts'
import type { Clock } from '../../../clients/mobile/index.ts'

export const USER = 'usr_scripted0user'
export const DEVICE = 'dev_scripted0device'
export const OTP = '246810'

export type Hello = { token: string; proof: string; feeds?: Record<string, FeedCursor> }
export type Cmd = { t: 'cmd'; id: string; key?: string; name: string; body: Record<string, unknown> }
type Stored = { seq: number; name: string; body: unknown }

/**
 * A bridge and an edge of one user over real HTTP and a real WebSocket, whose
 * course a test writes: what commands do, when sockets break, what a hello gets.
 * It verifies every proof, so that a client that signs wrongly gets nowhere.
 */
export class ScriptedServer {
  readonly #http = createServer((request, response) => void this.#rest(request, response))
  readonly #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'mooring.v1' })
  readonly #ready = new Set<WebSocket>()
  readonly #events: Stored[] = []
  readonly #nonces = new Set<string>()
  readonly #good = new Set<string>()
  #publicKey: JWK | null = null

  epoch = 'e1'
  heartbeatMs = 25_000
  /** What a snapshot holds. */
  state: SnapshotBody = { payments: [], balances: [] }
  /** Parts the next snapshot comes in. */
  snapshotParts: SnapshotBody[] | null = null
  /** Events kept for replay; an older cursor gets a snapshot. */
  window = 1_000
  /** The script of commands; answers through `reply`. */
  onCommand: (cmd: Cmd, reply: (frame: object) => void, socket: WebSocket) => void = () => {}
  /** Judges a hello: a close code, or null to go on. */
  onHello: (hello: Hello, nth: number) => number | null = () => null
  /** What happens to the nth ask for a password: a refusal, an answer that is lost on its way, or (null) it is sent. */
  onEnrolment: (nth: number) => { status: number; code: string } | 'lost' | null = () => null
  /** Answers GET, for tests whose client is a page of this origin: its type and text. */
  onGet: (path: string) => { type: string; text: string } | null = () => null

  readonly hellos: Hello[] = []
  readonly commands: Cmd[] = []
  readonly pongs: number[] = []
  /** How each socket ended. */
  readonly closes: { code: number; reason: string }[] = []
  /** Tokens brought on an open socket, with what their proofs were over. */
  readonly refreshes: { token: string; nonce: unknown; good: boolean }[] = []
  readonly enrolments: { phone: string; name: string }[] = []
  tokensIssued = 0
  tokenLifeS = 900
  tokenStatus = 200

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer()
    server.#http.on('upgrade', (request, socket, head) => {
      server.#sockets.handleUpgrade(request, socket, head, (ws) => server.#open(ws, request.headers.origin))
    })
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/v1/socket`
  }

  get bridge(): string {
    return `http://127.0.0.1:${this.#port}/v1`
  }

  get #port(): number {
    return (this.#http.address() as AddressInfo).port
  }

  get head(): number {
    return this.#events.at(-1)?.seq ?? 0
  }

  /** Makes this key the device's, as an enrolment would have. */
  trust(key: JWK): void {
    this.#publicKey = key
  }

  /** Commits an event and pushes it to whoever is connected. */
  push(name: string, body: unknown): void {
    this.#events.push({ seq: this.head + 1, name, body })
    for (const socket of this.#ready) this.#sendEvent(socket, this.head)
  }

  /** Commits an event that the sockets miss. */
  commitUnseen(name: string, body: unknown): void {
    this.#events.push({ seq: this.head + 1, name, body })
  }

  sendEvent(seq: number): void {
    for (const socket of this.#ready) this.#sendEvent(socket, seq)
  }

  send(frame: object): void {
    for (const socket of this.#ready) socket.send(JSON.stringify(frame))
  }

  sendText(text: string): void {
    for (const socket of this.#ready) socket.send(text)
  }

  /** Ends every socket: by a close frame, or (no code) by resetting the connection. */
  drop(code?: number): void {
    for (const socket of this.#sockets.clients) {
      if (code === undefined) socket.terminate()
      else socket.close(code)
    }
  }

  revokeTokens(): void {
    this.#good.clear()
  }

  /** A new epoch: what came before cannot be replayed. */
  restartFeed(epoch: string): void {
    this.epoch = epoch
    this.#events.length = 0
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#http.closeAllConnections()
    await new Promise<void>((resolve) => this.#http.close(() => resolve()))
  }

  #open(socket: WebSocket, origin: string | undefined): void {
    const nonce = randomBytes(32).toString('base64url')
    socket.send(JSON.stringify({ t: 'challenge', nonce, time: new Date().toISOString() }))
    socket.on('close', (code, reason) => {
      this.#ready.delete(socket)
      this.closes.push({ code, reason: reason.toString('utf8') })
    })
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as { t: string; n?: number }
      if (frame.t === 'hello') void this.#greet(socket, frame as unknown as Hello, nonce, origin)
      if (frame.t === 'token') void this.#refresh(socket, frame as unknown as Hello)
      if (frame.t === 'pong') this.pongs.push(frame.n ?? -1)
      if (frame.t === 'cmd') this.#command(socket, frame as unknown as Cmd)
    })
  }

  async #greet(socket: WebSocket, hello: Hello, nonce: string, origin: string | undefined): Promise<void> {
    this.hellos.push(hello)
    const claims = await this.#verify(hello.proof, 'mooring-proof+jwt')
    const ath = createHash('sha256').update(hello.token).digest('base64url')
    const proven =
      claims?.['aud'] === 'mooring:socket' &&
      claims['nonce'] === nonce &&
      claims['ath'] === ath &&
      claims['origin'] === origin
    if (!proven || !this.#good.has(hello.token)) return socket.close(4501)
    const code = this.onHello(hello, this.hellos.length)
    if (code !== null) return socket.close(code)
    this.#admit(socket, hello.feeds?.[USER])
  }

  async #refresh(socket: WebSocket, { token, proof }: Hello): Promise<void> {
    const claims = await this.#verify(proof, 'mooring-proof+jwt')
    const ath = createHash('sha256').update(token).digest('base64url')
    const good = claims?.['aud'] === 'mooring:socket' && claims['ath'] === ath && this.#good.has(token)
    this.refreshes.push({ token, nonce: claims?.['nonce'], good })
    socket.send(
      JSON.stringify({ t: 'token', expires_at: new Date(Date.now() + this.tokenLifeS * 1_000).toISOString() }),
    )
  }

  #admit(socket: WebSocket, cursor: FeedCursor | undefined): void {
    const behind = cursor === undefined || cursor.epoch !== this.epoch ? Infinity : this.head - cursor.seq
    const mode = behind === 0 ? 'live' : behind > 0 && behind <= this.window ? 'replay' : 'snapshot'
    socket.send(
      JSON.stringify({
        t: 'ready',
        session: 'ses_scripted0',
        user: USER,
        device: DEVICE,
        heartbeat_ms: this.heartbeatMs,
        time: new Date().toISOString(),
        expires_at: new Date(Date.now() + 900_000).toISOString(),
        env: 'test',
        nonce: 'unused',
        feeds: { [USER]: { mode, epoch: this.epoch, seq: this.head } },
      }),
    )
    if (mode === 'replay') for (let seq = this.head - behind + 1; seq <= this.head; seq++) this.#sendEvent(socket, seq)
    if (mode === 'snapshot') this.sendSnapshot(socket)
    this.#ready.add(socket)
  }

  sendSnapshot(socket: WebSocket): void {
    const parts = this.snapshotParts ?? [this.state]
    const common = { t: 'snapshot', feed: USER, epoch: this.epoch, seq: this.head, pos: `p${this.head}` }
    parts.forEach((body, i) => {
      socket.send(JSON.stringify({ ...common, part: i + 1, last: i === parts.length - 1, body }))
    })
  }

  #sendEvent(socket: WebSocket, seq: number): void {
    const event = this.#events.find((one) => one.seq === seq)
    if (event === undefined) throw new Error(`no event ${seq}`)
    const at = new Date().toISOString()
    socket.send(JSON.stringify({ t: 'event', feed: USER, pos: `p${seq}`, id: `evt_scripted${seq}`, at, ...event }))
  }

  #command(socket: WebSocket, cmd: Cmd): void {
    this.commands.push(cmd)
    this.onCommand(cmd, (frame) => socket.send(JSON.stringify({ t: 'reply', id: cmd.id, ...frame })), socket)
  }

  async #verify(jws: string, typ: string): Promise<Record<string, unknown> | null> {
    if (this.#publicKey === null) return null
    try {
      const verified = await compactVerify(jws, await importJWK(this.#publicKey, 'ES256'), { algorithms: ['ES256'] })
      if (verified.protectedHeader.typ !== typ) return null
      return JSON.parse(new TextDecoder().decode(verified.payload)) as Record<string, unknown>
    } catch {
      return null
    }
  }

  async #rest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      const page = this.onGet(request.url ?? '/')
      response.writeHead(page === null ? 404 : 200, { 'content-type': page?.type ?? 'text/plain' })
      response.end(page?.text)
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>
    const answer = (status: number, value: object) => {
      response.writeHead(status, { 'content-type': status < 300 ? 'application/json' : 'application/problem+json' })
      response.end(JSON.stringify(value))
    }
    const problem = (status: number, code: string) =>
      answer(status, {
        type: code,
        title: code,
        status,
        detail: code,
        code,
        request_id: 'req_1',
        retryable: status >= 500,
      })
    if (request.url === '/v1/nonces') {
      const nonce = randomBytes(16).toString('base64url')
      this.#nonces.add(nonce)
      return answer(201, { nonce, expires_at: new Date().toISOString() })
    }
    if (request.url === '/v1/tokens') {
      if (this.tokenStatus !== 200)
        return problem(this.tokenStatus, this.tokenStatus === 503 ? 'overloaded' : 'unauthenticated')
      const claims = await this.#verify(String(body['proof']), 'mooring-proof+jwt')
      const fresh = this.#nonces.delete(String(claims?.['nonce']))
      if (!fresh || claims?.['aud'] !== 'mooring:token' || claims['sub'] !== body['device'])
        return problem(401, 'unauthenticated')
      const token = `token-${++this.tokensIssued}`
      this.#good.add(token)
      return answer(200, { access_token: token, expires_in: this.tokenLifeS })
    }
    if (request.url === '/v1/enrolments') {
      const device = body['device'] as { name: string; public_key: JWK }
      this.#publicKey = device.public_key
      this.enrolments.push({ phone: String(body['phone']), name: device.name })
      const end = this.onEnrolment(this.enrolments.length)
      if (end === 'lost') return void request.socket.destroy()
      if (end !== null) return problem(end.status, end.code)
      return answer(201, { id: 'enr_scripted01', expires_at: new Date().toISOString() })
    }
    if (request.url === '/v1/enrolments/enr_scripted01/verify') {
      const claims = await this.#verify(String(body['proof']), 'mooring-proof+jwt')
      if (claims?.['enrolment'] !== 'enr_scripted01' || claims['aud'] !== 'mooring:enrol')
        return problem(401, 'unauthenticated')
      if (body['otp'] !== OTP) return problem(422, 'otp_wrong')
      return answer(200, { user: USER, device: DEVICE })
    }
    return problem(404, 'not_found')
  }
}

/** A clock that runs `times` as fast, so that real deadlines pass in a test. */
export function hurried(times: number): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now() * times,
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms / times)
      return () => clearTimeout(timer)
    },
  }
}
