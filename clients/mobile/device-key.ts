import type { DevicePublicKey } from '../../src/contract/index.ts'
import { webCrypto } from './ports.ts'

/** The key that is this device. On a phone it lives in secure hardware; here is the port, and its form over this realm's WebCrypto. */
export type DeviceKey = {
  publicJwk(): Promise<DevicePublicKey>
  /** ECDSA P-256 over SHA-256 of `data`; 64 bytes, r ‖ s (RFC 7518 §3.4). */
  sign(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const

/**
 * A new key pair. Not extractable unless asked for: keep the pair itself in
 * IndexedDB (it stores CryptoKey objects) and come back with `deviceKey(pair)`.
 */
export async function generateKeyPair(options: { extractable?: boolean } = {}): Promise<CryptoKeyPair> {
  return webCrypto().generateKey(P256, options.extractable ?? false, ['sign', 'verify'])
}

/** The device key over a WebCrypto pair, fresh or stored. */
export function deviceKey(pair: CryptoKeyPair): DeviceKey {
  return {
    publicJwk: async () => publicPart(await webCrypto().exportKey('jwk', pair.publicKey)),
    sign: async (data) =>
      new Uint8Array(await webCrypto().sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, data)),
  }
}

/** A new, non-extractable device key of this realm. */
export async function generateDeviceKey(): Promise<DeviceKey> {
  return deviceKey(await generateKeyPair())
}

/** The private JWK of a pair made extractable; for scripts, which have no IndexedDB. */
export async function exportKeyPair(pair: CryptoKeyPair): Promise<JsonWebKey> {
  return webCrypto().exportKey('jwk', pair.privateKey)
}

export async function importKeyPair(jwk: JsonWebKey, options: { extractable?: boolean } = {}): Promise<CryptoKeyPair> {
  const extractable = options.extractable ?? false
  const [privateKey, publicKey] = await Promise.all([
    webCrypto().importKey('jwk', { ...jwk, key_ops: ['sign'], ext: extractable }, P256, extractable, ['sign']),
    webCrypto().importKey('jwk', publicPart(jwk), P256, true, ['verify']),
  ])
  return { privateKey, publicKey }
}

/** Only the four members the server takes; WebCrypto adds `ext` and `key_ops`. */
export function publicPart(jwk: JsonWebKey): DevicePublicKey {
  if (jwk.kty !== 'EC' || jwk.crv !== 'P-256' || jwk.x === undefined || jwk.y === undefined) {
    throw new TypeError('expected an EC key on P-256')
  }
  return { kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.y }
}
