import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SimClock } from '../common/clock.ts'
import { Journal } from '../common/journal.ts'
import { BankState, type Entry } from './state.ts'

/** The bank's state with its log: what happens is told to both, and an answer waits until the log has it. */
export class Bank {
  readonly state: BankState
  readonly clock: SimClock
  readonly #journal: Journal<unknown>

  private constructor(state: BankState, clock: SimClock, journal: Journal<unknown>) {
    this.state = state
    this.clock = clock
    this.#journal = journal
  }

  static async open(directory: string, onFailure: (error: unknown) => void): Promise<Bank> {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const state = new BankState()
    const clock = new SimClock()
    const journal = await Journal.open<unknown>(
      join(directory, 'bank.jsonl'),
      (line) => line,
      (line) => state.apply(decodeEntry(line)),
      onFailure,
    )
    clock.shift(state.clockOffsetMs)
    return new Bank(state, clock, journal)
  }

  /** True in memory at once; claimed to anyone only after `durable()`. */
  record(entry: Entry): void {
    this.state.apply(entry)
    this.#journal.append(encodeEntry(entry))
  }

  durable(): Promise<void> {
    return this.#journal.flushed()
  }

  close(): Promise<void> {
    return this.#journal.close()
  }
}

/** Members that are bigint in memory and text in the log. */
const MINOR_MEMBERS = new Set(['amountMinor', 'openingMinor'])

function encodeEntry(entry: Entry): unknown {
  return mapMinor(entry, (value) => (typeof value === 'bigint' ? value.toString() : value))
}

function decodeEntry(line: unknown): Entry {
  // codec: the log is this file's own writing, whole by J1; its lines are entries once the amounts are back
  return mapMinor(line, (value) => (typeof value === 'string' ? BigInt(value) : value)) as Entry
}

function mapMinor(value: unknown, turn: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapMinor(item, turn))
  if (typeof value !== 'object' || value === null) return value
  const out: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value))
    out[name] = MINOR_MEMBERS.has(name) ? turn(member) : mapMinor(member, turn)
  return out
}
