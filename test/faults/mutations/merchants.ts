import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** What a merchant's socket may hear, and that nothing is missing from it. */

const FEEDS = 'test/payments/merchant-feeds.pg.test.ts'
const READS = 'test/payments/reads.pg.test.ts'
const LARGE = 'test/payments/large.pg.test.ts'
const TOKENS = 'test/identity/merchant-tokens.pg.test.ts'
const SOCKET = 'test/edge/merchant.nats.test.ts'
const followed = broken('src/payments/followed.ts', FEEDS)
const units = broken('src/ledger/functions/apply_units.sql', FEEDS)
const feeds = broken('src/payments/feeds.ts', FEEDS)
const snapshot = broken('src/payments/snapshot.ts', FEEDS)
const list = broken('src/payments/checkout.ts', READS)
const large = broken('src/payments/checkout.ts', LARGE)
const events = broken('src/payments/events.ts', FEEDS)
const stores = broken('src/payments/stores.ts', TOKENS)
const authenticate = broken('src/identity/authenticate.ts', TOKENS)
const session = broken('src/identity/session.ts', TOKENS)
const commands = broken('src/edge/commands.ts', SOCKET)
const identity = broken('src/edge/identity.ts', SOCKET)

export const MERCHANTS: readonly Mutation[] = [
  followed('begins a feed without waiting for payments under way', 'if (seen?.ended === true) break', 'break'),
  followed(
    'takes a feed for begun that another is beginning',
    'if (known?.complete === true)',
    'if (known !== undefined)',
  ),
  units('looks for followers before the transaction has its id', '    perform pg_current_xact_id();\n', ''),
  units(
    'writes a feed that nobody follows',
    'or exists (select from followed_feeds w where w.feed = k.feed)',
    'or true',
  ),
  units('writes no feed of a merchant', 'or exists (select from followed_feeds w where w.feed = k.feed)', 'or false'),
  feeds(
    'opens a feed that nobody has begun',
    "holder.holder === 'merchant' && !(await follow",
    'false && !(await follow',
  ),
  feeds('reads any feed for anybody', '.some((feed) => feed !== feedOf(holder.value))', '.some(() => false)'),
  snapshot('shows a store all of its merchant', 'holder.store === null ? await', 'true ? await'),
  broken('src/payments/snapshot.ts', READS)(
    'looks for a merchant’s open payments among everybody’s',
    'where merchant = ${merchant} and status not in',
    'where payee = ${merchant} and status not in',
  ),
  large('answers a page however long it is', 'fitting(rows.slice', '(rows.slice'),
  broken('src/payments/page.ts', LARGE)(
    'counts letters where NATS counts bytes',
    'Buffer.byteLength(JSON.stringify(item))',
    'JSON.stringify(item).length / 2',
  ),
  broken('src/payments/snapshot.ts', LARGE)(
    'keeps silent about payments that a snapshot has no room for',
    'shown.length < rows.length ?',
    'shown.length < 0 ?',
  ),
  broken('src/payments/feeds.ts', LARGE)('answers missed events however long they are', 'fitting(events)', 'events'),
  broken('src/contract/rest.ts', LARGE)(
    'counts letters of metadata where a message has bytes',
    'new TextEncoder().encode(JSON.stringify(metadata)).length',
    'JSON.stringify(metadata).length',
  ),
  list('takes the time of an id for that of its payment', '10 * 60_000', '0'),
  list('lists what was created too late', 'and created_at < ${query.created_lt} and', 'and'),
  list('lists what was created too early', 'and created_at >= ${query.created_gte} and', 'and'),
  snapshot(
    'shows a merchant who the payer is',
    'payerAlias: ids.payerAlias',
    'payerAlias: (_of: string, user: string) => user',
  ),
  events(
    'tells a merchant who the payer is',
    'payerAlias: ids.payerAlias',
    'payerAlias: (_of: string, user: string) => user',
  ),
  events('tells a store nothing', '[merchant, store].filter', '[merchant].filter'),
  stores(
    'gives a token for any store',
    'if (store !== undefined && !(await ownsStore',
    'if (store !== undefined && false && !(await ownsStore',
  ),
  authenticate('takes a token whose secret key was revoked', 'if (found.revoked)', 'if (false)'),
  authenticate('takes a token of a closed merchant', 'if (found.closed)', 'if (false)'),
  authenticate(
    'lets a merchant’s token be a phone’s',
    "access.value.holder === 'phone' ? phone(access.value) : err(refuse('forbidden', LISTENS_ONLY))",
    "phone(access.value.holder === 'phone' ? access.value : { user: '', device: '', jkt: '', expiresAtMs: 0 })",
  ),
  session('opens a phone’s socket without a proof', 'if (body.data.proof === undefined) {', 'if (false) {'),
  commands('passes on what a merchant’s socket says', 'if (deviceOf(identity) === null) {', 'if (false) {'),
  identity('hears the merchant where the token is of a store', '(holder.store ?? holder.merchant)', 'holder.merchant'),
]
