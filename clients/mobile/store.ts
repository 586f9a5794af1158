import type { BalanceView, PaymentView } from '../../src/contract/index.ts'
import type { FeedCursor } from './frames.ts'

/** What a device keeps over restarts: the state and the cursors that go with it, as one value. */
export type Saved = { cursors: Record<string, FeedCursor>; payments: PaymentView[]; balances: BalanceView[] }

/**
 * Optional persistence. Without it every start begins with a snapshot. `save`
 * replaces what was there whole (IndexedDB, a file by rename); one that fails
 * costs nothing but a longer replay.
 */
export type Store = { load(): Promise<Saved | null>; save(saved: Saved): Promise<void> }

/** Saves the latest value, one write at a time; what changes meanwhile is in the next one. */
export class Saver {
  readonly #store: Store | null
  readonly #current: () => Saved
  #dirty = false
  #writing: Promise<void> | null = null

  constructor(store: Store | null, current: () => Saved) {
    this.#store = store
    this.#current = current
  }

  changed(): void {
    this.#dirty = true
    if (this.#store === null || this.#writing !== null) return
    this.#writing = this.#write(this.#store).finally(() => {
      this.#writing = null
    })
  }

  /** Resolves when nothing is left to write. */
  async flushed(): Promise<void> {
    await this.#writing
  }

  async #write(store: Store): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false
      try {
        await store.save(this.#current())
      } catch {
        return // the next change tries again
      }
    }
  }
}
