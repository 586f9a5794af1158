import type { Mutation } from '../../support/mutations/mutation.ts'
import { HISTORY, broken } from './files.ts'

/** The chain of seals: what `verify` sees when it walks it, and what of a transfer and of a seal is hashed. */
const TAMPER = 'test/ledger/tamper.pg.test.ts'
const VERIFY = 'src/ledger/history/verify.ts'
const HASHES = 'src/ledger/history/chain.ts'

const walk = broken(VERIFY, TAMPER)

const verification: readonly Mutation[] = [
  walk('verify believes each transfer', 'if (digest === rowDigest(row.text)) return', 'return'),
  walk('verify misses no transfer', 'of chain.left.keys()) {', 'of new Map<string, string>().keys()) {'),
  walk('verify takes a transfer that no seal knows', 'return this.#unsealed(chain, row)', 'return'),
  walk('verify names all of an end that no seal knows', 'if (seal === null && chain.tailNamed) return', ''),
  walk(
    'verify names what a missing seal held as well',
    'if (seal !== null && chain.broken && row.position < seal.first) return',
    '',
  ),
  walk('verify looks from the first position on', 'let after: bigint | null = null;', 'let after: bigint | null = 0n;'),
  walk('verify believes each seal', '} else if (!made.equals(seal.hash) &&', '} else if (false &&'),
  walk('verify blames a seal for the one before', ' && !sealHash(chain.beforeMade, seal).equals(seal.hash)', ''),
  walk('verify misses no seal', 'chain.broken = seal.no !== chain.no + 1n', 'chain.broken = false'),
  walk('verify takes seals that overlap', 'if (seal.first <= chain.last || ', 'if ('),
  walk('verify takes a seal past the watermark', ' || seal.last > this.#sealedUpTo', ''),
  walk('verify takes a watermark ahead of every position', 'reached !== null && reached <= drawn', 'reached !== null'),
  walk(
    'verify does without a watermark',
    'reached !== null && reached <= drawn',
    'reached === null || reached <= drawn',
  ),
  walk(
    'verify takes a position that nobody drew',
    'of rows) {\n      const text = `transfer',
    'of rows.slice(rows.length)) {\n      const text = `transfer',
  ),
  walk('verify takes any head', "if (row?.hash.toString('hex') === known.hash) return", 'return'),
  walk(
    'verify says of one that was moved that it was put in',
    "known.what === 'inserted' && fault.what === 'altered'",
    'false',
  ),
]

/** Not part of what is hashed, neither where it is written nor where it is made again. */
const digested = (column: string, from: string, to: string): Mutation => ({
  name: `the digest of a transfer leaves its ${column} out`,
  tests: [TAMPER],
  edits: [HISTORY, VERIFY].map((file) => ({ file, from, to })),
})
const hashed = (what: string, sql: readonly [string, string], ts: string): Mutation => ({
  name: `the hash of a seal leaves ${what} out`,
  tests: [TAMPER],
  edits: [
    { file: HISTORY, from: sql[0], to: sql[1] },
    { file: HASHES, from: ts, to: '' },
  ],
})

const hashes: readonly Mutation[] = [
  digested('position', "'|', t.position, t.ledger", "'|', t.ledger"),
  digested('kind', 't.id, t.kind, t.debit_account', 't.id, t.debit_account'),
  digested('debit account', 't.kind, t.debit_account, t.credit_account', 't.kind, t.credit_account'),
  digested('credit account', 't.credit_account, t.amount,', 't.amount,'),
  digested('amount', 't.credit_account, t.amount,', 't.credit_account,'),
  digested('hold', "coalesce(t.pending_id::text, '-'), t.unit", 't.unit'),
  digested('unit', ' t.unit, extract', ' extract'),
  digested('time', ' extract(epoch from t.at), t.subject', ' t.subject'),
  digested('subject', 'extract(epoch from t.at), t.subject)', 'extract(epoch from t.at))'),
  hashed('the one before', ['sha256(v_hash || int4send', 'sha256(int4send'], '.update(before)'),
  hashed(
    'its first position',
    ['int8send(b.first_position)', 'int8send(0)'],
    '  head.writeBigInt64BE(seal.first, 12)\n',
  ),
  hashed('its time', ['timestamptz_send(v_at)', 'int8send(0)'], '  head.writeBigInt64BE(seal.atUs, 32)\n'),
  hashed('its transfers', [' || b.entries);', ');'], '.update(seal.entries)'),
]

const SEQUENCE = 'grant select on sequence transfers_position to mooring_ops;'

const rights: readonly Mutation[] = [
  broken(HISTORY, 'test/ops/proof.pg.test.ts')('verify does not see the last position drawn', SEQUENCE, ''),
]

export const CHAIN: readonly Mutation[] = [...verification, ...hashes, ...rights]
