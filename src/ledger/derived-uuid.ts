import { hash } from 'node:crypto'

/** A UUIDv8 (RFC 9562 §5.8) over SHA-256 that follows from a name: the same name twice is the same id. */
export function derivedUuid(name: string): string {
  const bytes = hash('sha256', name, 'buffer').subarray(0, 16)
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/**
 * The id of the transfer that ends a hold: it follows from the hold, so that ending twice is ending once, and keeps
 * the hold's time in front, so that it falls where the index is being written anyway.
 */
export function endId(hold: string, kind: 'confirm' | 'void' | 'expire'): string {
  return hold.slice(0, 13) + derivedUuid(`${hold}/${kind}`).slice(13)
}
