import type {
  FeedHeadsAnswer,
  FeedOpen,
  FeedOpened,
  FeedPaged,
  HubReply,
  SessionOpen,
  SessionOpened,
} from '../bus/index.ts'
import { CLOSE, type FeedCursor, type HelloFrame, type TokenFrame } from '../contract/index.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { ending, endingOf, type Ending } from './faults.ts'
import type { HubLink } from './hub-link.ts'

/*
 * What the edge asks the hub about a session. Answers come from our own hub over
 * a subject only hubs may answer, so their shape is trusted here (bus/messages.ts).
 */

/** Who holds this token and signed this nonce; the hub decides, the edge believes it. */
export async function identify(
  hub: HubLink,
  hello: HelloFrame | TokenFrame,
  challenge: { nonce: string; origin: string | undefined },
  timeout_ms: number,
): Promise<Result<SessionOpened, Ending>> {
  const body: SessionOpen = {
    nonce: challenge.nonce,
    ...(hello.proof !== undefined && { proof: hello.proof }),
    ...(challenge.origin !== undefined && { origin: challenge.origin }),
  }
  return answered<SessionOpened>(await hub.ask({ name: 'session.open', token: hello.token, body, timeout_ms }))
}

/** The cursor for the user's own feed; a hello that names any other feed is turned away. */
export function ownCursor(hello: HelloFrame, feed: string): Result<FeedCursor | undefined, Ending> {
  const names = Object.keys(hello.feeds ?? {})
  if (names.some((name) => name !== feed)) {
    return err(ending(CLOSE.forbidden, 'hello names a feed that is not yours', 'forbidden'))
  }
  return ok(hello.feeds?.[feed])
}

export async function openFeed(
  hub: HubLink,
  token: string,
  feed: string,
  cursor: FeedCursor | undefined,
  timeout_ms: number,
): Promise<Result<FeedOpened, Ending>> {
  const body: FeedOpen = { feed, ...(cursor !== undefined && { cursor }) }
  return answered<FeedOpened>(await hub.ask({ name: 'feed.open', token, body, timeout_ms }))
}

export async function readPage(
  hub: HubLink,
  token: string,
  range: { feed: string; after: number; upto: number },
  timeout_ms: number,
): Promise<Result<FeedPaged, Ending>> {
  return answered<FeedPaged>(await hub.ask({ name: 'feed.page', token, body: range, timeout_ms }))
}

export async function readHead(
  hub: HubLink,
  token: string,
  feed: string,
  timeout_ms: number,
): Promise<Result<number, Ending>> {
  const reply = answered<FeedHeadsAnswer>(
    await hub.ask({ name: 'feed.heads', token, body: { feeds: [feed] }, timeout_ms }),
  )
  return reply.ok ? ok(reply.value.heads[feed] ?? 0) : reply
}

function answered<T>(reply: HubReply): Result<T, Ending> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- codec: the hub's answer to this very command
  return reply.ok ? ok(reply.body as T) : err(endingOf(reply.error))
}
