import { CODE_SECRET_BYTES, codeDigits, codeMessage, codeText } from '../../src/domain/customer-code.ts'
import type { CommandAnswer, CommandBody } from './answers.ts'
import { publicPart } from './device-key.ts'
import { MooringError } from './errors.ts'
import { openJwe, receivingPair } from './jwe.ts'
import { webCrypto, type Subtle } from './ports.ts'

/**
 * What makes this device's codes, offline too: keep it in IndexedDB beside the device's key (it stores CryptoKey objects).
 * It is good until the device registers again or is revoked.
 */
export type CodeMaker = {
  /** Nine digits, by which the server finds the secret. */
  number: string
  /** HMAC-SHA256. */
  key: CryptoKey
  step_s: number
  /** What one payment may take without being confirmed on the phone, minor units. */
  no_touch_max: string
}

/** `expires_ms`: when the next one is to be shown, by the clock it was made by. A shop's server takes it one step longer. */
export type CustomerCode = { code: string; expires_ms: number }

/**
 * The 20 digits to show at a moment, as text, barcode or QR code.
 * @param now_ms the server's time: `client.serverNow()`, or the device's clock while there was no connection yet
 * @param subtle the platform's, where it is not the global `crypto.subtle`
 */
export async function customerCode(
  maker: CodeMaker,
  now_ms: number,
  subtle: Subtle = webCrypto(),
): Promise<CustomerCode> {
  const step_ms = maker.step_s * 1_000
  const step = Math.floor(now_ms / step_ms)
  const mac = await subtle.sign('HMAC', maker.key, codeMessage(maker.number, step))
  return { code: codeText(maker.number, codeDigits(new Uint8Array(mac))), expires_ms: (step + 1) * step_ms }
}

/** Sends `code.register`, signed. */
export type Register = (body: Omit<CommandBody<'code.register'>, 'action'>) => Promise<CommandAnswer<'code.register'>>

/** Asks for a number and secret. `register` sends the command; the secret comes encrypted to a key that is then forgotten. */
export async function registerCode(
  register: Register,
  { extractable, subtle }: { extractable: boolean; subtle: Subtle },
): Promise<CodeMaker> {
  const pair = await receivingPair(subtle)
  const { number, secret_jwe, step_s, no_touch_max } = await register({
    key: publicPart(await subtle.exportKey('jwk', pair.publicKey)),
  })
  const secret = await openJwe(secret_jwe, pair.privateKey, subtle)
  if (secret.length !== CODE_SECRET_BYTES) throw new MooringError('protocol_fault', 'the secret is not 32 bytes')
  return { number, key: await codeKey(secret, { extractable, subtle }), step_s, no_touch_max }
}

/** The secret as a key, for platforms that keep its bytes themselves. */
export function codeKey(
  secret: Uint8Array<ArrayBuffer>,
  options: { extractable?: boolean; subtle?: Subtle } = {},
): Promise<CryptoKey> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  return (options.subtle ?? webCrypto()).importKey('raw', secret, hmac, options.extractable ?? false, ['sign'])
}
