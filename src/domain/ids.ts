/**
 * Ids: 128 bits, time-ordered (UUIDv7), written as a prefix and 22 base62 digits
 * at the rim, so that a reference at a bank is found from a payment by eye.
 */

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const WIDTH = 22

/** As many digits as fit a number exactly: three groups make an id, so long arithmetic is done twice instead of 22 times. */
const GROUP = 8
const GROUP_SIZE = 62 ** GROUP
const GROUP_SIZE_LONG = BigInt(GROUP_SIZE)

/** A UUID's 128 bits as 22 base62 digits; the order of bytes is kept. */
export function toBase62(uuid: string): string {
  const all = BigInt(`0x${uuid.replaceAll('-', '')}`)
  const upper = all / GROUP_SIZE_LONG
  const first = upper / GROUP_SIZE_LONG
  return (
    digits(Number(first), WIDTH - 2 * GROUP) +
    digits(Number(upper - first * GROUP_SIZE_LONG), GROUP) +
    digits(Number(all - upper * GROUP_SIZE_LONG), GROUP)
  )
}

function digits(value: number, width: number): string {
  let rest = value
  let out = ''
  for (let i = 0; i < width; i++) {
    const above = Math.floor(rest / 62)
    out = DIGITS.charAt(rest - above * 62) + out
    rest = above
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
  const at = nowMs.toString(16).padStart(12, '0')
  const hex = (i: number, keep = 0xff, set = 0) => HEX[((random[i] ?? 0) & keep) | set] ?? ''
  const time = `${at.slice(0, 8)}-${at.slice(8)}`
  const tail = hex(4) + hex(5) + hex(6) + hex(7) + hex(8) + hex(9)
  return `${time}-${hex(0, 0x0f, 0x70)}${hex(1)}-${hex(2, 0x3f, 0x80)}${hex(3)}-${tail}`
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

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

/** The end of an id's 48 bits of time, in the year 10889. */
const LAST_MS = 2 ** 48 - 1

/** No id made at this time or later sorts below this one, and none made earlier above: what was made in a time is a range of ids. */
export function lowestIdAt(prefix: string, nowMs: number): string {
  const at = Math.min(Math.max(Math.floor(nowMs), 0), LAST_MS)
  return `${prefix}_${toBase62(at.toString(16).padStart(12, '0').padEnd(32, '0'))}`
}

/** What an attempt is called at a rail: the payment's 22 digits, what it does, which attempt it is. ≤ 30 characters. */
export function attemptReference(paymentId: string, operation: 'collect' | 'payOut' | 'refund', no: number): string {
  const code = { collect: 'CO', payOut: 'PO', refund: 'RF' }[operation]
  return `${paymentId.slice(paymentId.indexOf('_') + 1)}${code}${String(no).padStart(2, '0')}`
}

/** What is called so: the recovery's workflow, and what its approval is for. `bearer`: the payment or refund. */
export const recoveryId = (bearer: string, evidence: string): string => `${bearer}/rec/${evidence}`

/** Null where it names no recovery. */
export function readRecoveryId(id: string): { bearer: string; evidence: string } | null {
  const [, bearer, evidence] = /^([^/]+)\/rec\/([0-9a-f-]{36})$/.exec(id) ?? []
  return bearer === undefined || evidence === undefined ? null : { bearer, evidence }
}
