import { constants, createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Append-only log of JSON lines, the simulators' only durable state.
 *
 * J1. A line is whole or absent: a torn last line (killed while writing) is cut off when the log is opened.
 * J2. `flushed()` resolves only when everything appended before the call is on disk (O_DSYNC).
 * J3. Lines that wait together share one write, so that concurrent answers share one sync.
 * J4. A write that fails ends the process: what is on disk is then unknown, and an answer would be a guess.
 */
export class Journal {
  readonly #file: FileHandle
  readonly #onFailure: (error: unknown) => void
  #waiting = ''
  #next: PromiseWithResolvers<void> = Promise.withResolvers()
  #writing: Promise<void> | null = null

  private constructor(file: FileHandle, onFailure: (error: unknown) => void) {
    this.#file = file
    this.#onFailure = onFailure
  }

  /** Replays every line into `apply`, oldest first, then opens the log for appending. */
  static async open(
    path: string,
    apply: (line: unknown) => void,
    onFailure: (error: unknown) => void,
  ): Promise<Journal> {
    const { O_APPEND, O_CREAT, O_RDWR, O_DSYNC } = constants
    const file = await open(path, O_APPEND | O_CREAT | O_RDWR | O_DSYNC, 0o600)
    const whole = await replay(path, (text) => apply(JSON.parse(text)))
    await file.truncate(whole)
    await file.sync()
    const directory = await open(dirname(path), 'r')
    await directory.sync()
    await directory.close()
    return new Journal(file, onFailure)
  }

  /** Queues one line of JSON; it is durable once a later `flushed()` resolves. */
  append(line: string): void {
    this.#waiting += `${line}\n`
  }

  async flushed(): Promise<void> {
    if (this.#waiting === '') return this.#writing ?? undefined
    const batch = this.#next.promise
    this.#writing ??= this.#write()
    await batch
  }

  async close(): Promise<void> {
    await this.flushed()
    await this.#file.close()
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting !== '') {
        const lines = this.#waiting
        const written = this.#next
        this.#waiting = ''
        this.#next = Promise.withResolvers()
        await this.#file.appendFile(lines)
        written.resolve()
      }
      this.#writing = null
    } catch (error) {
      this.#onFailure(error)
    }
  }
}

/** Feeds each complete line and tells the length of the log up to its last newline, in bytes. */
async function replay(path: string, line: (text: string) => void): Promise<number> {
  let rest: Buffer = Buffer.alloc(0)
  let whole = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the log is read as bytes')
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (let end = data.indexOf(0x0a); end !== -1; end = data.indexOf(0x0a)) {
      line(data.toString('utf8', 0, end))
      whole += end + 1
      data = data.subarray(end + 1)
    }
    rest = data
  }
  return whole
}
