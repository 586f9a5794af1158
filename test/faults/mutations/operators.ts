import type { Mutation } from '../../support/mutations/mutation.ts'

/** Two people, approvals, the codec, its keys, and people at Temporal (acceptance: two people, Temporal UI, keys, ops by hand). */
const TABLES = 'src/ledger/migrations/0011_operators.sql'
const APPROVALS = 'test/ops/approvals.pg.test.ts'
const HEARD = 'test/ops/heard.pg.test.ts'
const SEALED = 'test/codec/sealed.test.ts'
const ON_TEMPORAL = 'test/codec/codec.temporal.test.ts'
const BY_HAND = 'test/ops/by-hand.e2e.test.ts'
const CANARY = 'test/ops/canary.e2e.test.ts'
const SERVICE = 'test/ops/service.pg.test.ts'

const broken = (test: string, file: string, name: string, from: string, to: string): Mutation => ({
  name,
  tests: [test],
  edits: [{ file, from, to }],
})

export const OPERATORS: readonly Mutation[] = [
  broken(
    HEARD,
    'src/ops/evidence.ts',
    'decides without what was said after the end',
    "update(canonicalize(evidence) ?? '')",
    "update(canonicalize({ ...evidence, heard: [] }) ?? '')",
  ),
  broken(
    HEARD,
    'src/payments/recovery/decide.ts',
    'takes an approval of a payment for one of its recovery',
    'payment: recoveryId(evidence.payment, id)',
    'payment: evidence.payment',
  ),
  broken(
    HEARD,
    'src/ops/evidence.ts',
    'measures a recovery by its payment',
    'about === null ? head.amount : BigInt(about.moved ?? about.amount)',
    'head.amount',
  ),
  broken(
    HEARD,
    'src/ops/approvals.ts',
    'approves what is no decision about this',
    'if (!actionsFor(seen).includes(action))',
    'if (false as boolean)',
  ),
  broken(
    APPROVALS,
    TABLES,
    'takes one person’s two approvals for two',
    ' and o.person <> first.person',
    ' and x.id <> a.id',
  ),
  broken(
    APPROVALS,
    TABLES,
    'makes two operators of one person',
    'person text not null unique check',
    'person text not null check',
  ),
  broken(
    APPROVALS,
    TABLES,
    'acts on an approval again',
    'elsif a.consumed_by is not null then v_code',
    'elsif false then v_code',
  ),
  broken(
    APPROVALS,
    TABLES,
    'acts on an approval of other evidence',
    'elsif a.evidence_hash <> p_evidence_hash',
    'elsif false',
  ),
  broken(APPROVALS, TABLES, 'acts on an approval of another amount', 'elsif a.amount <> p_amount or', 'elsif'),
  broken(APPROVALS, TABLES, 'acts on an old approval', 'elsif a.expires_at <= clock_timestamp()', 'elsif false'),
  broken(
    APPROVALS,
    TABLES,
    'acts on an approval for another action',
    "elsif not a.action = any (string_to_array(p_actions, ','))",
    'elsif false',
  ),
  broken(
    APPROVALS,
    TABLES,
    'reads an approval that another is acting on',
    ' order by x.id for update',
    ' order by x.id',
  ),
  broken(
    APPROVALS,
    TABLES,
    'leaves the second approval to be used again',
    'where x.id in (a.id, second_id)',
    'where x.id in (a.id)',
  ),
  broken(
    APPROVALS,
    TABLES,
    'lets the ops service date its approvals',
    'grant insert (id, payment, action, amount, currency, evidence_hash, evidence, reason, operator) on',
    'grant insert on',
  ),
  broken(
    ON_TEMPORAL,
    'src/codec/codec.ts',
    'reads what came to a workflow in the clear',
    ': { metadata: { encoding: Buffer.from(WHY[opened.why]) }, data: new Uint8Array(0) }',
    ': payload',
  ),
  broken(
    ON_TEMPORAL,
    'src/codec/failure-converter.ts',
    'stores failures in the clear',
    'encodeCommonAttributes: true',
    'encodeCommonAttributes: false',
  ),
  broken(
    SEALED,
    'src/codec/sealed.ts',
    'reads under the newest key alone',
    'const key = ring.keys.get(keyId)',
    'const key = ring.keys.get(ring.writes)',
  ),
  broken(
    SEALED,
    'src/codec/sealed.ts',
    'binds a payload to no key',
    'Buffer.from(`${ENCODING}\\0${keyId}`)',
    'Buffer.from(`${ENCODING}\\0${keyId.slice(99)}`)',
  ),
  broken(
    SERVICE,
    'src/ops/service/codec-routes.ts',
    'decodes for any page with the operator’s cookie',
    'if (!cameFrom(request, [uiOrigin]))',
    'if (!cameFrom(request, [uiOrigin, request.headers.origin ?? null]))',
  ),
  broken(
    SERVICE,
    'src/ops/service/server.ts',
    'takes a decision from any page',
    '!cameFrom(request, [deps.publicUrl.origin])',
    '!cameFrom(request, [request.headers.origin ?? null])',
  ),
  broken(
    BY_HAND,
    'src/payments/decide.ts',
    'acts on an update without an approval',
    'const answer = await deps.consume(decision)',
    "const said = await deps.consume(decision)\n    const answer = said.ok ? said : { ok: true as const, action: 'resolve_settled' as const, operators: [] }",
  ),
  broken(
    BY_HAND,
    'src/codec/codec.ts',
    'takes an update in the clear',
    ': { metadata: { encoding: Buffer.from(WHY[opened.why]) }, data: new Uint8Array(0) }',
    ': payload',
  ),
  broken(
    BY_HAND,
    'src/payments/tending.ts',
    'leaves a payment whose workflow was terminated',
    'for (const row of rows) deps.restart(row.id, row)',
    'for (const row of rows) deps.restart(row.id.slice(0, 3), row)',
  ),
  broken(
    CANARY,
    'src/payments/commands/accept.ts',
    'lets payments be found by their payer’s account',
    'user: accepted.payer }',
    'user: source.account?.account ?? null }',
  ),
]
