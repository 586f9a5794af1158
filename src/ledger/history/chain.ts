import { createHash } from 'node:crypto'

/** The hash chain's arithmetic, made again from the rows: what `seal_transfers` (0008_history.sql) has written must be equal. */

/** A row of `seals`. */
export type Seal = {
  ledger: number
  no: bigint
  first: bigint
  last: bigint
  count: number
  entries: Buffer
  hash: Buffer
  /** Microseconds since 2000-01-01, as Postgres keeps time. */
  atUs: bigint
}

/** What a ledger's first seal follows. */
export const NO_HASH = Buffer.alloc(32)

export function sealHash(before: Buffer, seal: Seal): Buffer {
  const head = Buffer.alloc(40)
  head.writeInt32BE(seal.ledger, 0)
  head.writeBigInt64BE(seal.no, 4)
  head.writeBigInt64BE(seal.first, 12)
  head.writeBigInt64BE(seal.last, 20)
  head.writeInt32BE(seal.count, 28)
  head.writeBigInt64BE(seal.atUs, 32)
  return createHash('sha256').update(before).update(head).update(seal.entries).digest()
}

const DIGEST_BYTES = 16
const ENTRY_BYTES = 2 * DIGEST_BYTES

/** First half of SHA-256 over a transfer's text. */
export function rowDigest(text: string): string {
  return createHash('sha256')
    .update(text, 'utf8')
    .digest('hex')
    .slice(0, 2 * DIGEST_BYTES)
}

/** A seal's transfers, id to digest, both as hex digits. */
export function entriesOf(seal: Seal): Map<string, string> {
  const entries = new Map<string, string>()
  for (let at = 0; at + ENTRY_BYTES <= seal.entries.length; at += ENTRY_BYTES) {
    entries.set(
      seal.entries.toString('hex', at, at + DIGEST_BYTES),
      seal.entries.toString('hex', at + DIGEST_BYTES, at + ENTRY_BYTES),
    )
  }
  return entries
}

export function uuidOf(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
