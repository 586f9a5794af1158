import { z } from 'zod'
import type { FeedEvent, FeedHeadsAnswer, FeedOpened, FeedPaged } from '../bus/index.ts'
import { invalidRequest, refusalReply } from '../bus/index.ts'
import { FeedCursor, SOCKET_LIMITS, FeedId } from '../contract/index.ts'
import type { EventName } from '../contract/names.ts'
import { timestamp } from '../domain/clock.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { feedOf, type SocketHolder } from '../identity/index.ts'
import type { Query } from '../ledger/index.ts'
import { guarded, type Respond } from './commands/index.ts'
import type { PaymentDeps } from './deps.ts'
import { follow } from './followed.ts'
import { fitting } from './page.ts'
import { snapshotOf } from './snapshot.ts'

/**
 * Feeds as Postgres has them, for edges: the head against a client's cursor, a
 * page of what it missed, or a snapshot. A device reads its own user's feed only, a
 * merchant's socket the one that its token names.
 */
export function feedCommands(deps: PaymentDeps): Readonly<Record<'feed.open' | 'feed.page' | 'feed.heads', Respond>> {
  return {
    'feed.open': feedCommand(
      deps,
      OpenBody,
      (body) => [body.feed],
      (holder, body) => openFeed(deps, holder, body),
    ),
    'feed.page': feedCommand(
      deps,
      PageBody,
      (body) => [body.feed],
      async (_holder, body) => ok(await readPage(deps.sql, body)),
    ),
    'feed.heads': feedCommand(
      deps,
      HeadsBody,
      (body) => body.feeds,
      async (_holder, body) => ok(await readHeads(deps.sql, body.feeds)),
    ),
  }
}

const OpenBody = z.strictObject({ feed: FeedId, cursor: FeedCursor.optional() })
const PageBody = z.strictObject({ feed: FeedId, after: z.number().int().min(0), upto: z.number().int().min(0) })
const HeadsBody = z.strictObject({ feeds: z.array(FeedId).max(16) })

function feedCommand<S extends z.ZodType>(
  deps: PaymentDeps,
  schema: S,
  feedsOf: (body: z.infer<S>) => string[],
  answer: (holder: SocketHolder, body: z.infer<S>) => Promise<Result<unknown, Refusal>>,
): Respond {
  return guarded(deps, async (request) => {
    const refused = (refusal: Refusal) => ({ reply: refusalReply(refusal, request.requestId) })
    const body = schema.safeParse(request.body)
    if (!body.success) return refused(invalidRequest(body.error))
    if (request.credential.type !== 'device') return refused(refuse('unauthenticated', 'A feed is read by a socket.'))
    const holder = await deps.authenticateSocket(request.credential.token)
    if (!holder.ok) return refused(holder.error)
    if (feedsOf(body.data).some((feed) => feed !== feedOf(holder.value))) {
      return refused(refuse('forbidden', 'This feed is not yours.', { param: 'feed' }))
    }
    const answered = await answer(holder.value, body.data)
    return answered.ok ? { reply: { ok: true, body: answered.value } } : refused(answered.error)
  })
}

/** Before the relay's first publish there is no epoch yet; clients then start from a snapshot. */
const NO_EPOCH = 'none'

async function openFeed(
  deps: PaymentDeps,
  holder: SocketHolder,
  { feed, cursor }: z.infer<typeof OpenBody>,
): Promise<Result<FeedOpened, Refusal>> {
  if (holder.holder === 'merchant' && !(await follow(deps.sql, feed))) {
    return err(refuse('temporarily_unavailable', 'This feed is being begun; connect again shortly.'))
  }
  const opened = await deps.sql.begin('isolation level repeatable read read only', async (sql) => {
    const [head] = await sql<{ epoch: string | null; seq: bigint | null; pos: bigint | null }[]>`
      select (select epoch from feed_stream) as epoch, (select seq from feed_heads where feed = ${feed}) as seq,
        (select pos from outbox where feed = ${feed} and pos is not null order by seq desc limit 1) as pos`
    const epoch = head?.epoch ?? NO_EPOCH
    const seq = Number(head?.seq ?? 0n)
    const state = { epoch, seq, pos: (head?.pos ?? 0n).toString() }
    const missed = cursor === undefined || cursor.epoch !== epoch ? Number.POSITIVE_INFINITY : seq - cursor.seq
    if (missed === 0) return { mode: 'live' as const, ...state }
    if (missed > 0 && missed <= SOCKET_LIMITS.replay_events && (await isKept(sql, feed, seq - missed + 1))) {
      return { mode: 'replay' as const, ...state }
    }
    return {
      mode: 'snapshot' as const,
      ...state,
      snapshot: await snapshotOf(sql, holder, { currency: deps.rules.currency, ids: deps.ids }),
    }
  })
  return ok(opened)
}

async function isKept(sql: Query, feed: string, seq: number): Promise<boolean> {
  const rows = await sql`select from outbox where feed = ${feed} and seq = ${seq}`
  return rows.length > 0
}

async function readPage(sql: Query, body: z.infer<typeof PageBody>): Promise<FeedPaged> {
  const rows = await sql<
    { id: string; seq: bigint; name: EventName; at: Date; body: unknown; pos: bigint | null; epoch: string | null }[]
  >`
    select id, seq, name, at, body, pos, (select epoch from feed_stream) as epoch
    from outbox
    where feed = ${body.feed} and seq > ${body.after} and seq <= ${body.upto}
    order by seq
    limit ${SOCKET_LIMITS.replay_page}`
  const events = rows.map((row): FeedEvent & { pos: string } => ({
    feed: body.feed,
    seq: Number(row.seq),
    id: row.id,
    name: row.name,
    at: timestamp(row.at.getTime()),
    body: row.body,
    pos: (row.pos ?? 0n).toString(),
  }))
  return { epoch: rows[0]?.epoch ?? NO_EPOCH, events: fitting(events) }
}

async function readHeads(sql: Query, feeds: string[]): Promise<FeedHeadsAnswer> {
  const rows = await sql<{ feed: string; seq: bigint }[]>`select feed, seq from feed_heads where feed in ${sql(feeds)}`
  const heads = Object.fromEntries(feeds.map((feed) => [feed, 0]))
  for (const row of rows) heads[row.feed] = Number(row.seq)
  return { heads }
}
