import type { HubReply, HubRequest } from '../../../src/bus/index.ts'
import type { FeedOpened, FeedPaged } from '../../../src/bus/messages.ts'
import {
  createMerchant,
  makeIdentity,
  readIdentityKeys,
  readPepper,
  type Handler,
} from '../../../src/identity/index.ts'
import { checkoutCommands, feedCommands, phoneCommands, type PaymentDeps } from '../../../src/payments/index.ts'
import { random } from '../../e2e/support/raw-key.ts'
import { hubKeys, makeOperator } from '../../identity/stage.ts'
import { ids, log } from '../../ledger/support/books.ts'
import { openStage } from './acceptance.ts'

/** Merchants with secret keys, stores and sockets, over the stage of acceptance. */

export type Shop = { id: string; secretKey: string; store: string }

export type MerchantStage = Awaited<ReturnType<typeof openMerchantStage>>

export async function openMerchantStage() {
  const stage = await openStage()
  const keys = await hubKeys()
  const hub = stage.hub({ mode: 'always' })
  const { sql, clock } = hub.deps
  const identity = makeIdentity({
    sql,
    clock,
    ids,
    keys: await readIdentityKeys(keys.dir),
    otp: makeOperator(),
    simSwap: { date: () => Promise.resolve({ kind: 'unknown' }) },
    wakeRelay: () => {},
    env: 'test',
    caps: 'on',
    log,
  })
  const deps: PaymentDeps = { ...hub.deps, ...identity }
  const commands = { ...checkoutCommands(deps), ...feedCommands(deps), ...phoneCommands(deps) }

  async function ask(
    name: keyof typeof commands,
    asked: Pick<HubRequest, 'credential' | 'body' | 'key'>,
  ): Promise<HubReply> {
    const { reply } = await commands[name]({ requestId: 'req_test', deadline: Date.now() + 60_000, ...asked })
    return reply
  }

  /** As the bridge asks for a merchant's server. */
  const server = (shop: Shop, name: keyof typeof commands, body: unknown, key = random(18)): Promise<HubReply> =>
    ask(name, { credential: { type: 'merchant', secretKey: shop.secretKey }, body, key })

  /** As an edge asks for a socket. */
  const socket = (token: string, name: keyof typeof commands, body: unknown): Promise<HubReply> =>
    ask(name, { credential: { type: 'device', token }, body, key: random(18) })

  return {
    stage,
    hub,
    deps,
    identity,
    ask,
    server,
    socket,

    async shop(name = 'Duka'): Promise<Shop> {
      const secretKey = `sk_test_${random(24)}`
      const made = await createMerchant(
        { sql: stage.books.owner, ids, pepper: readPepper(keys.dir) },
        { name, secretKey, feePlan: { basisPoints: 100n, fixedMinor: 0n }, storeName: 'Main' },
      )
      return { id: made.id, secretKey, store: made.store }
    },

    async token(shop: Shop, store?: string): Promise<string> {
      const body = bodyOf<{ token: string }>(
        await server(shop, 'merchant.socket_token', store === undefined ? {} : { store }),
      )
      return body.token
    },

    hello: (token: string, more: object = {}): ReturnType<Handler> =>
      identity.handlers['session.open']({
        requestId: 'req_test',
        credential: { type: 'device', token },
        body: { nonce: random(32), ...more },
        deadline: Date.now() + 60_000,
      }),

    open: async (token: string, feed: string, cursor?: object): Promise<FeedOpened> =>
      bodyOf<FeedOpened>(await socket(token, 'feed.open', { feed, ...(cursor === undefined ? {} : { cursor }) })),

    /** All events of a feed after a number, as an edge reads them. */
    async page(token: string, feed: string, after = 0): Promise<FeedPaged['events']> {
      const events: FeedPaged['events'] = []
      for (;;) {
        const from = events.at(-1)?.seq ?? after
        const asked = { feed, after: from, upto: Number.MAX_SAFE_INTEGER }
        const page = bodyOf<FeedPaged>(await socket(token, 'feed.page', asked))
        if (page.events.length === 0) return events
        events.push(...page.events)
      }
    },

    async close(): Promise<void> {
      await stage.close()
      keys.remove()
    },
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- codec: the answer to the command that was asked
export function bodyOf<T>(reply: HubReply): T {
  if (!reply.ok) throw new Error(`refused: ${reply.error.code} ${reply.error.message}`)
  return reply.body as T
}

export function codeOf(reply: HubReply): string {
  return reply.ok ? 'ok' : reply.error.code
}
