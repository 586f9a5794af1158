import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { EdgeLimits } from '../../../src/edge/index.ts'
import type { TlsFiles, TransportKind } from '../../../src/edge/transport/index.ts'
import { nodeForUws } from '../../../tools/servers/newer-glibc.ts'
import { nodeEnv } from '../../../tools/servers/launch.ts'
import type { Said, Told } from './transport-main.ts'

const MAIN = fileURLToPath(new URL('transport-main.ts', import.meta.url))

type Answer = Extract<Said, { answer: unknown }>['answer']
/** Those that are numbers. */
type NumberLimits = { [K in keyof EdgeLimits as EdgeLimits[K] extends number ? K : never]?: number }

export type Opening = {
  port?: number
  origins?: string[]
  loopbackFree?: boolean
  /** As MOORING_PROXIES. */
  proxies?: string
  limits?: NumberLimits
  tls?: TlsFiles
}

/** A transport in a process of its own, which for uWebSockets.js may need another C library than this one has. */
export class TransportHost {
  readonly accepted: { address: string; origin: string | undefined }[] = []
  readonly heard: string[] = []
  readonly closes: number[] = []
  drained = 0
  port = 0
  kind = ''
  /** How often it was opened; what is still said of an earlier time is passed over. */
  #door = 0
  readonly #child: ChildProcess
  readonly #waiting: ((answer: Answer) => void)[] = []

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message) => this.#hear(message))
    child.once('exit', () => {
      for (const answered of this.#waiting) answered({ error: 'the process of the transport ended' })
    })
  }

  static async start(kind: TransportKind): Promise<TransportHost> {
    const node =
      kind === 'uws'
        ? await nodeForUws((line) => void process.stderr.write(`${line}\n`))
        : { command: process.execPath, args: [] }
    const child = spawn(node.command, [...node.args, MAIN], {
      env: nodeEnv(),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    return new TransportHost(child)
  }

  /** Opens the door anew; what was heard before is forgotten. @throws what the transport says where it cannot */
  async listen(kind: TransportKind, opening: Opening = {}): Promise<void> {
    const { port = 0, origins = [], loopbackFree = true, proxies = '', limits = {}, tls } = opening
    for (const list of [this.accepted, this.heard, this.closes]) list.length = 0
    this.#door++
    this.drained = 0
    const answer = await this.#tell({
      do: 'listen',
      kind,
      port,
      origins,
      loopbackFree,
      proxies,
      limits,
      ...(tls === undefined ? {} : { tls }),
    })
    if ('error' in answer) throw new Error(answer.error)
    if (!('port' in answer)) throw new Error('the transport did not say where it listens')
    this.port = answer.port
    this.kind = answer.kind
  }

  send(socket: number, text: string, times = 1): Promise<Answer> {
    return this.#tell({ do: 'send', socket, text, times })
  }

  close(socket: number, code: Extract<Told, { do: 'close' }>['code'], reason: string): Promise<Answer> {
    return this.#tell({ do: 'close', socket, code, reason })
  }

  async queued(socket: number): Promise<number> {
    const answer = await this.#tell({ do: 'queued', socket })
    return 'queued' in answer ? answer.queued : -1
  }

  stopAccepting(): Promise<Answer> {
    return this.#tell({ do: 'stopAccepting' })
  }

  shut(): Promise<Answer> {
    return this.#tell({ do: 'shut' })
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }

  #tell(told: Told): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#child.send(told)
    })
  }

  #hear(message: unknown): void {
    const said = message as Said
    if ('answer' in said) {
      this.#waiting.shift()?.(said.answer)
      return
    }
    if (said.door !== this.#door) return
    switch (said.event) {
      case 'accepted':
        this.accepted.push({ address: said.address, origin: said.origin })
        break
      case 'heard':
        this.heard.push(said.text)
        break
      case 'drained':
        this.drained++
        break
      case 'closed':
        this.closes.push(said.code)
        break
    }
  }
}
