/** Writes the latest of something, one write at a time; what changes meanwhile is in the next one. */
export class Latest {
  readonly #write: () => Promise<void>
  #isWritten = true
  #writing: Promise<void> | null = null

  constructor(write: () => Promise<void>) {
    this.#write = write
  }

  /** Resolves when all that has changed so far is written. */
  changed(): Promise<void> {
    this.#isWritten = false
    this.#writing ??= this.#writeAll()
    return this.#writing
  }

  async #writeAll(): Promise<void> {
    while (!this.#isWritten) {
      this.#isWritten = true
      await this.#write().catch(() => {})
    }
    this.#writing = null
  }
}
