/** The simulator's own time: the machine's clock plus an offset a test may set (ms since the epoch). */
export class SimClock {
  #offsetMs = 0
  readonly #onShift: (() => void)[] = []

  nowMs(): number {
    return Date.now() + this.#offsetMs
  }

  shift(offsetMs: number): void {
    this.#offsetMs = offsetMs
    for (const tell of this.#onShift) tell()
  }

  onShift(tell: () => void): void {
    this.#onShift.push(tell)
  }
}

/** Things due at a moment of the simulator's clock; they move with it when a test shifts it. */
export class Alarms {
  readonly #clock: SimClock
  readonly #due = new Map<string, { atMs: number; run: () => void; timer: NodeJS.Timeout }>()

  constructor(clock: SimClock) {
    this.#clock = clock
    clock.onShift(() => {
      for (const [id, { atMs, run }] of Array.from(this.#due)) this.set(id, atMs, run)
    })
  }

  /** One alarm per id: setting it again replaces it. */
  set(id: string, atMs: number, run: () => void): void {
    this.clear(id)
    const wait = Math.min(Math.max(0, atMs - this.#clock.nowMs()), LONGEST_TIMER_MS)
    const timer = setTimeout(() => {
      const early = this.#clock.nowMs() < atMs
      if (early) this.set(id, atMs, run)
      else {
        this.#due.delete(id)
        run()
      }
    }, wait)
    this.#due.set(id, { atMs, run, timer })
  }

  clear(id: string): void {
    const due = this.#due.get(id)
    if (due === undefined) return
    clearTimeout(due.timer)
    this.#due.delete(id)
  }

  stop(): void {
    for (const { timer } of this.#due.values()) clearTimeout(timer)
    this.#due.clear()
  }
}

/** setTimeout's own limit is 2^31 - 1 ms; a longer wait is split. */
const LONGEST_TIMER_MS = 86_400_000
