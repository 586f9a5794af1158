import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

const Ready = z.object({ event: z.literal('ready'), port: z.number(), control: z.number().optional() })

/** A simulator as the process it is in production of tests: started, killed, started again on the same data. */
export class SimProcess {
  readonly #main: string
  readonly #env: Record<string, string>
  #child: ChildProcess | null = null
  readonly #lines: string[] = []
  port = 0
  controlPort = 0

  /** `main` from the project's root. */
  constructor(main: string, env: Record<string, string>) {
    this.#main = join(import.meta.dirname, '../..', main)
    this.#env = env
  }

  get output(): string {
    return this.#lines.join('\n')
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get alive(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Waits for the `ready` line. Ports once given are kept for the next start. */
  async start(): Promise<void> {
    const env = {
      PATH: process.env['PATH'] ?? '',
      ...this.#env,
      SIM_PORT: String(this.port),
      SIM_CONTROL_PORT: String(this.controlPort),
    }
    const child = spawn(process.execPath, [this.#main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    child.stderr.on('data', (text: Buffer) => this.#lines.push(text.toString()))
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code, signal) => reject(new Error(`exited ${code ?? signal ?? ''}\n${this.output}`)))
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.#lines.push(line)
        const ready = Ready.safeParse(JSON.parse(line))
        if (!ready.success) return
        this.port = ready.data.port
        this.controlPort = ready.data.control ?? this.port
        resolve()
      })
    })
  }

  async exited(): Promise<NodeJS.Signals | number | null> {
    const child = this.#child
    if (child === null) return null
    if (child.exitCode === null && child.signalCode === null)
      await new Promise((resolve) => child.once('exit', resolve))
    return child.signalCode ?? child.exitCode
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.exited()
  }

  async terminate(): Promise<NodeJS.Signals | number | null> {
    this.#child?.kill('SIGTERM')
    return this.exited()
  }
}

/** Polls a condition until it holds. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | false> | T | null | false,
  withinMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== null && found !== false) return found
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await sleep(20)
  }
}
