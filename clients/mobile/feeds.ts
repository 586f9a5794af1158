import type { EventFrame, FeedCursor, ReadyFrame, SnapshotFrame } from './frames.ts'

/**
 * Where the client stands in each feed. Invariants:
 *  F1  an event is applied once, in order: seq = last + 1; ≤ last is dropped.
 *  F2  a hole is never stepped over: the session resumes from the last cursor.
 *  F3  a cursor moves only after what it stands for was applied.
 *  F4  a snapshot is applied whole or not at all.
 */
export type FeedState = { at: 'following'; cursor: FeedCursor } | { at: 'awaiting_snapshot'; parts: SnapshotFrame[] }

export type Verdict = 'apply' | 'drop' | 'gap'

export class Feeds {
  readonly #feeds = new Map<string, FeedState>()

  constructor(cursors: Record<string, FeedCursor> = {}) {
    for (const [feed, cursor] of Object.entries(cursors)) this.#feeds.set(feed, { at: 'following', cursor })
  }

  /** What `hello` tells the server; a feed whose snapshot never came whole has none. */
  cursors(): Record<string, FeedCursor> {
    const out: Record<string, FeedCursor> = {}
    for (const [feed, state] of this.#feeds) if (state.at === 'following') out[feed] = state.cursor
    return out
  }

  seq(feed: string): number | null {
    const state = this.#feeds.get(feed)
    return state?.at === 'following' ? state.cursor.seq : null
  }

  opened(feeds: ReadyFrame['feeds']): void {
    for (const feed of this.#feeds.keys()) if (!Object.hasOwn(feeds, feed)) this.#feeds.delete(feed)
    for (const [feed, { mode, epoch, seq }] of Object.entries(feeds)) {
      const state = this.#feeds.get(feed)
      if (mode === 'snapshot') this.#feeds.set(feed, { at: 'awaiting_snapshot', parts: [] })
      else if (state?.at !== 'following') this.#feeds.set(feed, { at: 'following', cursor: { epoch, seq } })
    }
  }

  /** Judges an event (F1, F2); the caller applies it and then calls `advance` (F3). */
  judge(event: EventFrame): Verdict {
    const seq = this.seq(event.feed)
    if (seq === null) return 'gap'
    if (event.seq <= seq) return 'drop'
    return event.seq === seq + 1 ? 'apply' : 'gap'
  }

  advance(event: EventFrame): void {
    const state = this.#feeds.get(event.feed)
    if (state?.at !== 'following') return
    const { epoch } = state.cursor
    this.#feeds.set(event.feed, { at: 'following', cursor: { epoch, seq: event.seq, pos: event.pos } })
  }

  /** Gathers parts; the whole snapshot's bodies once the last part is there (F4). */
  gather(frame: SnapshotFrame): SnapshotFrame['body'][] | null {
    const state = this.#feeds.get(frame.feed)
    const earlier = state?.at === 'awaiting_snapshot' && frame.part > 1 ? state.parts : []
    const parts = [...earlier, frame]
    this.#feeds.set(frame.feed, { at: 'awaiting_snapshot', parts })
    return frame.last && parts.length === frame.part ? parts.map((part) => part.body) : null
  }

  /** The snapshot was applied: follow from its `seq`. */
  restart(frame: SnapshotFrame): void {
    const { epoch, seq, pos } = frame
    this.#feeds.set(frame.feed, { at: 'following', cursor: { epoch, seq, pos } })
  }
}
