import { invalidRequest, refusalReply } from '../bus/index.ts'
import {
  CreateStoreBody,
  ListStoresQuery,
  SocketTokenBody,
  StoreId,
  type StoreList,
  type StoreView,
} from '../contract/index.ts'
import { timestamp } from '../domain/clock.ts'
import { encodeStaticQr } from '../domain/emvco.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import type { Merchant } from '../identity/index.ts'
import type { Decision, Respond } from './commands/index.ts'
import type { PaymentDeps } from './deps.ts'
import { merchantChange, merchantCommand } from './merchant.ts'
import { findStore, ownsStore, type StoreRow } from './store-book.ts'

export type StoreCommand = 'store.create' | 'store.get' | 'store.qr' | 'store.list' | 'merchant.socket_token'

/** A merchant's stores, and the tokens with which its sockets hear of one or all of them (protocol.md §2). */
export function storeCommands(deps: PaymentDeps): Readonly<Record<StoreCommand, Respond>> {
  return {
    'store.create': merchantChange(
      deps,
      (body) => ({ command: 'POST /v1/stores', content: body }),
      CreateStoreBody,
      (merchant, { name }, _id, key) => decideStore(deps, merchant, name, key),
    ),
    'store.get': merchantCommand(deps, async (merchant, request) => {
      const found = await getOne(deps, merchant, request.body)
      return { reply: found.ok ? { ok: true, body: found.value } : refusalReply(found.error, request.requestId) }
    }),
    'store.qr': merchantCommand(deps, async (merchant, request) => {
      const made = await sticker(deps, merchant, request.body)
      return { reply: made.ok ? { ok: true, body: made.value } : refusalReply(made.error, request.requestId) }
    }),
    'store.list': merchantCommand(deps, async (merchant, request) => {
      const query = ListStoresQuery.safeParse(request.body ?? {})
      if (!query.success) return { reply: refusalReply(invalidRequest(query.error), request.requestId) }
      return { reply: { ok: true, body: await list(deps, merchant, query.data) } }
    }),
    'merchant.socket_token': merchantChange(
      deps,
      (body) => ({ command: 'POST /v1/socket_tokens', content: body }),
      SocketTokenBody,
      async (merchant, { store }) => {
        if (store !== undefined && !(await ownsStore(deps, merchant.merchant, store))) {
          return { kind: 'refusal', refusal: notYours() }
        }
        return { kind: 'reply', body: await deps.issueMerchantToken(merchant, store ?? null), jti: null }
      },
    ),
  }
}

/** Made before its reply is stored, so that who sends again after neither came finds it by the key. */
async function decideStore(deps: PaymentDeps, merchant: Merchant, name: string, key: string): Promise<Decision> {
  const of = merchant.merchant
  await deps.sql`
    insert into stores (id, merchant, name, request_key) values (${deps.ids.make('sto')}, ${of}, ${name}, ${key})
    on conflict do nothing`
  const rows = await deps.sql<(StoreRow & { request_key: string | null })[]>`
    select id, name, created_at, request_key from stores
    where merchant = ${of} and (name = ${name} or request_key = ${key})`
  const mine = rows.find((row) => row.request_key === key)
  if (mine?.name === name) return { kind: 'reply', body: storeView(mine), jti: null }
  const refusal =
    mine === undefined
      ? refuse('invalid_request', `There is a store of this name already: ${rows[0]?.id ?? ''}.`, { param: 'name' })
      : refuse('idempotency_key_reused', 'This key made another store; use a new one.')
  return { kind: 'refusal', refusal }
}

async function getOne(deps: PaymentDeps, merchant: Merchant, body: unknown): Promise<Result<StoreView, Refusal>> {
  const id = StoreId.safeParse(body)
  const row = id.success ? await findStore(deps, merchant.merchant, id.data) : null
  return row === null ? err(notYours()) : ok(storeView(row))
}

/** What the sticker at a store's till says: whom to pay, and where; the payer says how much. */
async function sticker(
  deps: PaymentDeps,
  merchant: Merchant,
  body: unknown,
): Promise<Result<{ payload: string }, Refusal>> {
  const store = await getOne(deps, merchant, body)
  if (!store.ok) return store
  const { currencyNumeric, country, city } = deps.rules
  const to = { merchant: merchant.merchant, store: store.value.id }
  return ok({ payload: encodeStaticQr({ ...to, currencyNumeric, merchantName: merchant.name, country, city }) })
}

async function list(deps: PaymentDeps, merchant: Merchant, query: ListStoresQuery): Promise<StoreList> {
  const { sql } = deps
  const backwards = query.ending_before !== undefined && query.starting_after === undefined
  const rows = await sql<StoreRow[]>`
    select id, name, created_at from stores
    where merchant = ${merchant.merchant}
      ${query.starting_after === undefined ? sql`` : sql`and id < ${query.starting_after}`}
      ${query.ending_before === undefined ? sql`` : sql`and id > ${query.ending_before}`}
    order by id ${backwards ? sql`asc` : sql`desc`}
    limit ${query.limit + 1}`
  const page = rows.slice(0, query.limit)
  if (backwards) page.reverse()
  return { data: page.map((row) => storeView(row)), has_more: rows.length > query.limit }
}

function storeView({ id, name, created_at }: StoreRow): StoreView {
  return { id, name, created_at: timestamp(created_at.getTime()) }
}

const notYours = (): Refusal => refuse('not_found', 'There is no such store of yours.', { param: 'store' })
