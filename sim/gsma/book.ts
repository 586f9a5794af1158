import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SimClock } from '../common/clock.ts'
import { Journal } from '../common/journal.ts'
import { decodeEntry, encodeEntry, type Entry } from './entry.ts'
import { OperatorState } from './state.ts'

/** The operator's state with its log. `record` is true in memory at once, and claimed to anyone only after `durable`. */
export type Book = {
  readonly state: OperatorState
  readonly clock: SimClock
  record(entry: Entry): void
  durable(): Promise<void>
  close(): Promise<void>
}

export async function openBook(directory: string, onFailure: (error: unknown) => void): Promise<Book> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const state = new OperatorState()
  const path = join(directory, 'money.jsonl')
  const journal = await Journal.open(path, (line) => state.apply(decodeEntry(line)), onFailure)
  const clock = new SimClock()
  clock.shift(state.clockOffsetMs)
  return {
    state,
    clock,
    record: (entry) => {
      state.apply(entry)
      journal.append(encodeEntry(entry))
    },
    durable: () => journal.flushed(),
    close: () => journal.close(),
  }
}
