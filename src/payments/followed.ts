import { setTimeout as delay } from 'node:timers/promises'
import type { Sql } from '../ledger/index.ts'

/**
 * Feeds of merchants and stores are written from when they are first followed (apply_units): most merchants never open
 * a socket, and a payment of theirs costs no event more. What happened before is in the snapshot that whoever follows
 * for the first time gets, as without a cursor; so nothing may fall between the two.
 */

/** How long transactions that may not know of a feed's first follower are waited for, and how often they are looked at, ms. */
const WAIT = { most_ms: 5_000, poll_ms: 5 }

/**
 * Has a feed written from now on: true once each event that a snapshot taken later lacks goes into it. False where
 * transactions stand still that may not know of it: nothing is lost by asking again.
 *
 * A unit asks whether the feed is followed in a transaction that has its id. One that has not seen the row had its id
 * before the row was committed, so before the id that is drawn after it here: all below that one are waited for. Whoever
 * finds a row of which nobody has said that they ended waits by itself.
 */
export async function follow(sql: Sql, feed: string, wait: typeof WAIT = WAIT): Promise<boolean> {
  const [known] = await sql<{ complete: boolean }[]>`
    select complete_from is not null as complete from followed_feeds where feed = ${feed}`
  if (known?.complete === true) return true
  if (known === undefined) await sql`insert into followed_feeds (feed) values (${feed}) on conflict do nothing`
  const [drawn] = await sql<{ id: string }[]>`select pg_current_xact_id()::text as id`
  const end = performance.now() + wait.most_ms
  for (;;) {
    const [seen] = await sql<{ ended: boolean }[]>`
      select pg_snapshot_xmin(pg_current_snapshot()) > ${drawn?.id ?? ''}::text::xid8 as ended`
    if (seen?.ended === true) break
    if (performance.now() > end) return false
    await delay(wait.poll_ms)
  }
  await sql`update followed_feeds set complete_from = clock_timestamp() where feed = ${feed} and complete_from is null`
  return true
}
