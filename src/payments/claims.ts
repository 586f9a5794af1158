import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { toBase62 } from '../domain/ids.ts'

/**
 * Secrets derived from the hub's claim key:
 * - a claim: proof that this user saw this payment's QR code;
 * - an alias: a payer's id in one merchant's scope, so that merchants cannot join their customers.
 */
export type Claims = {
  make(payment: string, user: string): string
  verify(claim: string, payment: string, user: string): boolean
  payerAlias: (merchant: string, user: string) => string
}

export function makeClaims(bytes: Uint8Array): Claims {
  const key = createSecretKey(bytes)
  const mac = (...parts: string[]) => createHmac('sha256', key).update(JSON.stringify(parts)).digest()
  const claim = (payment: string, user: string) => mac('claim', payment, user).subarray(0, 16)
  return {
    make: (payment, user) => claim(payment, user).toString('base64url'),
    verify: (text, payment, user) => equal(Buffer.from(text, 'base64url'), claim(payment, user)),
    payerAlias: (merchant, user) => `usr_${toBase62(mac('payer', merchant, user).subarray(0, 16).toString('hex'))}`,
  }
}

/** 128 random bits, as a dynamic QR code carries them. */
export function makeQrToken(): string {
  return randomBytes(16).toString('base64url')
}

/** Compares secrets without telling by time where they differ. */
export function sameSecret(a: string, b: string): boolean {
  return equal(Buffer.from(a), Buffer.from(b))
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
