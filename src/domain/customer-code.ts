/**
 * The code that a customer shows to be scanned or typed (protocol.md, Customer code): 20 digits, of which the first eleven
 * say whose secret makes the last nine. Pure: whoever has the secret makes the MAC, phones by WebCrypto and hubs by Node.
 *
 *   code   = "29" ‖ number (9) ‖ the first 8 bytes of the MAC, big-endian, mod 10⁹ (9 digits)
 *   MAC    = HMAC-SHA256(secret, "mooring:code" ‖ number as ASCII ‖ step as 8 bytes, big-endian)
 *   step   = ⌊server time in seconds / 30⌋
 */

export const CODE_STEP_S = 30
/** Bytes of a device's secret. */
export const CODE_SECRET_BYTES = 32

const PREFIX = '29'
const CONTEXT = 'mooring:code'
const DIGITS = 9
const CODE = /^29([0-9]{9})([0-9]{9})$/

export function codeStep(nowMs: number): number {
  return Math.floor(nowMs / 1_000 / CODE_STEP_S)
}

/** What the secret is to sign for this number and step. */
export function codeMessage(number: string, step: number): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(CONTEXT + number)
  const message = new Uint8Array(text.length + 8)
  message.set(text)
  new DataView(message.buffer).setBigUint64(text.length, BigInt(step))
  return message
}

/** The nine digits that a MAC makes. */
export function codeDigits(mac: Uint8Array): string {
  let value = 0n
  for (const byte of mac.subarray(0, 8)) value = value * 256n + BigInt(byte)
  return (value % 1_000_000_000n).toString().padStart(DIGITS, '0')
}

export function codeText(number: string, digits: string): string {
  return PREFIX + number + digits
}

/** Null for what is no code at all, as when something else was scanned. */
export function readCode(text: string): { number: string; digits: string } | null {
  const [, number, digits] = CODE.exec(text) ?? []
  return number === undefined || digits === undefined ? null : { number, digits }
}
