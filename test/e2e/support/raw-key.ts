import { webcrypto } from 'node:crypto'

/** JOSE made by hand from WebCrypto, so that it can also be made wrong. */

export type Json = Readonly<Record<string, unknown>>

export type DeviceKey = {
  publicJwk: { kty: string; crv: string; x: string; y: string }
  /** ECDSA with SHA-256, raw r ‖ s of 64 bytes, as JWS ES256 has it (RFC 7518 §3.4). */
  sign(input: Uint8Array): Promise<Uint8Array>
}

export type Signer = (input: Uint8Array) => Promise<Uint8Array> | Uint8Array

export async function makeKey(): Promise<DeviceKey> {
  const pair = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
  const { kty = '', crv = '', x = '', y = '' } = await webcrypto.subtle.exportKey('jwk', pair.publicKey)
  return {
    publicJwk: { kty, crv, x, y },
    sign: async (input) =>
      new Uint8Array(
        await webcrypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, new Uint8Array(input)),
      ),
  }
}

/** A compact JWS over any header and payload, signed by anything (RFC 7515 §7.1). */
export async function compactJws(header: Json, payload: Json, sign: Signer): Promise<string> {
  const input = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`
  return `${input}.${Buffer.from(await sign(Buffer.from(input))).toString('base64url')}`
}

/** The same signature as a DER sequence of two integers: what other crypto libraries give, and JWS forbids. */
export function asDer(raw: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array) => {
    const trimmed = bytes.subarray(
      Math.max(
        0,
        bytes.findIndex((byte) => byte !== 0),
      ),
    )
    const positive = (trimmed[0] ?? 0) >= 0x80 ? [0, ...trimmed] : [...trimmed]
    return [0x02, positive.length, ...positive]
  }
  const body = [...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))]
  return Uint8Array.from([0x30, body.length, ...body])
}

export async function sha256(text: string): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url')
}

export function random(bytes: number): string {
  return Buffer.from(webcrypto.getRandomValues(new Uint8Array(bytes))).toString('base64url')
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
