import { bytesOf, utf8 } from './base64url.ts'
import { MooringError } from './errors.ts'
import { webCrypto, type Subtle } from './ports.ts'

const ALG = 'ECDH-ES'
const ENC = 'A256GCM'
const KEY_BITS = 256
const P256 = { name: 'ECDH', namedCurve: 'P-256' } as const

/** A key pair for one secret that is to be received: to be forgotten once it has been. */
export function receivingPair(subtle: Subtle = webCrypto()): Promise<CryptoKeyPair> {
  return subtle.generateKey(P256, false, ['deriveBits'])
}

/**
 * The plaintext of a compact JWE that was encrypted to this key by ECDH-ES and A256GCM (RFC 7516, RFC 7518 §4.6).
 * @throws MooringError `protocol_fault` for any other, and for one that was altered
 */
export async function openJwe(
  jwe: string,
  privateKey: CryptoKey,
  subtle: Subtle = webCrypto(),
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const [header = '', wrapped, iv = '', ciphertext = '', tag = ''] = jwe.split('.')
    const { alg, enc, epk, apu, apv } = headerOf(header)
    if (alg !== ALG || enc !== ENC || wrapped !== '') throw new TypeError(`no JWE by ${ALG} and ${ENC}`)
    const theirs = await subtle.importKey('jwk', epk, P256, false, [])
    const shared = await subtle.deriveBits({ name: 'ECDH', public: theirs }, privateKey, KEY_BITS)
    const key = await agreedKey(new Uint8Array(shared), { apu: bytesOf(apu), apv: bytesOf(apv) }, subtle)
    const sealed = joined(bytesOf(ciphertext), bytesOf(tag))
    const opening = { name: 'AES-GCM', iv: bytesOf(iv), additionalData: utf8(header), tagLength: 128 }
    return new Uint8Array(await subtle.decrypt(opening, key, sealed))
  } catch (cause) {
    throw new MooringError('protocol_fault', 'the secret cannot be opened', { cause })
  }
}

type Header = { alg: unknown; enc: unknown; epk: JsonWebKey; apu: string; apv: string }

function headerOf(text: string): Header {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a codec: what is no key fails to be imported
  const header = JSON.parse(new TextDecoder().decode(bytesOf(text))) as Partial<Header>
  return { alg: header.alg, enc: header.enc, epk: header.epk ?? {}, apu: header.apu ?? '', apv: header.apv ?? '' }
}

/** Concat KDF (NIST SP 800-56A §5.8.1) as RFC 7518 §4.6.2 has it: one round, since SHA-256 is as long as the key. */
async function agreedKey(
  shared: Uint8Array,
  { apu, apv }: { apu: Uint8Array; apv: Uint8Array },
  subtle: Subtle,
): Promise<CryptoKey> {
  const info = joined(sized(utf8(ENC)), sized(apu), sized(apv), uint32(KEY_BITS))
  const bits = await subtle.digest('SHA-256', joined(uint32(1), shared, info))
  return subtle.importKey('raw', bits, 'AES-GCM', false, ['decrypt'])
}

const sized = (bytes: Uint8Array): Uint8Array => joined(uint32(bytes.length), bytes)

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
