import { deferred, type Deferred } from './deferred.ts'
import { MooringError } from './errors.ts'

/**
 * A bounded queue between one producer and one `for await`. When it is full,
 * `fail` ends the reader with `consumer_too_slow` (nothing is lost unnoticed);
 * `skip` lets the oldest go, for streams where a later item says it all.
 */
export class Channel<T> implements AsyncIterableIterator<T> {
  readonly #limit: number
  readonly #onFull: 'fail' | 'skip'
  readonly #onDone: () => void
  readonly #items: T[] = []
  readonly #readers: Deferred<IteratorResult<T>>[] = []
  #end: { error: Error | null } | null = null

  constructor(options: { limit: number; onFull: 'fail' | 'skip'; onDone: () => void }) {
    this.#limit = options.limit
    this.#onFull = options.onFull
    this.#onDone = options.onDone
  }

  push(item: T): void {
    if (this.#end !== null) return
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      reader.resolve({ done: false, value: item })
      return
    }
    if (this.#items.length >= this.#limit) {
      if (this.#onFull === 'fail') {
        const error = new MooringError('consumer_too_slow', `more than ${this.#limit} events were left unread`)
        this.end(error)
        return
      }
      this.#items.shift()
    }
    this.#items.push(item)
  }

  /** No more items; those already here are still read, then the iteration ends, or throws `error`. */
  end(error: Error | null = null): void {
    if (this.#end !== null) return
    this.#end = { error }
    for (const reader of this.#readers.splice(0)) {
      if (error === null) reader.resolve({ done: true, value: undefined })
      else reader.reject(error)
    }
    this.#onDone()
  }

  next(): Promise<IteratorResult<T>> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve({ done: false, value: item })
    if (this.#end === null) {
      const reader = deferred<IteratorResult<T>>()
      this.#readers.push(reader)
      return reader.promise
    }
    const { error } = this.#end
    if (error === null) return Promise.resolve({ done: true, value: undefined })
    this.#end = { error: null }
    return Promise.reject(error)
  }

  /** The reader left its loop. */
  return(): Promise<IteratorResult<T>> {
    this.#items.length = 0
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
