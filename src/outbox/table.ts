import type { Sql, TransactionSql } from 'postgres'
import type { StreamState } from './stream.ts'

/** An event still to be published; `body` is the JSON text as it was committed. */
export type OutboxRow = {
  id: string
  feed: string
  seq: number
  name: string
  body: string
  at: Date
  /** The event before it in its feed is there and not published yet. */
  waits: boolean
}

/** What the stream answered for a published event. */
export type Published = Pick<OutboxRow, 'id' | 'feed' | 'seq'> & { streamSequence: number; duplicate: boolean }

/**
 * Unpublished rows, oldest ids first, then by feed and seq. Never a watermark:
 * a transaction may commit after one with a later id. The correlated subquery
 * (not a join) keeps this one index probe a row whatever the statistics say
 * about a table whose unpublished part is nearly always empty.
 */
export async function readUnpublished(sql: Sql, limitRows: number): Promise<OutboxRow[]> {
  const rows = await sql<(Omit<OutboxRow, 'seq' | 'waits'> & { seq: string; waits: boolean | null })[]>`
    select o.id, o.feed, o.seq, o.name, o.body::text as body, o.at,
           (select p.published_at is null from outbox p where p.feed = o.feed and p.seq = o.seq - 1) as waits
      from (select * from outbox where published_at is null order by id limit ${limitRows}) o
     order by o.feed, o.seq`
  return rows.map((row) => ({ ...row, seq: Number(row.seq), waits: row.waits ?? false }))
}

/** Records the acks of a batch and how far the stream has come, in one statement. */
export async function markPublished(sql: Sql, published: readonly Published[]): Promise<void> {
  const marks = JSON.stringify(
    published.map(({ feed, seq, streamSequence }) => ({ feed, seq, pos: String(streamSequence) })),
  )
  await sql`
    with marked as (
      update outbox o
         set published_at = now(), pos = m.pos
        from json_to_recordset(${marks}::text::json) as m (feed text, seq bigint, pos bigint)
       where o.feed = m.feed and o.seq = m.seq
      returning o.pos
    )
    update feed_stream
       set last_sequence = greatest(last_sequence, (select max(pos) from marked))`
}

/**
 * The epoch events are published under. A stream that is new, or that has come
 * less far than we saw it, is another incarnation: it gets a new epoch, and what
 * the old one may have held is published again. Both in one transaction, so that
 * a relay dying half way leaves nothing undone: the rows are simply unpublished.
 */
export async function establishEpoch(
  sql: Sql,
  stream: StreamState,
  options: { newEpoch: () => string; window_ms: number },
): Promise<{ epoch: string; lastSequence: number; fresh: boolean }> {
  return sql.begin(async (tx) => {
    const known = await readStreamRow(tx)
    if (known !== null && known.createdAt === stream.createdAt && known.lastSequence <= stream.lastSequence) {
      return { epoch: known.epoch, lastSequence: stream.lastSequence, fresh: false }
    }
    const epoch = options.newEpoch()
    if (known === null) {
      await tx`
        insert into feed_stream (epoch, stream_created_at, last_sequence)
        values (${epoch}, ${stream.createdAt}, ${stream.lastSequence})`
    } else {
      await tx`
        update feed_stream
           set epoch = ${epoch}, stream_created_at = ${stream.createdAt}, last_sequence = ${stream.lastSequence}`
    }
    await tx`
      update outbox set published_at = null, pos = null
       where published_at > now() - make_interval(secs => ${options.window_ms / 1000})`
    return { epoch, lastSequence: stream.lastSequence, fresh: true }
  })
}

async function readStreamRow(
  tx: TransactionSql,
): Promise<{ epoch: string; createdAt: string; lastSequence: number } | null> {
  const [row] = await tx<{ epoch: string; stream_created_at: Date; last_sequence: string }[]>`
    select epoch, stream_created_at, last_sequence from feed_stream for update`
  if (row === undefined) return null
  return { epoch: row.epoch, createdAt: row.stream_created_at.toISOString(), lastSequence: Number(row.last_sequence) }
}
