/** A bell for one sleeper: a ring while it is awake is remembered, many rings count as one. */
export class Wake {
  #rung = false
  #resolve: (() => void) | null = null

  ring(): void {
    this.#rung = true
    this.#resolve?.()
  }

  /** What is looked at from here on answers every ring so far. */
  hear(): void {
    this.#rung = false
  }

  /** Sleeps until rung or until `timeout_ms` have passed; a ring since the last sleep that was not heard ends it at once. */
  async sleep(timeout_ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout_ms)
        this.#resolve = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#resolve = null
    }
    this.#rung = false
  }
}
