import { z } from 'zod'
import type { FeedEvent, FeedHeadsAnswer, FeedOpened, FeedPaged } from '../bus/index.ts'
import { invalidRequest, refusalReply } from '../bus/index.ts'
import { FeedCursor, SOCKET_LIMITS, type SnapshotBody, FeedId } from '../contract/index.ts'
import type { EventName } from '../contract/names.ts'
import { timestamp } from '../domain/clock.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { ok, type Result } from '../domain/result.ts'
import type { Query } from '../ledger/index.ts'
import { balancesOf, guarded, type Respond } from './commands/index.ts'
import type { PaymentDeps } from './deps.ts'
import type { PaymentRow } from './rows.ts'
import { paymentView } from './view.ts'

/**
 * Feeds as Postgres has them, for edges: the head against a client's cursor, a
 * page of what it missed, or a snapshot. A device reads its own user's feed only.
 */
export function feedCommands(deps: PaymentDeps): Readonly<Record<'feed.open' | 'feed.page' | 'feed.heads', Respond>> {
  return {
    'feed.open': feedCommand(
      deps,
      OpenBody,
      (body) => [body.feed],
      (user, body) => openFeed(deps, user, body),
    ),
    'feed.page': feedCommand(
      deps,
      PageBody,
      (body) => [body.feed],
      (_user, body) => readPage(deps.sql, body),
    ),
    'feed.heads': feedCommand(
      deps,
      HeadsBody,
      (body) => body.feeds,
      (_user, body) => readHeads(deps.sql, body.feeds),
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
  answer: (user: string, body: z.infer<S>) => Promise<unknown>,
): Respond {
  return guarded(deps, async (request) => {
    const body = schema.safeParse(request.body)
    if (!body.success) return { reply: refusalReply(invalidRequest(body.error), request.requestId) }
    const user = await readerOf(deps, request.credential)
    if (!user.ok) return { reply: refusalReply(user.error, request.requestId) }
    if (feedsOf(body.data).some((feed) => feed !== user.value)) {
      return {
        reply: refusalReply(refuse('forbidden', 'This feed is not yours.', { param: 'feed' }), request.requestId),
      }
    }
    return { reply: { ok: true, body: await answer(user.value, body.data) } }
  })
}

async function readerOf(
  deps: PaymentDeps,
  credential: { type: string; token?: string },
): Promise<Result<string, Refusal>> {
  if (credential.type !== 'device' || credential.token === undefined) {
    return { ok: false, error: refuse('unauthenticated', 'A feed is read by a phone.') }
  }
  const principal = await deps.authenticate(credential.token)
  return principal.ok ? ok(principal.value.user) : principal
}

/** Before the relay's first publish there is no epoch yet; clients then start from a snapshot. */
const NO_EPOCH = 'none'

async function openFeed(deps: PaymentDeps, user: string, body: z.infer<typeof OpenBody>): Promise<FeedOpened> {
  const { feed, cursor } = body
  return deps.sql.begin('isolation level repeatable read read only', async (sql) => {
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
    return { mode: 'snapshot' as const, ...state, snapshot: await snapshotOf(sql, user, deps.rules.currency) }
  })
}

async function isKept(sql: Query, feed: string, seq: number): Promise<boolean> {
  const rows = await sql`select from outbox where feed = ${feed} and seq = ${seq}`
  return rows.length > 0
}

async function snapshotOf(sql: Query, user: string, currency: string): Promise<SnapshotBody> {
  const limits = { open: SOCKET_LIMITS.snapshot_open_payments, ended: SOCKET_LIMITS.snapshot_ended_payments }
  // Each branch walks one index from its newest end, so the size of a user's history costs nothing.
  const rows = await sql<(PaymentRow & { open: boolean })[]>`
    (select *, true as open from (
      (select * from payments where payer = ${user} and status not in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${limits.open + 1})
      union
      (select * from payments where payee = ${user} and merchant is null and status not in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${limits.open + 1})
    ) o order by id desc limit ${limits.open + 1})
    union all
    (select *, false as open from (
      (select * from payments where payer = ${user} and status in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${limits.ended})
      union
      (select * from payments where payee = ${user} and merchant is null and status in ('succeeded', 'failed', 'canceled', 'expired')
       order by id desc limit ${limits.ended})
    ) e order by id desc limit ${limits.ended})`
  const open = rows.filter((row) => row.open)
  const shown = [...open.slice(0, limits.open), ...rows.filter((row) => !row.open)]
  return {
    payments: shown.map((row) => paymentView(row, row.payer === user ? 'payer' : 'payee')),
    balances: await balancesOf(sql, user, currency),
    ...(open.length > limits.open ? { more: true } : {}),
  }
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
  return { epoch: rows[0]?.epoch ?? NO_EPOCH, events }
}

async function readHeads(sql: Query, feeds: string[]): Promise<FeedHeadsAnswer> {
  const rows = await sql<{ feed: string; seq: bigint }[]>`select feed, seq from feed_heads where feed in ${sql(feeds)}`
  const heads = Object.fromEntries(feeds.map((feed) => [feed, 0]))
  for (const row of rows) heads[row.feed] = Number(row.seq)
  return { heads }
}
