/**
 * Ids: 128 bits, time-ordered (UUIDv7), written as a prefix and 22 base62 digits
 * at the rim, so that a reference at a bank is found from a payment by eye.
 */

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const WIDTH = 22

/** A UUID's 128 bits as 22 base62 digits; the order of bytes is kept. */
export function toBase62(uuid: string): string {
  let rest = BigInt(`0x${uuid.replaceAll('-', '')}`)
  let out = ''
  for (let i = 0; i < WIDTH; i++) {
    out = DIGITS.charAt(Number(rest % 62n)) + out
    rest /= 62n
  }
  return out
}

/** Source of fresh ids; passed in, so that a test can name them. */
export type Ids = {
  uuid(): string
  /** `pay_…`, `usr_…` and their like. */
  make(prefix: string): string
}

/**
 * UUIDv7 (RFC 9562 §5.7) over a clock and a source of random bytes:
 * 48 bits of milliseconds, then version, variant and 74 random bits.
 */
export function uuidV7(nowMs: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16)
  bytes.set(random.subarray(0, 10), 6)
  let ms = nowMs
  for (let i = 5; i >= 0; i--) {
    bytes[i] = ms % 256
    ms = Math.floor(ms / 256)
  }
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f)
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f)
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Random bytes of an id, and for how many ids they are drawn at once: a draw costs as much as the rest of an id. */
const RANDOM_BYTES = 10
const DRAWN_IDS = 128

export function makeIds(now: () => number, random: (bytes: number) => Uint8Array): Ids {
  let drawn = new Uint8Array(0)
  let at = 0
  const uuid = () => {
    if (at >= drawn.length) {
      drawn = Uint8Array.from(random(RANDOM_BYTES * DRAWN_IDS))
      at = 0
    }
    at += RANDOM_BYTES
    return uuidV7(now(), drawn.subarray(at - RANDOM_BYTES, at))
  }
  return { uuid, make: (prefix) => `${prefix}_${toBase62(uuid())}` }
}

/** What an attempt is called at a rail: the payment's 22 digits, what it does, which attempt it is. ≤ 30 characters. */
export function attemptReference(paymentId: string, operation: 'collect' | 'payOut' | 'refund', no: number): string {
  const code = { collect: 'CO', payOut: 'PO', refund: 'RF' }[operation]
  return `${paymentId.slice(paymentId.indexOf('_') + 1)}${code}${String(no).padStart(2, '0')}`
}
