import { type Child, describeExit, startChild } from '../process/child.ts'
import type { Say } from '../paths.ts'
import type { Launch } from '../servers/launch.ts'
import { afterExit, type Backoff } from './backoff.ts'

/** The life of one supervised process is one value. */
type State =
  | { at: 'idle' }
  | { at: 'starting'; child: Child | undefined }
  | { at: 'ready'; child: Child; sinceMs: number }
  | { at: 'waiting'; timer: NodeJS.Timeout }
  | { at: 'stopped' }

type Options = {
  launch: Launch
  logPath: string
  say: Say
  /** A pid appeared, went, or became ready. */
  onChange: () => void
}

/** One process that is started again, with growing pauses, whenever it goes without having been asked to. */
export class Supervised {
  readonly name: string
  readonly logPath: string
  /** The pid that was ready last; kept while its successor is not ready yet. */
  readyPid: number | undefined
  readonly #options: Options
  #state: State = { at: 'idle' }
  #backoff: Backoff = { failures: 0 }
  /** The start that is under way; a stop waits for it, so that nothing is started behind its back. */
  #launching: Promise<void> = Promise.resolve()

  constructor(options: Options) {
    this.#options = options
    this.name = options.launch.name
    this.logPath = options.logPath
  }

  /** The pid that runs now, ready or not. */
  get pid(): number | undefined {
    return this.#state.at === 'starting' || this.#state.at === 'ready' ? this.#state.child?.pid : undefined
  }

  /** First start. @throws where it does not become ready; it is not tried again then. */
  async start(): Promise<void> {
    await this.#launch()
  }

  #launch(): Promise<void> {
    const launching = this.#launchOnce()
    this.#launching = launching.catch(() => {})
    return launching
  }

  /** Asks it to end, and sees that it does. Safe at any time; it is never started again. */
  async stop(options?: { timeoutMs?: number }): Promise<void> {
    const state = this.#state
    this.#state = { at: 'stopped' }
    if (state.at === 'waiting') clearTimeout(state.timer)
    if (state.at === 'starting' || state.at === 'ready') await state.child?.stop(options)
    await this.#launching
    this.#options.onChange()
  }

  async #launchOnce(): Promise<void> {
    const { launch, logPath, onChange } = this.#options
    this.#state = { at: 'starting', child: undefined }
    const child = await startChild(launch, logPath)
    if (this.#isStopped()) {
      await child.stop({ timeoutMs: 0 })
      return
    }
    this.#state = { at: 'starting', child }
    onChange()
    try {
      await child.untilReady()
    } catch (error) {
      await child.stop({ timeoutMs: 1_000 })
      if (!this.#isStopped()) this.#state = { at: 'idle' }
      onChange()
      throw error
    }
    if (this.#isStopped()) return
    const sinceMs = Date.now()
    this.#state = { at: 'ready', child, sinceMs }
    this.readyPid = child.pid
    onChange()
    void child.exited.then((exit) => this.#onExit(describeExit(exit), Date.now() - sinceMs))
  }

  #isStopped(): boolean {
    return this.#state.at === 'stopped'
  }

  #onExit(how: string, upMs: number): void {
    if (this.#isStopped()) return
    const { delayMs, backoff } = afterExit(this.#backoff, upMs)
    this.#backoff = backoff
    this.#options.say(`${this.name} ${how}; starting it again in ${delayMs / 1000} s`)
    this.#state = { at: 'waiting', timer: setTimeout(() => void this.#restart(), delayMs) }
    this.#options.onChange()
  }

  async #restart(): Promise<void> {
    const startedAt = Date.now()
    try {
      await this.#launch()
      if (!this.#isStopped()) {
        this.#options.say(`${this.name} is back after ${Date.now() - startedAt} ms, pid ${this.readyPid ?? '?'}`)
      }
    } catch (error) {
      this.#onExit(error instanceof Error ? error.message : String(error), 0)
    }
  }
}
